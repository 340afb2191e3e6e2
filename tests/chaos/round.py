"""One round: everything at work under load while faults come and go; then all must be well."""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from deploy.devstack.ports import Ports
from deploy.devstack.process import Process
from deploy.neighbours.auth import Auth
from deploy.neighbours.running import Running
from deploy.neighbours.users import Users
from tests.chaos import ending, postgres
from tests.chaos.callers import Callers
from tests.chaos.fault import Fault
from tests.chaos.journal import Journal
from tests.chaos.plan import TOGETHER_MAX, Step
from tests.chaos.tally import RoundResult, Tally
from tests.chaos.warden import Warden
from tests.chaos.world import CREW, Site, World
from tests.faults.ground import Ground
from tests.faults.harness import Chain
from tests.shim import Disk, Shim

BEGIN: Final = ("award", "relay", "project", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a round is."""

    load_s: float = 75.0
    per_s: int = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Arena:
    """What all rounds of a run have in common. `folder` is for journals and logs."""

    seed: int
    ground: Ground
    shim: Shim | None
    disk: Disk | None
    folder: Path
    tally: Tally
    size: Size


def play(arena: Arena, number: int, steps: Sequence[Step]) -> RoundResult:
    """One round on emptied servers. What goes wrong is among the result's problems."""
    began = time.monotonic()
    result = RoundResult(number)
    arena.tally.rounds.append(result)
    folder = arena.folder / f"round-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    journal = Journal(folder / "journal.jsonl", arena.seed, number)
    try:
        with _world(arena, number, folder, journal) as world:
            _play(world, steps, arena, result, Random(f"round {arena.seed} {number}"))
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must tell it
        journal.note("fail", problem=repr(error))
        result.problems.append(f"{type(error).__name__}: {error}")
    finally:
        journal.close()
    result.took_s = time.monotonic() - began
    if result.ok:
        shutil.rmtree(folder / "logs", ignore_errors=True)
    else:
        _keep_server_logs(arena, folder)
    return result


@contextmanager
def _world(arena: Arena, number: int, folder: Path, journal: Journal) -> Iterator[World]:
    """Processes that are ready, with neighbours; everything ends afterwards."""
    with ExitStack() as stack:
        addresses = stack.enter_context(arena.ground.afresh())
        postgres.prepare(addresses.postgres_dsn)
        ports = Ports()
        stack.callback(ports.release)
        site = Site(
            auth=stack.enter_context(Running(Auth())),
            users=stack.enter_context(Running(Users(knows_everybody=True))),
            grpc_port=ports.take(),
            shim=arena.shim,
            disk=arena.disk,
        )
        chain = Chain(arena.ground, addresses, folder / "logs")
        stack.callback(chain.close)
        stack.callback(arena.ground.revive)
        random = Random(f"world {arena.seed} {number}")
        world = World(chain, site, journal, arena.tally, random)
        for member in [world.launch(kind) for kind in BEGIN]:
            member.worker.wait_ready()
        yield world


def _play(
    world: World, steps: Sequence[Step], arena: Arena, result: RoundResult, random: Random
) -> None:
    size, chain = arena.size, world.chain
    events = round(size.load_s * size.per_s)
    world.stream = chain.stream(events, seed=random.getrandbits(60), bad_of_each=1)
    chain.prepare_customers(world.stream)
    for kind, number in CREW.items():
        for _ in range(number - 1):
            world.successor(kind)
    with Callers(world, random) as callers, Warden(world, random):
        world.send_stream(size.per_s)
        began = time.monotonic()
        with ThreadPoolExecutor(2 * TOGETHER_MAX) as threads:
            for step in steps:
                _wait_until(began + step.at_s)
                threads.submit(_go_through, world, step, arena.tally, began + size.load_s)
                if world.problems:
                    break
        if not world.problems:
            _wait_until(began + size.load_s)
        world.is_calm = True
        if not world.problems:  # else it is known, and a comparison would say it less clearly
            ending.finish(world, callers, arena.ground, result)
    result.problems += world.problems


def _go_through(world: World, step: Step, tally: Tally, until_s: float) -> None:
    """A fault from its beginning to its end. Never raises. By `until_s` it must have begun."""
    fault = step.fault(world, Random(step.seed), step.lasts_s)
    with ExitStack() as stack:
        # The plan keeps them apart, but on a busy machine each may take longer than planned.
        for server in sorted(fault.touches):
            stack.enter_context(world.turns[server])
        if time.monotonic() > until_s:
            world.journal.note("left out", step=step.number, fault=fault.name)
        elif not world.problems:
            _inject_and_mend(world, step, fault, tally)


def _inject_and_mend(world: World, step: Step, fault: Fault, tally: Tally) -> None:
    began = time.monotonic()
    about = {"step": step.number, "fault": fault.name}
    world.journal.note("inject", **about, planned_s=round(step.at_s, 1), for_s=step.lasts_s)
    try:
        detail = fault.inject()
        if fault.met:
            tally.injected(fault.name)
        world.journal.note("injected", **about, detail=detail)
        _wait_until(began + step.lasts_s)
    except Exception as error:  # noqa: BLE001 - the harness's own trouble ends the round
        world.fail(f"{fault.name} could not be injected: {error!r}")
    try:
        fault.mend()
        world.journal.note("mended", **about)
    except Exception as error:  # noqa: BLE001 - as above
        world.fail(f"{fault.name} could not be mended: {error!r}")


def _wait_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.monotonic()))


def _keep_server_logs(arena: Arena, folder: Path) -> None:
    for server in arena.ground.stack.servers:
        if isinstance(server, Process) and server.command.log.exists():
            shutil.copy(server.command.log, folder / f"{server.name}.log")
