"""What ends in a thread of a C library is told apart from what ends in one of ours."""

import subprocess
import sys

import pytest

from tests.chaos.crashes import is_foreign

IN_PYTHON = "import ctypes, faulthandler; faulthandler.enable(); ctypes.string_at(0)"
IN_A_FOREIGN_THREAD = """
import ctypes, faulthandler
faulthandler.enable()
libc, thread = ctypes.CDLL(None), ctypes.c_ulong()
libc.pthread_create(ctypes.byref(thread), None, ctypes.c_void_p(16), None)
libc.pthread_join(thread, None)
"""


@pytest.mark.parametrize(("code", "foreign"), [(IN_PYTHON, False), (IN_A_FOREIGN_THREAD, True)])
def test_only_a_crash_in_a_foreign_thread_is_excused(code: str, *, foreign: bool) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False
    )

    assert ended.returncode == -11
    assert is_foreign(ended.returncode, ended.stderr) is foreign


@pytest.mark.parametrize("code", [0, 1, -6, -9, None])
def test_no_other_end_is_excused(code: int | None) -> None:
    assert not is_foreign(code, "Fatal Python error: Segmentation fault\nThread 0x1 (most recent")


def test_a_crash_that_left_no_word_is_not_excused() -> None:
    assert not is_foreign(-11, "")
