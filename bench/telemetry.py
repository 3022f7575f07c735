"""What metrics cost: `python -m bench.telemetry`.

The module as it is, traces off, and the module without metrics take turns under the same load over gRPC. What is
compared is the CPU an action costs, because on a busy machine the rate says more about the others; a round in which
the machine was busy counts once, in the median.

On a machine that never rests even that swings by more than what is looked for. So what one action counts is measured by
itself as well, in a loop; so is a page for Prometheus, which is asked for every 15 seconds, however many actions there
are.
"""

import argparse
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.databases import SqliteDatabase
from bench.module import Module, running_module
from bench.programs import Load, Program
from services.telemetry import Metrics
from services.telemetry.metrics import Stages

ROUNDS = 5
WARM_UP_SECONDS = 0.5
MARGIN_SECONDS = 40.0
TO_REACH_PERCENT = 3.0
PAGES = 20
COUNTED = 50_000
SCRAPE_SECONDS = 15


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="the length of a single run (default: 2)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        counting = _module(stack, Path(name) / "counting", ["app.py"])
        silent = _module(stack, Path(name) / "silent", ["-m", "bench.uncounted"])
        with_metrics: list[float] = []
        without: list[float] = []
        for number in range(asked.rounds):
            for module, figures in ((counting, with_metrics), (silent, without))[:: 1 if number % 2 else -1]:
                figures.append(_cpu_us(module, asked.seconds))
        page_ms = _page_ms(counting)
    _print(with_metrics, without)
    counting_us = _counting_us()
    print(f"what an action counts, by itself: {counting_us:.1f} µs, {100 * counting_us / median(with_metrics):.1f} %")
    print(f"a page: {page_ms:.1f} ms of CPU, {page_ms / SCRAPE_SECONDS / 10:.2f} % of a core every {SCRAPE_SECONDS} s")


def _print(with_metrics: Sequence[float], without: Sequence[float]) -> None:
    ratios = [100 * (one / other - 1) for one, other in zip(with_metrics, without, strict=True)]
    print(f"CPU per action: {median(with_metrics):.0f} µs with metrics, {median(without):.0f} µs without")
    print(f"metrics cost {median(ratios):+.1f} % of it (to reach: ≤ {TO_REACH_PERCENT:g} %)")
    print(f"rounds: {', '.join(f'{ratio:+.1f} %' for ratio in ratios)}")


def _module(stack: ExitStack, folder: Path, command: Sequence[str]) -> Module:
    folder.mkdir()
    upstream = stack.enter_context(Program("upstream", ["-m", "bench.upstream"], folder / "upstream.log")).read_port()
    database = SqliteDatabase(folder)
    return stack.enter_context(running_module(database, upstream.port, folder, command))


def _cpu_us(module: Module, seconds: float) -> float:
    before = module.program.cpu_seconds()
    times = ("--seconds", str(seconds), "--warm-up", str(WARM_UP_SECONDS))
    result = Load("grpc", module.grpc_target, "--token", module.token, *times).result(seconds + MARGIN_SECONDS)
    return 1e6 * (module.program.cpu_seconds() - before) / result.total


def _counting_us() -> float:
    """CPU of what is counted for one delivered action, in a loop."""
    metrics, stages = Metrics("bench", "0"), Stages(0.0, 0.01, 0.001)
    began = time.thread_time()
    for _ in range(COUNTED):
        metrics.discord_reply("/channels/{channel_id}/messages", "2xx", 0.01)
        metrics.action_finished("send_message", "grpc", "delivered", "ok", 0.011, stages)
    return 1e6 * (time.thread_time() - began) / COUNTED


def _page_ms(module: Module) -> float:
    before = module.program.cpu_seconds()
    for _ in range(PAGES):
        with urllib.request.urlopen(f"{module.rest_url}/metrics", timeout=MARGIN_SECONDS) as page:  # noqa: S310 -- ours
            page.read()
    return 1e3 * (module.program.cpu_seconds() - before) / PAGES


if __name__ == "__main__":
    main()
