"""The Java programs: fetched by Maven once per user, complete or not there at all."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from deploy.devstack.errors import DevstackError, Missing

POM: Final = Path(__file__).with_name("pom.xml")
JAVA_MIN: Final = 17
FETCH_WITHIN_S: Final = 1_200
INSTALL_JAVA: Final = "sudo apt-get install -y openjdk-17-jre-headless"
INSTALL_MAVEN: Final = "sudo apt-get install -y maven"


@dataclass(frozen=True, slots=True)
class JavaPrograms:
    """`java` is the executable; the folders hold the broker's jars and the unpacked registry."""

    java: str
    kafka: Path
    registry: Path


def java_programs(cache: Path) -> JavaPrograms:
    """Find Java and the programs, fetching what is missing. Raises Missing or DevstackError."""
    java = find_java()
    home = cache / _versions()
    if not home.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not home.is_dir():  # nobody fetched it while we waited
                _fetch(cache, home)
    return JavaPrograms(java, home / "kafka", home / "registry")


def find_java() -> str:
    """JAVA_HOME's, else the one on the PATH. Raises Missing when neither is new enough."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(f"{home}/bin/java") if home else None
    java = found or shutil.which("java")
    if java is None:
        raise Missing(f"Java {JAVA_MIN} or newer is not installed: {INSTALL_JAVA}")
    said = subprocess.run(
        (java, "-version"), capture_output=True, text=True, check=False, timeout=60
    ).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA_MIN:
        raise Missing(f"{java} is not Java {JAVA_MIN} or newer: {INSTALL_JAVA}")
    return java


def _versions() -> str:
    """A folder name that changes with every version in the pom."""
    properties = ET.parse(POM).find("{*}properties")  # noqa: S314  (our own file)
    if properties is None:
        raise DevstackError(f"{POM} has no properties")
    return "_".join(
        f"{entry.tag.rpartition('}')[2].removesuffix('.version')}-{entry.text}"
        for entry in properties
        if str(entry.tag).endswith(".version")
    )


def _fetch(cache: Path, home: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing(f"Maven, which fetches Kafka and the registry, is missing: {INSTALL_MAVEN}")
    print(f"fetching Kafka and the schema registry once (190 MB) to {home}", file=sys.stderr)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=cache))
    try:
        fetched = subprocess.run(
            (maven, "-q", "-B", "-f", str(POM), "generate-resources", f"-Dout={partial}"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=FETCH_WITHIN_S,
        )
        if fetched.returncode != 0:
            raise DevstackError(f"Maven could not fetch Kafka:\n{fetched.stdout[-2_000:]}")
        partial.chmod(0o755)
        partial.rename(home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
