"""Actions a second over each protocol beside the floor, and the CPU an action costs.

In every round the bare client, the bare server and the module take turns; the figures are medians over the rounds, and
a ratio is the median of the rounds' own ratios, so that a minute in which the machine was busy counts once.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench.databases import Database
from bench.figures import Figure, Report
from bench.load import Result
from bench.module import Module, running_module
from bench.programs import Load, Program
from bench.serving import UVLOOP

ROUNDS: Final = 3
WARM_UP_SECONDS: Final = 0.5
MARGIN_SECONDS: Final = 40.0
RATIO_TO_REACH: Final = {"grpc": "≥ 0.6 of the floor", "rest": "≥ 0.7 of the floor"}
CPU_TO_REACH: Final = {"grpc": "≤ 0.7 ms", "rest": "–"}
TITLE: Final = {"grpc": "gRPC", "rest": "REST"}


class Asked(NamedTuple):
    """How to measure: the length of a single run, and the loop of the bare server and the bare client."""

    seconds: float = 3.0
    floor_loop: str = UVLOOP


@dataclass(frozen=True, slots=True)
class Run:
    """One load on one server, and what the server used meanwhile."""

    result: Result
    server_cores: float
    cpu_ms_per_call: float


@dataclass(slots=True)
class Rounds:
    """The runs of one protocol, round by round."""

    client: list[Run] = field(default_factory=list)
    bare: list[Run] = field(default_factory=list)
    module: list[Run] = field(default_factory=list)

    def floors(self) -> list[float]:
        """Calls a second of bare server and bare client in a row, for each round."""
        pairs = zip(self.bare, self.client, strict=True)
        return [1 / (1 / bare.result.per_second + 1 / client.result.per_second) for bare, client in pairs]

    def ratios(self) -> list[float]:
        """The module over the floor, for each round."""
        pairs = zip(self.module, self.floors(), strict=True)
        return [module.result.per_second / floor for module, floor in pairs]


class Stage:
    """Every program of the comparison, running; idle ones cost nothing."""

    def __init__(
        self, stack: ExitStack, database: Database, folder: Path, protocols: Sequence[str], asked: Asked
    ) -> None:
        self._asked = asked
        self._database = database
        self._upstream = stack.enter_context(_bare_program("upstream", folder)).read_port()
        self._bare = {
            protocol: stack.enter_context(_bare_program(f"echo_{protocol}", folder, asked.floor_loop)).read_port()
            for protocol in protocols
        }
        self._module: Module = stack.enter_context(running_module(database, self._upstream.port, folder))

    def client(self) -> Run:
        """The bare aiohttp client against the upstream; the cores are those of the upstream."""
        url = f"http://127.0.0.1:{self._upstream.port}/api/v10/channels/{{channel}}/messages"
        return self._run(self._upstream, "http", url, "--body", "discord", loop=self._asked.floor_loop)

    def bare(self, protocol: str) -> Run:
        """The bare server."""
        program = self._bare[protocol]
        return self._send(protocol, program, f"127.0.0.1:{program.port}", "none")

    def module(self, protocol: str) -> Run:
        """The module, until every action is on the record."""
        address = self._module.grpc_target if protocol == "grpc" else self._module.rest_url.removeprefix("http://")
        return self._send(protocol, self._module.program, address, self._module.token)

    def _send(self, protocol: str, program: Program, address: str, token: str) -> Run:
        if protocol == "grpc":
            return self._run(program, "grpc", address, "--token", token)
        return self._run(program, "http", f"http://{address}/api/v1/message", "--body", "rest", "--token", token)

    def _run(self, program: Program, kind: str, target: str, *options: str, loop: str = UVLOOP) -> Run:
        cpu_before, rows_before, seconds = program.cpu_seconds(), self._database.rows(), self._asked.seconds
        times = ("--seconds", str(seconds), "--warm-up", str(WARM_UP_SECONDS))
        result = Load(kind, target, *options, *times, loop=loop).result(seconds + MARGIN_SECONDS)
        if program is self._module.program:
            self._module.wait_for_rows(rows_before + result.total)
        cpu_seconds = program.cpu_seconds() - cpu_before
        return Run(result, cpu_seconds / (seconds + WARM_UP_SECONDS), 1000 * cpu_seconds / result.total)


def _bare_program(name: str, folder: Path, loop: str = UVLOOP) -> Program:
    return Program(name, ["-m", f"bench.{name}"], folder / f"{name}.log", loop=loop)


def measure(database: Database, folder: Path, protocols: Sequence[str], asked: Asked) -> Report:
    """The throughput of `protocols`, any of `grpc` and `rest`. Raises Broken."""
    rounds = {protocol: Rounds() for protocol in protocols}
    with ExitStack() as stack:
        stage = Stage(stack, database, folder, protocols, asked)
        for number in range(ROUNDS):
            print(f"  round {number + 1} of {ROUNDS}", flush=True)
            client = stage.client()
            for protocol, runs in rounds.items():
                runs.client.append(client)
                runs.bare.append(stage.bare(protocol))
                runs.module.append(stage.module(protocol))
    report = Report(remarks=[f"Loops: the module runs on uvloop, its floors on {asked.floor_loop}."])
    for protocol, runs in rounds.items():
        report.add(_report(protocol, runs))
    return report


def _report(protocol: str, runs: Rounds) -> Report:
    title = TITLE[protocol]
    rate = Figure(
        f"{title} send message",
        _rate(runs.module),
        "/s",
        RATIO_TO_REACH[protocol],
        floor=median(runs.floors()),
        ratio=median(runs.ratios()),
    )
    cpu = Figure(
        f"CPU per {title} action, audit included",
        median(run.cpu_ms_per_call for run in runs.module),
        "ms",
        CPU_TO_REACH[protocol],
    )
    single = {name: [asdict(run) for run in getattr(runs, name)] for name in ("client", "bare", "module")}
    return Report([rate, cpu], _remarks(title, runs), {protocol: single})


def _remarks(title: str, runs: Rounds) -> list[str]:
    floor = f"bare server {_rate(runs.bare):,.0f}/s, bare aiohttp client {_rate(runs.client):,.0f}/s"
    module_cores, bare_cores = _cores(runs.module), _cores(runs.bare)
    p50, p99 = (median(getattr(run.result, name) for run in runs.module) for name in ("p50_ms", "p99_ms"))
    failed = sum(run.result.failed for run in (*runs.module, *runs.bare, *runs.client))
    used = "cores used by the {} {:.2f}, by its load {:.2f}"
    cores = f"{used.format('module', *module_cores)}; {used.format('bare server', *bare_cores)}"
    remarks = [
        f"{title}: the floor is {floor}; the module answers in {p50:.0f} ms (median), {p99:.0f} ms (99 %).",
        f"{title}: {cores}.",
    ]
    if failed:
        first = next(run.result.first_failure for run in (*runs.module, *runs.bare, *runs.client) if run.result.failed)
        remarks.append(f"{title}: {failed} CALLS FAILED, the first with: {first}")
    return remarks


def _rate(runs: Sequence[Run]) -> float:
    return median(run.result.per_second for run in runs)


def _cores(runs: Sequence[Run]) -> tuple[float, float]:
    return median(run.server_cores for run in runs), median(run.result.cores_used for run in runs)
