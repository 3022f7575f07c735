"""How a metric is defined, and what keeps its series few.

Label values come from closed sets (the catalogue, the error table, route templates): never from ids, names or texts of
callers. Should one escape, a metric stops making series at a bound and counts under `other`. The series of a
combination of labels is looked up in prometheus-client once and kept.

What somebody else counts already is not counted twice: it is watched, that is asked for whenever Prometheus reads. What
nobody lets us watch is not shown, so that a module without Redis does not say that its Redis is down.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

PREFIX: Final = "discord_action_"
OTHER: Final = "other"
MOST_SERIES: Final = 300
MOST_SERIES_OF_ACTIONS: Final = 2_000
"""12 actions over two protocols end in one of some 60 codes each, most of which never happen."""

type Measure = Callable[[], float]
type Kind = Literal["counter", "gauge", "histogram"]


class Definition(NamedTuple):
    """A metric: its name without the suffixes of its samples, its kind, its labels and what it says."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str


class Series[M: (Counter, Gauge, Histogram)]:
    """The children of one metric, by their label values, kept after the first look-up."""

    def __init__(self, metric: M, label_count: int, most: int = MOST_SERIES) -> None:
        self._metric: M = metric
        self._children: dict[tuple[str, ...], M] = {}
        self._other = (OTHER,) * label_count
        self._most = most

    def of(self, *labels: str) -> M:
        """Gives the child for these label values."""
        child = self._children.get(labels)
        return child if child is not None else self._add(labels)

    def _add(self, labels: tuple[str, ...]) -> M:
        if not labels:
            return self._children.setdefault(labels, self._metric)
        if len(self._children) >= self._most:
            labels = self._other
        return self._children.setdefault(labels, self._metric.labels(*labels))


class Watched:
    """Metrics that are asked for when Prometheus reads. A series is one `Measure`; watching it again replaces it."""

    def __init__(self) -> None:
        self._definitions: dict[str, Definition] = {}
        self._measures: dict[str, dict[tuple[str, ...], Measure]] = {}

    def define(self, definition: Definition) -> None:
        """Makes a metric known; it is shown from the first `add` on."""
        self._definitions[definition.name] = definition

    def add(self, name: str, measure: Measure, *labels: str) -> None:
        """Asks `measure` from now on. Raises KeyError for a metric that is not defined."""
        known = self._definitions[PREFIX + name].name
        self._measures.setdefault(known, {})[labels] = measure

    def collect(self) -> list[Metric]:
        """Asks every measure now."""
        return [self._family(self._definitions[name], measures) for name, measures in self._measures.items()]

    def _family(self, definition: Definition, measures: Mapping[tuple[str, ...], Measure]) -> Metric:
        kind = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
        family = kind(definition.name, definition.meaning, labels=definition.labels)
        for labels, measure in measures.items():
            family.add_metric(labels, measure())
        return family


class Board:
    """Where metrics are defined, each once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.definitions: list[Definition] = []
        self.watched = Watched()

    def counter(self, name: str, meaning: str, *labels: str, most: int = MOST_SERIES) -> Series[Counter]:
        """Defines what only grows; `_total` ends its name."""
        known = self._define(name, "counter", labels, meaning)
        return Series(Counter(known, meaning, labels, registry=self.registry), len(labels), most)

    def gauge(self, name: str, meaning: str, *labels: str) -> Series[Gauge]:
        """Defines what goes up and down."""
        known = self._define(name, "gauge", labels, meaning)
        return Series(Gauge(known, meaning, labels, registry=self.registry), len(labels))

    def histogram(self, name: str, meaning: str, bounds: tuple[float, ...], *labels: str) -> Series[Histogram]:
        """Defines durations, in seconds, with the upper bounds of their buckets."""
        known = self._define(name, "histogram", labels, meaning)
        return Series(Histogram(known, meaning, labels, registry=self.registry, buckets=bounds), len(labels))

    def watch(self, kind: Literal["counter", "gauge"], name: str, meaning: str, *labels: str) -> None:
        """Defines what is asked for when Prometheus reads."""
        self._define(name, kind, labels, meaning)
        self.watched.define(self.definitions[-1])

    def _define(self, name: str, kind: Kind, labels: tuple[str, ...], meaning: str) -> str:
        definition = Definition(PREFIX + name, kind, labels, meaning)
        self.definitions.append(definition)
        return definition.name
