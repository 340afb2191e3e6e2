"""Control groups of both versions, in a folder that looks like theirs."""

from pathlib import Path

import pytest

from bench import cage
from bench.cage import Cage, Throttled
from bench.measurement import Failed


@pytest.fixture
def unified(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    return tmp_path


@pytest.fixture
def separate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """We are in /ours for memory and in the root for CPU."""
    own = tmp_path / "own"
    own.write_text("4:memory:/ours\n3:cpu,cpuacct:/\n0::/\n")
    monkeypatch.setattr(cage, "OWN", own)
    for folder in ("memory/ours", "cpu,cpuacct"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_version_2_gets_both_limits_in_one_folder(unified: Path) -> None:
    made = Cage("one", cpus=0.3, memory_mib=256, root=unified)
    made.put(123)

    assert (unified / "one" / "cpu.max").read_text() == "30000 100000"
    assert (unified / "one" / "memory.max").read_text() == str(256 * 1024 * 1024)
    assert (unified / "one" / "cgroup.procs").read_text() == "123"
    (unified / "one" / "cpu.stat").write_text(
        "usage_usec 1\nnr_periods 40\nnr_throttled 10\nthrottled_usec 2500000\n"
    )
    (unified / "one" / "memory.events").write_text("low 0\noom 3\noom_kill 1\n")
    assert made.throttled() == Throttled(periods=40, held_back=10, waited_s=2.5)
    assert made.killed() == 1


def test_version_1_gets_them_below_the_groups_that_we_are_in(separate: Path) -> None:
    made = Cage("one", cpus=0.3, memory_mib=256, root=separate)
    made.put(123)

    cpu, memory = separate / "cpu,cpuacct" / "one", separate / "memory" / "ours" / "one"
    assert (cpu / "cpu.cfs_quota_us").read_text() == "30000"
    assert (cpu / "cpu.cfs_period_us").read_text() == "100000"
    assert (memory / "memory.limit_in_bytes").read_text() == str(256 * 1024 * 1024)
    assert [(each / "cgroup.procs").read_text() for each in (cpu, memory)] == ["123", "123"]
    (cpu / "cpu.stat").write_text("nr_periods 40\nnr_throttled 10\nthrottled_time 2500000000\n")
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert made.throttled() == Throttled(periods=40, held_back=10, waited_s=2.5)
    assert made.killed() == 1


def test_an_empty_one_is_removed(unified: Path) -> None:
    made = Cage("one", cpus=0.3, memory_mib=256, root=unified)
    # The kernel's files go with their group, these do not.
    for file in (unified / "one").iterdir():
        file.unlink()

    made.close()

    assert not (unified / "one").exists()


def test_without_control_groups_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="no control group can be made here"):
        Cage("one", cpus=0.3, memory_mib=256, root=tmp_path / "missing")
