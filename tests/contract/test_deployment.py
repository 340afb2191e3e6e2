"""Image, Compose, Kubernetes name only what the service has: settings, commands, ports, files."""

import fnmatch
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import typer
from ruamel.yaml import YAML

from deploy.launch import KINDS
from gamification.settings import HTTP_PORTS, load, variables

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = (ROOT / "deploy" / "Dockerfile").read_text()
KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
PROCESSES: Final = (*KINDS, "service")
SECRETS: Final = "/run/secrets/"
SERVERS: Final = ("kafka", "registry", "postgres", "redis")
IMAGE: Final = "gamification-service"


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        yield from (one for one in YAML(typ="safe").load_all(path) if one)


COMPOSE: Final = YAML(typ="safe").load(ROOT / "deploy" / "compose.full.yaml")["services"]
MANIFESTS: Final = tuple(manifests())
CONFIG_MAPS: Final = [each for each in MANIFESTS if each["kind"] == "ConfigMap"]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in MANIFESTS if each["kind"] == kind}


class Pod(NamedTuple):
    """A workload of Kubernetes and what it makes pods of."""

    name: str
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]


def pods() -> list[Pod]:
    whole = [each for each in MANIFESTS if each["kind"] in {"Deployment", "Job"}]
    found = [
        Pod(each["metadata"]["name"], each["spec"]["template"]["spec"])
        for each in whole
        if "selector" in each["spec"] or each["kind"] == "Job"
    ]
    for name, each in of_kind("CronJob").items():
        found.append(Pod(name, each["spec"]["jobTemplate"]["spec"]["template"]["spec"]))
    return found


def compose_commands() -> Iterator[list[str]]:
    for name, service in COMPOSE.items():
        if name in {*SERVERS, "neighbours"}:
            continue
        command = service["command"]
        if "entrypoint" not in service:
            yield command
        else:
            found = re.findall(r"python -m ([^;&\n]+)", command[0])
            yield from map(str.split, found)


def workflow_commands() -> list[list[str]]:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    return [found.split() for found in re.findall(r"\bcli\.\w+[^\n|&;]*", text)]


COMMANDS: Final = [
    *compose_commands(),
    *workflow_commands(),
    *(container["args"] for pod in pods() for container in pod.containers),
]


def compose_environments() -> dict[str, Mapping[str, str]]:
    return {
        name: service["environment"]
        for name, service in COMPOSE.items()
        if name not in {*SERVERS, "neighbours"}
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_exists(command: list[str]) -> None:
    module, *arguments = command
    kind, _, name = module.partition(".")
    if kind == "consumers":
        assert name in PROCESSES
        assert not arguments
        return
    whole: Any = typer.main.get_command(importlib.import_module(module).app)
    if arguments and not arguments[0].startswith("-"):
        whole = whole.commands[arguments.pop(0)]
    options = {word for word in arguments if word.startswith("-")}
    assert options <= {option for parameter in whole.params for option in parameter.opts}
    needed = [each for each in whole.params if each.required and each.param_type_name == "option"]
    assert all(options & {*parameter.opts} for parameter in needed)


def test_every_process_is_deployed() -> None:
    wanted = {f"consumers.{name}" for name in PROCESSES}

    assert wanted == {c[0] for c in compose_commands() if c[0].startswith("consumers.")}
    assert wanted == {pod.spec["containers"][0]["args"][0] for pod in pods()} & wanted
    assert set(PROCESSES) == set(of_kind("PodDisruptionBudget"))


@pytest.mark.parametrize("name", compose_environments())
def test_containers_are_given_settings_that_exist_and_are_allowed(name: str) -> None:
    environment = compose_environments()[name]

    assert environment.keys() <= {variable.name for variable in variables()}
    load({key: re.sub(r"^\$\{.*\}$", "", value) for key, value in environment.items()})


@pytest.mark.parametrize("overlay", ["redis-single", "redis-cluster"])
def test_pods_are_given_settings_that_exist_and_are_allowed(overlay: str) -> None:
    secret_files = {f"{variable.name}_FILE" for variable in variables() if variable.secret}
    known = {variable.name for variable in variables()} | secret_files
    given = {name: value for each in CONFIG_MAPS for name, value in each["data"].items()}
    given |= YAML(typ="safe").load(KUBERNETES / "overlays" / overlay / "redis.yaml")["data"]
    given |= {e["name"]: e["value"] for p in pods() for c in p.containers for e in c.get("env", ())}

    assert given.keys() <= known
    for name in given.keys() & secret_files:
        assert given.pop(name).startswith(SECRETS)
    settings = load(given)
    assert settings.redis_cluster == (overlay == "redis-cluster")


def test_probes_ask_the_port_that_the_process_listens_on() -> None:
    for pod in pods():
        if pod.name not in PROCESSES:
            continue
        (container,) = pod.spec["containers"]
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        assert ports["http"] == HTTP_PORTS[pod.name]
        paths = {p: container[f"{p}Probe"]["httpGet"] for p in ("startup", "liveness", "readiness")}
        assert all(probe["port"] == "http" for probe in paths.values())
        assert [probe["path"] for probe in paths.values()] == ["/health", "/health", "/ready"]
        health = " ".join(COMPOSE[pod.name]["healthcheck"]["test"])
        assert f"127.0.0.1:{HTTP_PORTS[pod.name]}/ready" in health


def test_calls_come_to_the_port_that_the_service_listens_on() -> None:
    port = load({}).grpc_port

    (offered,) = of_kind("Service")["gamification"]["spec"]["ports"]
    listening = next(pod for pod in pods() if pod.name == "service").spec["containers"][0]
    assert {"name": "grpc", "containerPort": port} in listening["ports"]
    assert offered["port"] == port
    assert COMPOSE["service"]["ports"] == [f"127.0.0.1:${{GRPC_PORT:-{port}}}:{port}"]
    exposed = set(re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)[0].split())
    assert exposed == {str(port), *map(str, HTTP_PORTS.values())}


@pytest.mark.parametrize("pod", pods(), ids=lambda pod: pod.name)
def test_a_pod_can_do_nothing_that_it_need_not(pod: Pod) -> None:
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["enableServiceLinks"] is False
    assert pod.spec["securityContext"]["runAsNonRoot"] is True
    assert pod.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod.containers:
        assert container["image"] == IMAGE
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        same = {"cpu": "300m", "memory": "256Mi"}
        assert container["resources"] == {"requests": same, "limits": same}


@pytest.mark.parametrize("pod", pods(), ids=lambda pod: pod.name)
def test_pods_run_as_the_images_user(pod: Pod) -> None:
    uid, gid = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)[-1]
    rights = pod.spec["securityContext"]

    assert (rights["runAsUser"], rights["runAsGroup"], rights["fsGroup"]) == (
        *(int(uid), int(gid)),
        int(gid),
    )


def test_a_process_may_end_itself_before_it_is_killed() -> None:
    own_s = load({}).shutdown_within_s
    for pod in pods():
        if pod.name in PROCESSES:
            (container,) = pod.spec["containers"]
            stop = container.get("lifecycle", {}).get("preStop", {})
            before_s = int(stop["exec"]["command"][1]) if stop else 0
            assert pod.spec["terminationGracePeriodSeconds"] >= before_s + own_s + 5
    assert {COMPOSE[name]["stop_grace_period"] for name in PROCESSES} == {f"{own_s + 10}s"}


def test_the_engine_scales_as_far_as_its_parts_can() -> None:
    settings = load(of_kind("ConfigMap")["gamification"]["data"])
    (trigger,) = of_kind("ScaledObject")["award"]["spec"]["triggers"]

    assert of_kind("ScaledObject").keys() == {"award"}
    assert of_kind("ScaledObject")["award"]["spec"]["maxReplicaCount"] == settings.kafka_partitions
    assert trigger["metadata"]["consumerGroup"] == settings.consumer_group
    assert of_kind("HorizontalPodAutoscaler").keys() == {"service"}
    replicas = {name: each["spec"].get("replicas") for name, each in of_kind("Deployment").items()}
    assert replicas["relay"] == replicas["project"] == 2


def test_every_manifest_belongs_to_a_kustomization() -> None:
    for path in KUBERNETES.rglob("kustomization.yaml"):
        whole = YAML(typ="safe").load(path)
        named = [*whole["resources"], *(patch["path"] for patch in whole.get("patches", ()))]
        places = [*named, *whole.get("components", ())]
        assert all((path.parent / name).exists() for name in places)
        beside = {each.name for each in path.parent.glob("*.yaml")} - {path.name}
        assert beside == {name for name in named if name.endswith(".yaml") and "/" not in name}


def copied() -> list[str]:
    """What the Dockerfile takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    return [name for line in lines for name in line.split()]


def test_the_builder_gets_what_it_copies_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]

    assert "*" in lines
    assert sorted(allowed) == sorted(copied())
    assert all((ROOT / name).exists() for name in allowed)
    assert not [name for name in allowed if any(fnmatch.fnmatch(name, p) for p in ("*.env", ".*"))]


@pytest.fixture(scope="module")
def image_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image has in /app, without the compiled modules; nobody may write there."""
    tree = tmp_path_factory.mktemp("app")
    line = re.findall(r"&& cp -r (.+) /app/", DOCKERFILE)
    names = [Path(name).name for name in line[0].split() if not name.endswith(".so")]
    for name in names:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    assert set(names) < set(copied())
    return tree


def run_in(tree: Path, *arguments: str) -> str:
    done = subprocess.run(
        (sys.executable, *arguments),
        cwd=tree,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PROCESSES)
def test_each_process_finds_its_parts_in_the_image(image_tree: Path, name: str) -> None:
    told = run_in(image_tree, "-c", f"import consumers.{name} as it; print(it.__file__)")

    assert told.strip() == str(image_tree / "consumers" / f"{name}.py")


def test_each_command_finds_its_files_in_the_image(image_tree: Path) -> None:
    look = (
        "import importlib, pathlib, pkgutil, cli\n"
        "for each in pkgutil.iter_modules(cli.__path__):\n"
        "    importlib.import_module(f'cli.{each.name}')\n"
        "from cli.migrate import DEFAULT_RULEBOOK, TRANSLATIONS\n"
        "from gamification.adapters.kafka import schema_files\n"
        "from gamification.adapters.postgres import migrate\n"
        "assert DEFAULT_RULEBOOK.exists() and TRANSLATIONS.exists() and schema_files.history()\n"
        "print(migrate.__file__)\n"
    )

    assert run_in(image_tree, "-c", look).startswith(str(image_tree))


def test_the_image_needs_no_tool_of_developers() -> None:
    for folder in ("gamification", "consumers", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(
                r"^\s*(from|import) (deploy|bench|tests)\b", path.read_text(), re.MULTILINE
            )


WORKFLOW: Final = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "ci.yml")


def steps() -> list[dict[str, Any]]:
    return [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_ci_runs_what_must_pass_before_a_change_is_accepted() -> None:
    wanted = re.findall(r"^make .+$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)

    assert wanted
    assert {*wanted} <= {step.get("run") for step in steps()}


def test_ci_may_read_and_nothing_else() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not [job for job in WORKFLOW["jobs"].values() if "permissions" in job]
    assert all("timeout-minutes" in job for job in WORKFLOW["jobs"].values())
    used = [step["uses"] for step in steps() if "uses" in step]
    assert all(re.search(r"@(v\d+|[0-9a-f]{40})$", action) for action in used)
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)
