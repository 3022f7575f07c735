import logging
import time

from services.redaction import Redactor
from services.telemetry.allowances import BURST_LINES, LINES_PER_SECOND, LineAllowances
from services.telemetry.events import Event, refusal_event
from services.telemetry.losses import REPORT_SECONDS
from services.telemetry.pipe import LogPipe
from services.telemetry.render import Entry, Renderer
from tests.unit.telemetry.test_pipe import Memory

NOON = 1_790_000_000.0


def refusal(at: float = NOON, event: Event = Event.AUTH) -> Entry:
    return Entry(at, logging.WARNING, event, "request refused", {}, None, None, is_bounded=True)


def admitted(allowances: LineAllowances, count: int, at: float = NOON, event: Event = Event.AUTH) -> int:
    return sum(allowances.admits(refusal(at, event)) for _ in range(count))


def test_a_burst_is_written_and_then_so_many_a_second() -> None:
    allowances = LineAllowances()
    assert admitted(allowances, 10_000) == BURST_LINES
    assert admitted(allowances, 10_000, NOON + 2) == 2 * LINES_PER_SECOND
    assert admitted(allowances, 10_000, NOON + 3600) == BURST_LINES


def test_each_event_has_an_allowance_of_its_own_and_other_lines_have_no_bound() -> None:
    allowances = LineAllowances()
    assert admitted(allowances, 1000, event=Event.AUTH) == BURST_LINES
    assert admitted(allowances, 10, event=Event.AUDIT) == 10
    performed = refusal()._replace(is_bounded=False)
    assert all(allowances.admits(performed) for _ in range(1000))


def test_what_was_left_out_is_said_now_and_then_and_at_the_end() -> None:
    allowances = LineAllowances()
    admitted(allowances, BURST_LINES + 7)
    assert list(allowances.reports(NOON + 1)) == []
    (report,) = allowances.reports(NOON + REPORT_SECONDS)
    assert (report.event, report.fields["left_out"]) == (Event.AUTH, 7)
    assert not allowances.has_left_out
    admitted(allowances, 1000, NOON + REPORT_SECONDS)
    (last,) = allowances.reports(NOON + REPORT_SECONDS, is_last=True)
    assert last.fields["left_out"] == 1000 - BURST_LINES


def test_a_clock_that_is_set_back_gives_no_lines_away_and_takes_none() -> None:
    allowances = LineAllowances()
    admitted(allowances, 1000)
    assert admitted(allowances, 1000, NOON - 3600) == 0
    assert admitted(allowances, 1000, NOON - 3590) == BURST_LINES


def test_the_pipe_says_what_it_left_out_when_it_closes() -> None:
    sink = Memory()
    pipe = LogPipe(Renderer("m", "1", "json", Redactor()), [sink])
    for _ in range(3000):
        pipe.put(refusal(time.time()))
    pipe.close()
    assert sink.messages[-1] == "lines about refused requests were left out"
    assert len(sink.messages) < 2 * BURST_LINES


def test_what_a_refusal_is_about() -> None:
    codes = ("unauthenticated", "permission_denied", "internal", "audit_unavailable", "invalid_argument", "not_found")
    assert [refusal_event(code) for code in codes] == [
        Event.AUTH,
        Event.AUTHZ,
        Event.ERROR,
        Event.ERROR,
        Event.AUDIT,
        Event.AUDIT,
    ]
