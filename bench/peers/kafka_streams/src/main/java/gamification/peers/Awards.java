package gamification.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Drops what was counted before, adds up, and says which badges the sum has just passed. */
final class Awards implements Processor<byte[], byte[], byte[], byte[]> {
  static final String SEEN = "seen";
  static final String TOTALS = "totals";

  private static final long[] THRESHOLDS = {100, 500, 1000};
  /** Confluent's envelope: a zero and the schema's id. */
  private static final int ENVELOPE_BYTES = 5;

  private static final byte[] KNOWN = {1};
  private static final AtomicBoolean BEGUN = new AtomicBoolean();

  private final GenericDatumReader<GenericRecord> reader;
  private final int eventId;
  private final int points;
  private ProcessorContext<byte[], byte[]> context;
  private KeyValueStore<byte[], byte[]> seen;
  private KeyValueStore<byte[], Long> totals;
  private BinaryDecoder decoder;
  private GenericRecord event;

  Awards(Schema schema) {
    reader = new GenericDatumReader<>(schema);
    eventId = schema.getField("event_id").pos();
    points = schema.getField("points").pos();
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> given) {
    context = given;
    seen = given.getStateStore(SEEN);
    totals = given.getStateStore(TOTALS);
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    if (!BEGUN.get() && BEGUN.compareAndSet(false, true)) {
      System.out.println("first " + System.currentTimeMillis() / 1000.0);
    }
    read(record.value());
    if (seen.putIfAbsent(bytes(event.get(eventId).toString()), KNOWN) != null) {
      return;
    }
    Long known = totals.get(record.key());
    long before = known == null ? 0 : known;
    long after = before + (Long) event.get(points);
    totals.put(record.key(), after);
    for (long threshold : THRESHOLDS) {
      if (before < threshold && threshold <= after) {
        context.forward(record.withValue(badge(record.key(), threshold)));
      }
    }
  }

  private void read(byte[] value) {
    try {
      int length = value.length - ENVELOPE_BYTES;
      decoder = DecoderFactory.get().binaryDecoder(value, ENVELOPE_BYTES, length, decoder);
      event = reader.read(event, decoder);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** An id takes 16 bytes, as it does in the engine's own table. */
  private static byte[] bytes(String id) {
    UUID uuid = UUID.fromString(id);
    return ByteBuffer.allocate(16)
        .putLong(uuid.getMostSignificantBits())
        .putLong(uuid.getLeastSignificantBits())
        .array();
  }

  private static byte[] badge(byte[] customer, long threshold) {
    String who = new String(customer, StandardCharsets.US_ASCII);
    return ("{\"customer_id\":\"" + who + "\",\"badge\":" + threshold + "}")
        .getBytes(StandardCharsets.US_ASCII);
  }
}
