package gamification.peers;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.avro.Schema;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.Stores;

/**
 * The peers' job in Kafka Streams: the only argument is a file of settings. Those that begin with
 * "peers." are ours, all others are Streams' own.
 */
public final class Main {
  private static final Duration STOP_WITHIN = Duration.ofSeconds(10);
  private static final int FAILED = 1;

  private Main() {}

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Properties settings = new Properties();
    try (Reader reader = Files.newBufferedReader(Path.of(arguments[0]))) {
      settings.load(reader);
    }
    KafkaStreams streams = new KafkaStreams(topology(settings), settings);
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    CountDownLatch failed = new CountDownLatch(1);
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.ERROR) {
            failed.countDown();
          }
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(STOP_WITHIN)));
    streams.start();
    failed.await();
    Runtime.getRuntime().exit(FAILED);
  }

  private static Topology topology(Properties settings) throws IOException {
    Schema schema =
        new Schema.Parser().parse(Path.of(settings.getProperty("peers.schema")).toFile());
    boolean onDisk = settings.getProperty("peers.stores").equals("rocksdb");
    boolean cached = settings.getProperty("peers.cached").equals("true");
    // Every id is looked up once and written once: a cache in front of it only costs.
    var seen =
        Stores.keyValueStoreBuilder(
            supplier(Awards.SEEN, onDisk), Serdes.ByteArray(), Serdes.ByteArray());
    var totals =
        Stores.keyValueStoreBuilder(
            supplier(Awards.TOTALS, onDisk), Serdes.ByteArray(), Serdes.Long());
    return new Topology()
        .addSource(
            "points",
            Serdes.ByteArray().deserializer(),
            Serdes.ByteArray().deserializer(),
            settings.getProperty("peers.input"))
        .addProcessor("awards", () -> new Awards(schema), "points")
        .addStateStore(seen, "awards")
        .addStateStore(cached ? totals.withCachingEnabled() : totals, "awards")
        .addSink(
            "badges",
            settings.getProperty("peers.output"),
            Serdes.ByteArray().serializer(),
            Serdes.ByteArray().serializer(),
            "awards");
  }

  private static KeyValueBytesStoreSupplier supplier(String name, boolean onDisk) {
    return onDisk ? Stores.persistentKeyValueStore(name) : Stores.inMemoryKeyValueStore(name);
  }
}
