"""What the development servers' helpers promise, without any server."""

import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.devstack import artefacts, external, record, settings, site
from deploy.devstack.errors import DevstackError, NotOurs, NotReady
from deploy.devstack.identity import Identity, identify, tree
from deploy.devstack.ports import FIRST, LAST, Ports
from deploy.devstack.process import Command, Process
from deploy.devstack.server import Addresses
from tests.waiting import eventually

ADDRESSES = Addresses(
    "127.0.0.1:1", "http://127.0.0.1:2", "postgresql://127.0.0.1:3/x", "127.0.0.1", 4
)
SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)")
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
DEAF = (*SLEEPER[:2], f"{IGNORES} {SLEEPER[2]}")


def test_a_wrong_choice_names_the_variable_and_what_is_allowed() -> None:
    with pytest.raises(DevstackError) as told:
        settings.read({"GAMIFICATION_DEVSTACK": "vagrant"})
    assert str(told.value) == (
        "GAMIFICATION_DEVSTACK=vagrant is not one of auto, docker, local, external"
    )


def test_the_cache_is_the_users_unless_told_otherwise() -> None:
    assert settings.read({"XDG_CACHE_HOME": "/c"}).cache == Path("/c/gamification-devstack")
    assert settings.read({"GAMIFICATION_DEVSTACK_CACHE": "/mine"}).cache == Path("/mine")


def test_external_servers_are_known_by_the_applications_own_variables() -> None:
    stack = external.attach(ADDRESSES.as_environment())
    assert stack.addresses == ADDRESSES
    with pytest.raises(NotOurs):
        stack.kafka.kill()


def test_external_servers_without_an_address_say_which_one_is_missing() -> None:
    given = ADDRESSES.as_environment()
    del given["GAMIFICATION_POSTGRES_DSN"]
    with pytest.raises(DevstackError, match=r"needs GAMIFICATION_POSTGRES_DSN$"):
        external.attach(given)


def test_no_port_is_given_to_two_stacks() -> None:
    first, second = Ports(), Ports()
    try:
        taken = [ports.take() for _ in range(50) for ports in (first, second)]
    finally:
        first.release()
        second.release()
    assert len(set(taken)) == len(taken)
    assert all(FIRST <= port <= LAST for port in taken)


def test_a_process_with_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL) as innocent:
        now = identify(innocent.pid)
        assert now is not None
        noted = record.Entry("kafka", Identity(now.pid, now.started - 1), signal.SIGTERM)
        record.save(tmp_path / "note.json", [noted], {})

        loaded = record.load(tmp_path / "note.json")
        assert loaded == ((noted,), {})
        record.end(loaded[0])

        assert innocent.poll() is None
        record.end([record.Entry("kafka", now, signal.SIGTERM)])
        assert innocent.wait(5) == -signal.SIGTERM


def test_a_process_that_ignores_the_signal_is_killed_after_the_time_is_over(
    tmp_path: Path,
) -> None:
    deaf = process(tmp_path, DEAF)
    deaf.start()
    assert not deaf.stop(within_s=0.2)
    assert deaf.exit_code == -signal.SIGKILL


def test_a_frozen_process_can_still_be_stopped(tmp_path: Path) -> None:
    frozen = process(tmp_path, SLEEPER)
    frozen.start()
    frozen.pause()
    assert frozen.stop(within_s=5)
    assert frozen.exit_code == -signal.SIGTERM


def test_asking_twice_sends_one_signal(tmp_path: Path) -> None:
    counts = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('asked'));"
    polite = process(tmp_path, (sys.executable, "-u", "-c", f"{counts} {SLEEPER[2]}"))
    polite.start()
    polite.ask_to_stop()
    eventually(lambda: "asked" in (tmp_path / "log").read_text())

    polite.stop(within_s=0.3)

    assert (tmp_path / "log").read_text().count("asked") == 1


def test_killing_takes_the_children_too(tmp_path: Path) -> None:
    parent = process(
        tmp_path, (sys.executable, "-c", f"import subprocess; subprocess.run({SLEEPER!r})")
    )
    parent.start()
    family = tree(parent.identity)
    assert len(family) == 2

    parent.kill()

    assert not any(each.alive() for each in family)


def test_a_process_that_ends_at_its_start_says_its_last_words(tmp_path: Path) -> None:
    broken = process(tmp_path, (sys.executable, "-c", "print('no such disk'); exit(3)"))
    with pytest.raises(NotReady, match=r"(?s)ended with 3.*no such disk"):
        broken.start()


def test_two_first_runs_at_once_fetch_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a Maven that notes each call, is slow, and makes the folders that the real one makes."""
    maven = tmp_path / "mvn"
    maven.write_text(
        "#!/bin/sh\n"
        f"echo called >> {tmp_path}/calls\n"
        'for argument; do case "$argument" in -Dout=*) out="${argument#-Dout=}";; esac; done\n'
        'sleep 0.3; mkdir -p "$out/kafka" "$out/registry"\n'
    )
    maven.chmod(0o755)
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    cache = tmp_path / "cache"

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(artefacts.java_programs, [cache, cache]))

    assert found[0] == found[1]
    assert found[0].kafka.is_dir()
    assert (tmp_path / "calls").read_text() == "called\n"
    assert not list(cache.glob("partial-*"))


def test_a_failed_download_leaves_nothing_that_looks_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho no route to host; exit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(artefacts, "find_java", lambda: "/usr/bin/java")

    with pytest.raises(DevstackError, match="no route to host"):
        artefacts.java_programs(tmp_path / "cache")

    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


def test_data_is_kept_on_request_and_removed_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    removed, kept = site.make_folder(), site.make_folder()

    site.remove(removed, keep=False)
    site.remove(kept, keep=True)
    site.remove_abandoned()

    assert list(tmp_path.iterdir()) == [kept]


def test_a_folder_is_abandoned_once_all_its_owners_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = site.make_folder()
    with subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL) as server:
        site.own(folder, [server.pid])
        site.remove_abandoned()
        assert folder.exists()
        server.kill()
    site.remove_abandoned()
    assert not folder.exists()


def process(folder: Path, argv: tuple[str, ...]) -> Process:
    """Ready when it has printed `up`."""
    log = folder / "log"
    command = Command(argv=argv, cwd=folder, log=log)
    return Process("it", command, lambda: "up" in log.read_text(), ready_within_s=10)
