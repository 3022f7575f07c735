import json
import threading
import time
from collections.abc import Sequence

from services.redaction import Redactor
from services.telemetry.events import Event
from services.telemetry.pipe import LogPipe
from services.telemetry.render import Entry, Renderer


class Memory:
    """A sink that keeps what it is given, and can be made to hang or to fail."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failures = 0
        self.is_closed = False

    @property
    def messages(self) -> list[str]:
        return [json.loads(line)["message"] for batch in self.batches for line in batch]

    def write(self, levels: Sequence[int], lines: Sequence[bytes]) -> None:
        self.gate.wait(20)
        if self.failures:
            self.failures -= 1
            raise OSError(28, "No space left on device")
        assert len(levels) == len(lines)
        self.batches.append([line.decode() for line in lines])

    def close(self) -> None:
        self.is_closed = True


def entry(message: str, **fields: object) -> Entry:
    return Entry(time.time(), 20, Event.SYSTEM, message, fields, None, None)


def pipe_to(*sinks: Memory, longest: int = 1000) -> LogPipe:
    return LogPipe(Renderer("m", "1", "json", Redactor()), sinks, longest)


def test_close_writes_what_is_queued_in_order_and_closes_the_sinks() -> None:
    sink = Memory()
    pipe = pipe_to(sink, longest=5000)
    for number in range(3000):
        pipe.put(entry(str(number)))
    pipe.close()
    assert sink.messages == [str(number) for number in range(3000)]
    assert sink.is_closed
    assert len(sink.batches) < 100


def test_lines_are_written_soon_without_closing() -> None:
    sink = Memory()
    pipe = pipe_to(sink)
    for message in ("first", "second"):
        pipe.put(entry(message))
        deadline = time.monotonic() + 20
        while message not in sink.messages and time.monotonic() < deadline:
            time.sleep(0.01)
    assert sink.messages == ["first", "second"]
    pipe.close()


def test_a_full_queue_drops_and_says_how_many() -> None:
    sink = Memory()
    sink.gate.clear()
    pipe = pipe_to(sink, longest=10)
    for number in range(100):
        pipe.put(entry(str(number)))
    sink.gate.set()
    pipe.close()
    reports = [json.loads(line) for batch in sink.batches for line in batch if "dropped" in line]
    assert sum(report["dropped"] for report in reports) == 100 - len(sink.messages) + len(reports)
    assert {report["level"] for report in reports} == {"WARNING"}


def test_putting_does_not_wait_and_closing_has_a_bound_while_a_sink_hangs() -> None:
    sink = Memory()
    sink.gate.clear()
    pipe = pipe_to(sink)
    started = time.monotonic()
    for number in range(500):
        pipe.put(entry(str(number)))
    assert time.monotonic() - started < 5
    pipe.close(timeout_seconds=0.2)
    assert time.monotonic() - started < 10
    sink.gate.set()


def test_a_sink_that_fails_is_tried_again_and_the_others_go_on() -> None:
    failing, healthy = Memory(), Memory()
    failing.failures = 1
    pipe = pipe_to(failing, healthy)
    pipe.put(entry("first"))
    while not healthy.batches:
        time.sleep(0.01)
    pipe.put(entry("second"))
    pipe.close()
    assert healthy.messages == ["first", "second", "log lines could not be written"]
    assert failing.messages == ["second", "log lines could not be written"]
    report = json.loads(failing.batches[-1][-1])
    assert (report["event"], report["sink"], report["lost"]) == ("ERROR", "Memory", 1)


def test_a_line_that_cannot_be_rendered_is_replaced_and_the_next_one_is_written() -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    sink = Memory()
    pipe = pipe_to(sink)
    pipe.put(entry("bad", value=Unprintable()))
    pipe.put(entry("good"))
    pipe.close()
    assert sink.messages == ["a log line has no text", "good"]


def test_closing_twice_is_harmless() -> None:
    pipe = pipe_to(Memory())
    pipe.close()
    pipe.close()
