"""The compiled copy: used when it is asked for and made from this source, and never else."""

import os
from pathlib import Path

import pytest

from deploy import compiled
from gamification.domain import decide


def test_what_runs_is_what_was_asked_for() -> None:
    """`python -m deploy.compiled test` runs these tests on the copy, and would not notice else."""
    asked_for = str(compiled.HOME) in os.environ.get("PYTHONPATH", "")
    assert decide.__file__.endswith(".so") == asked_for


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiled, "HOME", tmp_path)
    monkeypatch.delenv(compiled.PURE, raising=False)
    return tmp_path


def test_without_a_copy_python_interprets(copy: Path) -> None:
    assert compiled.environment() == {}
    (copy / compiled.STAMP).write_text("made from something older")
    assert compiled.environment() == {}


def test_a_copy_of_this_source_comes_before_the_source(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / compiled.STAMP).write_text(compiled._sources())
    chosen = compiled.environment()
    assert chosen["PYTHONPATH"].split(os.pathsep) == [str(copy), str(compiled.ROOT)]
    monkeypatch.setenv(compiled.PURE, "1")
    assert compiled.environment() == {}


def test_every_module_named_exists() -> None:
    for folder, names in compiled.MODULES.items():
        for name in names:
            assert (compiled.ROOT / compiled.PACKAGE / folder / f"{name}.py").is_file()


def test_without_a_compiler_nothing_is_made_and_it_says_so(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert "no C compiler" in compiled.build()
    assert not (copy / compiled.STAMP).exists()
