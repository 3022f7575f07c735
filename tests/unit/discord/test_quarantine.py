import pytest

from services.discord.quarantine import QUARANTINE_SECONDS, Quarantine, WebhookQuarantined
from services.errors import ErrorCode, OutcomeKind
from tests.fakes import ManualClock
from tests.unit.discord.calls import WEBHOOK_TOKEN, send_message, send_webhook


def test_a_dead_webhook_is_refused_for_a_while() -> None:
    clock = ManualClock()
    quarantine = Quarantine(clock)
    quarantine.add(send_webhook())
    with pytest.raises(WebhookQuarantined) as raised:
        quarantine.check(send_webhook())
    assert raised.value.code is ErrorCode.DISCORD_UNKNOWN_WEBHOOK
    assert (raised.value.outcome, raised.value.discord) == (OutcomeKind.NOT_SENT, None)
    clock.advance(QUARANTINE_SECONDS)
    quarantine.check(send_webhook())
    assert len(quarantine) == 0


def test_another_token_of_the_same_webhook_is_not_shut_out() -> None:
    quarantine = Quarantine(ManualClock())
    quarantine.add(send_webhook(token="wrong"))
    quarantine.check(send_webhook())


def test_what_is_no_webhook_passes() -> None:
    quarantine = Quarantine(ManualClock())
    quarantine.add(send_webhook())
    quarantine.check(send_message())


def test_it_is_bounded_and_forgets_the_oldest() -> None:
    quarantine = Quarantine(ManualClock(), most=2)
    for webhook_id in ("1", "2", "1", "3"):
        quarantine.add(send_webhook(webhook_id))
    assert len(quarantine) == 2
    quarantine.check(send_webhook("2"))
    with pytest.raises(WebhookQuarantined):
        quarantine.check(send_webhook("1"))


def test_it_keeps_no_token() -> None:
    quarantine = Quarantine(ManualClock())
    quarantine.add(send_webhook())
    assert WEBHOOK_TOKEN.encode() not in b"".join(quarantine._until)
