"""The engine's innermost modules as C extensions: `python -m deploy.compiled`.

The same source, compiled by mypyc into a copy of the package under `build/`; the sources stay as
they are, and everything also works without. The copy says what it was made from: a process never
gets one that is older than the source. No C compiler: nothing is made, Python interprets.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = "gamification"
HOME: Final = ROOT / "build" / "compiled"
STAMP: Final = "made-from"
PURE: Final = "GAMIFICATION_PURE_PYTHON"
"""Set: the copy is not used."""
BUILD_WITHIN_S: Final = 600
PURE_TESTS: Final = ("tests/unit", "tests/property")

MODULES: Final = {
    "domain": (
        *(
            "activity",
            "audit",
            "conditions",
            "criteria",
            "days",
            "decide",
            "earn",
            "effects",
            "needs",
        ),
        *("player", "settle", "streak", "tally", "turn"),
    ),
    "wire": (
        "announce",
        "audit",
        "decode",
        "encode",
        "envelope",
        "fact",
        "fields",
        "read",
        "topics",
    ),
    "adapters/postgres": (
        *("customer_days", "ledger", "outbox", "packing", "processed_events", "profiles"),
    ),
}
"""What runs for every activity."""


def environment() -> Mapping[str, str]:
    """Variables with which a Python process gets the compiled copy; none when there is none."""
    if os.environ.get(PURE) or not _is_current():
        return {}
    # Safe path: else the directory of the sources would come first.
    return {"PYTHONPATH": f"{HOME}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1"}


def build() -> str:
    """Make the copy if it is missing or old; return what was done. Raises RuntimeError."""
    if _is_current():
        return "compiled modules are up to date"
    if not _has_compiler():
        return "no C compiler (cc): the engine runs as plain Python"
    made = HOME.with_name(f"{HOME.name}.{os.getpid()}")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(
        ROOT / PACKAGE, made / PACKAGE, ignore=shutil.ignore_patterns("__pycache__", "*.so")
    )
    (made / "schemas").symlink_to(ROOT / "schemas")
    shutil.copy(ROOT / "pyproject.toml", made)
    paths = [f"{PACKAGE}/{folder}/{name}.py" for folder, names in MODULES.items() for name in names]
    done = subprocess.run(
        (sys.executable, "-m", "mypyc", *paths),
        cwd=made,
        capture_output=True,
        text=True,
        timeout=BUILD_WITHIN_S,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(made)
        raise RuntimeError(f"mypyc failed:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    shutil.rmtree(made / "build")
    (made / STAMP).write_text(_sources())
    shutil.rmtree(HOME, ignore_errors=True)
    made.rename(HOME)
    return f"compiled {len(paths)} modules"


def _is_current() -> bool:
    stamp = HOME / STAMP
    return stamp.exists() and stamp.read_text() == _sources()


def _has_compiler() -> bool:
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which(compiler) is not None and headers.exists()


@cache
def _sources() -> str:
    """A name for everything that the copy depends on."""
    digest = hashlib.sha256(f"{sys.version} {version('mypy')} {MODULES}".encode())
    for path in sorted((ROOT / PACKAGE).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def test() -> int:
    """Run the tests of the pure parts on the compiled copy; return pytest's exit code."""
    chosen = environment()
    if not chosen:
        print("nothing is compiled, so there is nothing to test apart")
        return 0
    workers = ("-n", "2", "--dist", "loadfile")
    # Else pytest would put the directory of the sources first.
    command = (
        "-m",
        "pytest",
        "-q",
        *workers,
        "-o",
        "pythonpath=",
        "--import-mode=importlib",
        *PURE_TESTS,
    )
    return subprocess.run(
        (sys.executable, *command), cwd=ROOT, env={**os.environ, **chosen}, check=False
    ).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.compiled", description=__doc__)
    parser.add_argument("do", nargs="?", choices=("build", "test"), default="build")
    if parser.parse_args().do == "test":
        return test()
    try:
        said = build()
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return 1
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
