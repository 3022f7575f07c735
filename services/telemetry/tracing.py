"""Spans: which stage of a request took how long, for whoever collects traces.

    with span("wait", what_for="limit"):
        ...

The code says where a stage begins and ends; whether anybody listens is decided at the start. Nobody: `span` gives one
shared object that does nothing, and OpenTelemetry is not even imported. Spans are made by hand, because what libraries
would record by themselves includes URLs, and a webhook's URL holds its token. Names and values given to a span come
from closed sets, or are ids; texts of callers and of Discord are never given to one.

Like the log, the tracer is the process's: stages stand in code that is handed nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

from services.telemetry.scope import RequestScope

type Value = str | int | float | bool


class Span(Protocol):
    """A stage that is under way."""

    def note(self, name: str, value: Value) -> None:
        """Says more about it."""
        ...

    def fail(self, code: str) -> None:
        """Says that it failed, and how: a code of the error table or another closed set."""
        ...

    def rename(self, name: str) -> None:
        """Gives it a better name, known only now."""
        ...


class Tracer(Protocol):
    """Makes spans; `otel` has the one there is."""

    def stage(self, name: str, values: Mapping[str, Value], *, is_call: bool) -> AbstractContextManager[Span]:
        """A stage within the running one. `is_call`: it waits for somebody else's answer."""
        ...

    def request(self, name: str, scope: RequestScope) -> AbstractContextManager[Span]:
        """The span of a whole request: a child of the caller's, if the scope has one; the scope then has ours."""
        ...


class _NoSpan:
    """Does nothing."""

    __slots__ = ()

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def note(self, name: str, value: Value) -> None:
        return

    def fail(self, code: str) -> None:
        return

    def rename(self, name: str) -> None:
        return


class _Switch:
    """Where the process's tracer is."""

    tracer: Tracer | None = None


NO_SPAN: Final = _NoSpan()
"""What `span` gives while nobody listens."""


def span(name: str, *, is_call: bool = False, **values: Value) -> AbstractContextManager[Span]:
    """A stage of what is running now, for a `with` statement."""
    tracer = _Switch.tracer
    return NO_SPAN if tracer is None else tracer.stage(name, values, is_call=is_call)


def request_span(name: str, scope: RequestScope) -> AbstractContextManager[Span]:
    """The span of a whole request; log lines of `scope` carry its trace id."""
    tracer = _Switch.tracer
    return NO_SPAN if tracer is None else tracer.request(name, scope)


@contextmanager
def tracing(tracer: Tracer) -> Iterator[None]:
    """Lets `tracer` make the spans, for the length of the block."""
    before, _Switch.tracer = _Switch.tracer, tracer
    try:
        yield
    finally:
        _Switch.tracer = before
