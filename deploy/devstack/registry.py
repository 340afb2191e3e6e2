"""A schema registry that speaks the Confluent API: Apicurio, with its data on the disk."""

import json
import urllib.request
from typing import Final

from deploy.devstack.errors import NotReady
from deploy.devstack.process import Command, Process
from deploy.devstack.site import Site

ASK_WITHIN_S: Final = 5
JVM: Final = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k")


def api(port: int) -> str:
    """The address to give to Confluent's clients."""
    return f"http://127.0.0.1:{port}/apis/ccompat/v7"


def registry(site: Site, port: int) -> Process:
    """A registry on 127.0.0.1:`port`. Raises NotReady when its program is not there."""
    folder = site.folder / "registry"
    folder.mkdir()
    programs = site.programs
    jar = next(programs.registry.glob("*-runner.jar"), None)
    if jar is None:
        raise NotReady(f"no registry in {programs.registry}: remove the folder and try again")
    command = Command(
        argv=(programs.java, *JVM, "-jar", str(jar)),
        cwd=folder,
        log=folder.with_suffix(".log"),
        env={
            "QUARKUS_HTTP_HOST": "127.0.0.1",
            "QUARKUS_HTTP_PORT": str(port),
            "QUARKUS_MANAGEMENT_PORT": str(site.ports.take()),
            "QUARKUS_LOG_LEVEL": "WARN",
            # In memory by default: schema ids would be given anew after a restart. And half a
            # second late on the disk by default: the last ones would be lost by a kill.
            "REGISTRY_DATASOURCE_URL": f"jdbc:h2:file:{folder}/registry;WRITE_DELAY=0",
        },
    )
    return Process(
        "registry", command, lambda: answers_backward(api(port)), outlives_us=site.outlives_us
    )


def answers_backward(url: str) -> bool:
    """True when the registry answers and refuses schemas that old readers could not read.

    Apicurio's own default is to allow everything, Confluent's is BACKWARD.
    """
    request = urllib.request.Request(  # noqa: S310  (an address of ours)
        f"{url}/config",
        method="PUT",
        data=json.dumps({"compatibility": "BACKWARD"}).encode(),
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=ASK_WITHIN_S) as answer:  # noqa: S310
            return bool(answer.status == 200)  # noqa: PLR2004
    except OSError:
        return False
