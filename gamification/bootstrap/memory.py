"""Memory of a process that many connect to, kept together."""

import ctypes
from typing import Final

M_ARENA_MAX: Final = -8


def one_arena() -> None:
    """Tell glibc's allocator to keep one arena instead of eight for each core.

    Connections are made by one thread and ended by another: with many arenas each wave of
    10,000 leaves more behind, 98 MiB become 304 in twelve waves, and 182 with one arena. Python's
    own objects do not come from there. Does nothing with another libc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
