"""Becomes a server: drops to its user, ties its life to its parent's, then executes it.

Run as a script (`python -I -S exec_child.py PARENT USER COMMAND...`) so that no Python code has to
run between fork and exec of a process that has threads. PARENT is the pid that must still be alive,
0 for a server that shall outlive whoever starts it; USER is a user's name, "" for no change.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, user, *command = sys.argv[1:]
    if user:
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    if int(parent):
        # After setuid, which clears it; exec of an ordinary program keeps it.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it died before we asked to be told
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  (the point of this file)


if __name__ == "__main__":
    main()
