"""What Prometheus reads: actions, Discord's replies, limits, the record.

A `Metrics` owns its registry; there is no global one, so that every test and every instance has its own.
Label values come from closed sets (the catalogue, the error table, route templates): never from ids, names or
texts of callers. Should one escape, a counter stops making series at a bound and counts under `other`. The
series of a combination of labels is looked up in prometheus-client once and kept.
"""

from collections.abc import Callable, Mapping
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
MOST_SERIES = 2_000
OTHER = "other"

ACTION_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
DISCORD_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

type Protocol = Literal["grpc", "rest"]


class Series[M: (Counter, Gauge, Histogram)]:
    """The children of one metric, by their label values, kept after the first look-up."""

    def __init__(self, metric: M, label_count: int) -> None:
        self._metric: M = metric
        self._children: dict[tuple[str, ...], M] = {}
        self._other = (OTHER,) * label_count

    def of(self, *labels: str) -> M:
        """Give the child for these label values."""
        child = self._children.get(labels)
        return child if child is not None else self._add(labels)

    def _add(self, labels: tuple[str, ...]) -> M:
        if len(self._children) >= MOST_SERIES:
            labels = self._other
        return self._children.setdefault(labels, self._metric.labels(*labels))


class Metrics:
    """Counts what the adapters report, and writes it in Prometheus's text form."""

    def __init__(self, module_name: str, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._define_actions()
        self._define_discord()
        self._define_record()
        build = self._gauge("discord_action_build", "The running release.", "module", "version")
        build.of(module_name, version).set(1)

    def _define_actions(self) -> None:
        self._actions = self._counter(
            "discord_action_actions_total", "Actions that ended.", "action", "protocol", "outcome", "code"
        )
        self._action_seconds = self._histogram(
            "discord_action_action_seconds",
            "From accepted to answered.",
            ACTION_SECONDS,
            "action",
            "protocol",
        )
        self._in_flight = Gauge("discord_action_in_flight", "Actions being worked on.", registry=self._registry)
        self._rejected = self._counter(
            "discord_action_rejected_requests_total", "Requests that became no action.", "protocol", "code"
        )

    def _define_discord(self) -> None:
        self._replies = self._histogram(
            "discord_action_discord_reply_seconds",
            "Discord's replies.",
            DISCORD_SECONDS,
            "route",
            "status_class",
        )
        self._rate_limited = self._counter(
            "discord_action_rate_limited_total",
            "429s from Discord, and waits refused by our limiter.",
            "scope",
        )

        self._limit_waits = self._histogram(
            "discord_action_limit_wait_seconds", "Waits for Discord's limits.", ACTION_SECONDS, "priority"
        )
        self._limit_refusals = self._counter("discord_action_limit_refusals_total", "Waits refused.", "reason")
        self._limit_pauses = self._counter(
            "discord_action_limit_pauses_total", "Pauses of everything that has the scope.", "scope"
        )
        self._replicas = Gauge(
            "discord_action_limit_replicas", "Replicas that share the limits, as last seen.", registry=self._registry
        )
        self._limits_shared = Gauge(
            "discord_action_limits_shared", "1: through Redis. 0: kept alone.", registry=self._registry
        )
        self._limit_state = self._gauge(
            "discord_action_limit_state", "Counts of the limiter: what waits, what is left.", "what"
        )
        self._circuits = self._gauge("discord_action_circuit_open", "1: nothing passes.", "circuit")

    def _define_record(self) -> None:
        self._audit_queue = Gauge(
            "discord_action_audit_queue", "Entries not yet in the table.", registry=self._registry
        )
        self._audit_rows = self._counter("discord_action_audit_rows_total", "Rows, by how writing went.", "result")
        self._audit_deleted = Counter(
            "discord_action_audit_deleted_rows_total", "Rows deleted for their age.", registry=self._registry
        )
        self._audit_oldest = Gauge(
            "discord_action_audit_oldest_row_age_seconds",
            "The oldest row's age, when old rows were last deleted.",
            registry=self._registry,
        )
        self._audit_written = self._audit_rows.of("written")
        self._audit_failed = self._audit_rows.of("failed")

    def watch_in_flight(self, count: Callable[[], int]) -> None:
        """Ask `count` for the number of actions being worked on whenever somebody reads."""
        self._in_flight.set_function(count)

    def watch(self, name: str, meaning: str, measure: Callable[[], float]) -> None:
        """Ask `measure` whenever somebody reads; shown as `discord_action_` and `name`, which is used once."""
        Gauge(f"discord_action_{name}", meaning, registry=self._registry).set_function(measure)

    def action_finished(
        self, action_type: str, protocol: Protocol, outcome: str, code: str, duration_seconds: float
    ) -> None:
        """Report how an action ended; `code` is `ok` or one of the error table."""
        self._actions.of(action_type, protocol, outcome, code).inc()
        self._action_seconds.of(action_type, protocol).observe(duration_seconds)

    def rejected_request(self, protocol: Protocol, code: str) -> None:
        """Report a request that never became an action: no token, unreadable, unknown path."""
        self._rejected.of(protocol, code).inc()

    def discord_reply(self, route: str, status_class: str, duration_seconds: float) -> None:
        """Report a reply of Discord: its route's template, `2xx` … `5xx` (`none`: no reply), its duration."""
        self._replies.of(route, status_class).observe(duration_seconds)

    def rate_limited(self, scope: str) -> None:
        """Report a limit that was hit: user, global, shared, cloudflare, or `local` for a wait we refused."""
        self._rate_limited.of(scope).inc()

    def limit_waited(self, seconds: float, priority: str) -> None:
        """Report how long a request stood in line: `moderation`, `ordinary` or `bulk`."""
        self._limit_waits.of(priority).observe(seconds)

    def limit_refused(self, reason: str) -> None:
        """Report a wait that was refused: `rate_limited` or `overloaded`."""
        self._limit_refusals.of(reason).inc()

    def limit_paused(self, scope: str) -> None:
        """Report a pause of the `token`, the `webhooks` or the `egress`."""
        self._limit_pauses.of(scope).inc()

    def limits_shared(self, replicas: int, *, is_shared: bool) -> None:
        """Report with how many the limits are shared; kept alone, how many were seen last."""
        self._replicas.set(replicas)
        self._limits_shared.set(is_shared)

    def watch_limits(self, figures: Mapping[str, Callable[[], float]]) -> None:
        """Ask for these counts of the limiter whenever somebody reads."""
        for what, count in figures.items():
            self._limit_state.of(what).set_function(count)

    def watch_circuits(self, circuits: Mapping[str, Callable[[], bool]]) -> None:
        """Ask for these circuits whenever somebody reads."""
        for name, is_open in circuits.items():
            self._circuits.of(name).set_function(is_open)

    def audit_queue(self, depth: int) -> None:
        """Report how many entries wait for the database."""
        self._audit_queue.set(depth)

    def audit_written(self, rows: int) -> None:
        """Report rows that reached the table."""
        self._audit_written.inc(rows)

    def audit_failed(self, rows: int) -> None:
        """Report rows that a try to write them did not bring to the table."""
        self._audit_failed.inc(rows)

    def audit_deleted(self, rows: int) -> None:
        """Report rows deleted for their age."""
        self._audit_deleted.inc(rows)

    def audit_oldest_row(self, age_seconds: float) -> None:
        """Report how old the oldest row is; 0 for an empty table."""
        self._audit_oldest.set(age_seconds)

    def render(self) -> bytes:
        """Write every series, in the form that `CONTENT_TYPE` names."""
        return generate_latest(self._registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Series[Counter]:
        return Series(Counter(name, meaning, labels, registry=self._registry), len(labels))

    def _gauge(self, name: str, meaning: str, *labels: str) -> Series[Gauge]:
        return Series(Gauge(name, meaning, labels, registry=self._registry), len(labels))

    def _histogram(self, name: str, meaning: str, bounds: tuple[float, ...], *labels: str) -> Series[Histogram]:
        return Series(Histogram(name, meaning, labels, registry=self._registry, buckets=bounds), len(labels))
