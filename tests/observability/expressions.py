"""PromQL, as alerts and dashboards use it: what an expression asks for, and what it says of two pages of metrics.

The parser is Prometheus's own grammar (promql-parser). What is evaluated here is the part that the alert rules use:
rates and increases are what changed from the earlier page to the later one.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families

type Labels = frozenset[tuple[str, str]]
type Vector = dict[Labels, float]

OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "/": lambda left, right: left / right if right else math.nan,
    "*": lambda left, right: left * right,
    "-": lambda left, right: left - right,
    "+": lambda left, right: left + right,
}
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    "==": lambda left, right: left == right,
}

AGGREGATIONS: Mapping[str, Callable[[list[float]], float]] = {"sum": math.fsum, "max": max, "count": len}


@dataclass(frozen=True)
class Page:
    """A page of metrics and when it was read, in seconds."""

    text: str
    at: float

    def samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The series an expression asks for, each with the labels that it matches."""
    yield from _selectors(promql.parse(expression))


def labels_kept(expression: str) -> set[str]:
    """The labels that an expression groups by."""
    return set(_grouping(promql.parse(expression)))


def evaluate(expression: str, before: Page, after: Page) -> Vector:
    """What the expression gives at the time of `after`; nothing, where it is not true."""
    value = _evaluated(promql.parse(expression), before, after)
    assert isinstance(value, dict)
    return value


def _children(node: Any) -> Iterator[Any]:
    match node:
        case promql.BinaryExpr():
            yield from (node.lhs, node.rhs)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield node.expr
        case promql.Call():
            yield from node.args
        case promql.MatrixSelector():
            yield node.vector_selector


def _selectors(node: Any) -> Iterator[tuple[str, set[str]]]:
    if isinstance(node, promql.VectorSelector):
        yield str(node.name), {matcher.name for matcher in node.matchers.matchers}
    for child in _children(node):
        yield from _selectors(child)


def _grouping(node: Any) -> Iterator[str]:
    if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
        yield from node.modifier.labels
    for child in _children(node):
        yield from _grouping(child)


def _evaluated(node: Any, before: Page, after: Page) -> Vector | float:
    match node:
        case promql.NumberLiteral():
            return float(node.val)
        case promql.ParenExpr():
            return _evaluated(node.expr, before, after)
        case promql.VectorSelector():
            return _chosen(node, after)
        case promql.Call():
            return _called(node, before, after)
        case promql.AggregateExpr():
            return _aggregated(node, _vector(node.expr, before, after))
        case promql.BinaryExpr():
            return _joined(node, before, after)
    raise NotImplementedError(type(node).__name__)


def _vector(node: Any, before: Page, after: Page) -> Vector:
    value = _evaluated(node, before, after)
    assert isinstance(value, dict)
    return value


def _chosen(node: Any, page: Page) -> Vector:
    return {
        frozenset(labels.items()): value
        for name, labels, value in page.samples()
        if name == node.name and all(_holds(each, labels.get(each.name, "")) for each in node.matchers.matchers)
    }


def _holds(matcher: Any, value: str) -> bool:
    match str(matcher.op).rpartition(".")[2]:
        case "Equal":
            return bool(value == matcher.value)
        case "NotEqual":
            return bool(value != matcher.value)
        case "Re":
            return re.fullmatch(matcher.value, value) is not None
        case other:
            raise NotImplementedError(other)


def _called(node: Any, before: Page, after: Page) -> Vector:
    name = node.func.name
    if name == "absent":
        return {} if _vector(node.args[0], before, after) else {frozenset(): 1.0}
    if name == "vector":
        return {frozenset(): float(node.args[0].val)}
    if name == "histogram_quantile":
        return _quantile(float(node.args[0].val), _vector(node.args[1], before, after))
    if name not in {"rate", "increase"}:
        raise NotImplementedError(name)
    selector = node.args[0].vector_selector
    earlier, later = _chosen(selector, before), _chosen(selector, after)
    seconds = max(after.at - before.at, 0.001) if name == "rate" else 1.0
    return {labels: (value - earlier.get(labels, 0.0)) / seconds for labels, value in later.items()}


def _aggregated(node: Any, vector: Vector) -> Vector:
    combined = AGGREGATIONS[str(node.op)]
    kept = set(node.modifier.labels) if node.modifier is not None else set()
    groups: defaultdict[Labels, list[float]] = defaultdict(list)
    for labels, value in vector.items():
        groups[frozenset(pair for pair in labels if pair[0] in kept)].append(value)
    return {labels: combined(values) for labels, values in groups.items()}


def _quantile(quantile: float, buckets: Vector) -> Vector:
    """The upper bound of the bucket that holds the quantile: coarser than Prometheus, never lower."""
    groups: defaultdict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for labels, count in buckets.items():
        bound = float(dict(labels)["le"])
        groups[frozenset(pair for pair in labels if pair[0] != "le")].append((bound, count))
    found: Vector = {}
    for group, counts in groups.items():
        total = max(count for _, count in counts)
        if total > 0:
            found[group] = next(bound for bound, count in sorted(counts) if count >= quantile * total)
    return found


def _joined(node: Any, before: Page, after: Page) -> Vector:
    left, right = _vector(node.lhs, before, after), _evaluated(node.rhs, before, after)
    operator = str(node.op)
    if operator in {"or", "and"}:
        assert isinstance(right, dict)
        return right | left if operator == "or" else {labels: left[labels] for labels in left.keys() & right.keys()}
    pairs = {
        labels: (value, right if isinstance(right, float) else right.get(labels, math.nan))
        for labels, value in left.items()
    }
    if operator in COMPARISONS:
        return {labels: a for labels, (a, b) in pairs.items() if COMPARISONS[operator](a, b)}
    return {labels: OPERATORS[operator](a, b) for labels, (a, b) in pairs.items()}
