"""What metrics cost, traces off: `python -m bench.telemetry`.

Two processes, or two runs, differ by more than what is looked for, on a machine that others use as well. So it is one
process under steady load over gRPC, whose metrics do something else every third of a second (`bench.switched`), and CPU
time of the event loop's thread, where all counting is done but one call for each batch of rows:

- counting is timed where it happens, call by call, less what a look at the clock takes. This is the figure.
- blocks that count are compared with neighbours that do not, and the median of the differences is told with the
  interval that holds it in 95 of 100 cases (by order statistics: nothing is assumed about how they are spread). There
  is in it what counting does to everything else as well; it swings more than counting costs.

The floor is the same counting in a loop. A page for Prometheus is asked for every 15 seconds, however many actions.
"""

import argparse
import json
import math
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import batched
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from bench.databases import Database, running_database
from bench.figures import Figure, Report
from bench.module import Module, running_module
from bench.programs import Broken, Load, Program
from bench.switched import BLOCKS_VARIABLE, ON, ORDER, TIMED, Block
from services.telemetry import Metrics
from services.telemetry.metrics import Stages

SECONDS: Final = 40.0
MARGIN_SECONDS: Final = 40.0
IN_FLIGHT: Final = "16"
FEWEST_ACTIONS: Final = 10
FEWEST_ROUNDS: Final = 5
TO_REACH: Final = "≤ 3 %"
PAGES: Final = 20
COUNTED: Final = 50_000
SCRAPE_SECONDS: Final = 15
# Of the normal distribution: within so many standard deviations lie 95 of 100.
DEVIATIONS: Final = 1.96


class Cost(NamedTuple):
    """Microseconds of CPU for an action: timed, the median of the differences, where it lies, and the whole action."""

    timed_us: float
    difference_us: float
    least_us: float
    most_us: float
    action_us: float
    pairs: int

    def percent(self, microseconds: float) -> float:
        """As a share of the whole action."""
        return 100 * microseconds / self.action_us


def measure(database: Database, folder: Path, seconds: float = SECONDS) -> Report:
    """Raises Broken."""
    written = folder / "blocks.json"
    with ExitStack() as stack:
        upstream = stack.enter_context(Program("upstream", ["-m", "bench.upstream"], folder / "upstream.log"))
        serving = running_module(
            database, upstream.read_port().port, folder, ["-m", "bench.switched"], {BLOCKS_VARIABLE: str(written)}
        )
        with serving as module:
            options = ("--seconds", str(seconds), "--warm-up", "0", "--in-flight", IN_FLIGHT)
            Load("grpc", module.grpc_target, "--token", module.token, *options).result(seconds + MARGIN_SECONDS)
            page_ms = _page_ms(module)
    return _report(cost_of([Block(**each) for each in json.loads(written.read_text())], _clock_us()), page_ms)


def cost_of(blocks: Sequence[Block], clock_us: float) -> Cost:
    """What the blocks show. Raises Broken when there are too few."""
    rounds = (each for each in batched(blocks, len(ORDER), strict=False) if len(each) == len(ORDER))
    busy = [each for each in rounds if min(b.finished for b in each) > FEWEST_ACTIONS]
    if len(busy) < FEWEST_ROUNDS:
        raise Broken(f"only {len(busy)} rounds of blocks under load")
    differences = sorted(difference for each in busy for difference in _differences(each))
    away = math.ceil(DEVIATIONS * math.sqrt(len(differences)) / 2)
    middle = len(differences) // 2
    timed = [block for each in busy for block in each if block.kind == TIMED]
    timed_us = sum(1e6 * block.timed_seconds - clock_us * block.timed_calls for block in timed)
    whole = median(1e6 * block.process_seconds / block.finished for each in busy for block in each if block.kind == ON)
    return Cost(
        timed_us / sum(block.finished for block in timed),
        median(differences),
        differences[max(middle - away, 0)],
        differences[min(middle + away, len(differences) - 1)],
        whole,
        len(differences),
    )


def _differences(blocks: Sequence[Block]) -> Iterator[float]:
    """Microseconds for an action that blocks which count took longer than their neighbours which do not."""
    loop_us = [1e6 * block.loop_seconds / block.finished for block in blocks]
    yield loop_us[0] - loop_us[1]
    yield loop_us[3] - loop_us[2]


def _report(cost: Cost, page_ms: float) -> Report:
    loop_us = _counting_us()
    figures = [
        Figure("metrics, share of an action's CPU", cost.percent(cost.timed_us), "%", TO_REACH),
        Figure("metrics, CPU per action", cost.timed_us, "µs", "–", floor=loop_us, ratio=cost.timed_us / loop_us),
        Figure("metrics, CPU for a page", page_ms, "ms", "–"),
    ]
    least, middle, most = (cost.percent(each) for each in (cost.least_us, cost.difference_us, cost.most_us))
    remark = (
        f"Metrics: of {cost.action_us:.0f} µs for an action; floor: the same counting in a loop. {cost.pairs} pairs of "
        f"blocks with and without differ by {middle:+.1f} % (95 %: {least:+.1f} to {most:+.1f} %). A page every "
        f"{SCRAPE_SECONDS} s takes {page_ms / SCRAPE_SECONDS / 10:.2f} % of a core."
    )
    return Report(figures, [remark], {"telemetry": cost._asdict()})


def _clock_us() -> float:
    """What a look at the thread's clock takes."""
    looks = [time.thread_time() for _ in range(COUNTED)]
    return 1e6 * (looks[-1] - looks[0]) / (COUNTED - 1)


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


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry", description="What metrics cost.")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long the load lasts ({SECONDS:g})")
    asked = parser.parse_args()
    with running_database("sqlite") as database, TemporaryDirectory(prefix="bench-") as folder:
        print(measure(database, Path(folder), asked.seconds).as_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
