"""Every metric of one module, and the page they are read from."""

import asyncio
import platform
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric

from services.telemetry.metrics.actions import ActionFigures
from services.telemetry.metrics.definitions import Board, Definition, Measure
from services.telemetry.metrics.record import RecordFigures
from services.telemetry.metrics.upstream import UpstreamFigures

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
LAG_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Metrics(ActionFigures, UpstreamFigures, RecordFigures):
    """Counts what the adapters report, asks for what they count themselves, and writes it in Prometheus's text form."""

    def __init__(self, module_name: str, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a timestamp beside every series, which nothing here asks for
        self._board = Board()
        self._writing: asyncio.Task[bytes] | None = None
        ProcessCollector(registry=self._board.registry)
        ActionFigures.__init__(self, self._board)
        UpstreamFigures.__init__(self, self._board)
        RecordFigures.__init__(self, self._board)
        self._define_process(self._board)
        self._build.of(module_name, version, platform.python_version()).set(1)

    def _define_process(self, board: Board) -> None:
        self._lag = board.histogram("loop_lag_seconds", "How late the event loop woke a timer.", LAG_SECONDS).of()
        self._build = board.gauge("build_info", "1. The labels name what runs.", "module", "version", "python")
        board.watch("gauge", "ready", "1: /health/ready and gRPC health say that requests may come.")
        board.watch("gauge", "dependency_up", "1: it answers. `dependency`: database, redis (if set).", "dependency")
        board.watch("gauge", "rest_connections", "Connections REST has open.")
        board.watch("counter", "rest_connections_ended", "Quiet connections closed to make room for new ones.")
        board.watch("counter", "rest_connections_turned_away", "New ones closed because every other one was busy.")
        board.watch("counter", "log_lines_dropped", "Log lines that came faster than they could be written.")

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """Everything that can be shown, beside what prometheus-client says of the process."""
        return tuple(self._board.definitions)

    def watch(self, name: str, measure: Measure, *labels: str) -> None:
        """Asks `measure` whenever somebody reads. Raises KeyError for a `name` that no subject defines."""
        self._board.watched.add(name, measure, *labels)

    def loop_lagged(self, seconds: float) -> None:
        """Reports how late the event loop woke a timer."""
        self._lag.observe(seconds)

    def render(self) -> bytes:
        """Writes every series, in the form that `CONTENT_TYPE` names."""
        return generate_latest(_Page(self._board.registry, self._board.watched.collect()))

    async def page(self) -> bytes:
        """The same without holding up the event loop.

        What is watched belongs to the loop and is asked here; the text, some ten milliseconds of work, is written on a
        thread. Who comes meanwhile gets the same page, so that many readers cost as much as one.
        """
        if self._writing is None or self._writing.done():
            page = _Page(self._board.registry, self._board.watched.collect())
            self._writing = asyncio.create_task(asyncio.to_thread(generate_latest, page), name="metrics-page")
        return await asyncio.shield(self._writing)


class _Page:
    """What prometheus-client writes: its own series, and what was asked for."""

    def __init__(self, registry: CollectorRegistry, watched: list[Metric]) -> None:
        self._registry = registry
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        yield from self._watched
