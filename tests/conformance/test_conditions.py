"""What a request says beside its action means the same over both protocols."""

import pytest

from sandbox import FaultKind, Sandbox
from tests.conformance.faces import Face
from tests.support.module import RunningModule, token

MESSAGE = {"channel_id": "123", "content": "hello"}
TARGET = {"guild_id": "1", "user_id": "42"}
KEY, PRIORITY = "Idempotency-Key", "X-Priority"


@pytest.mark.parametrize(
    ("headers", "bad"),
    [
        ([(KEY, "a"), (KEY, "b")], {KEY}),
        ([(KEY, "a"), (KEY, "a")], {KEY}),
        ([(KEY, "")], {KEY}),
        ([(KEY, "k" * 256)], {KEY}),
        ([(PRIORITY, "normal"), (PRIORITY, "bulk")], {PRIORITY}),
        ([(PRIORITY, "Bulk")], {PRIORITY}),
        ([(PRIORITY, "")], {PRIORITY}),
        ([(KEY, ""), (PRIORITY, "?")], {KEY, PRIORITY}),
    ],
)
async def test_a_bad_condition_is_named_and_nothing_is_sent(
    headers: list[tuple[str, str]], bad: set[str], face: Face, sandbox: Sandbox
) -> None:
    heard = await face.perform("SendMessage", MESSAGE, token(), headers)
    assert (heard.code, heard.outcome, heard.action_id) == ("invalid_argument", "not_sent", None)
    assert {field.lower() for field in heard.fields} == {name.lower() for name in bad}
    assert len(sandbox.requests) == 0


async def test_bad_conditions_and_bad_fields_are_named_together(face: Face) -> None:
    heard = await face.perform("SendMessage", {"content": "x"}, token(), [(PRIORITY, "?")])
    assert {field.lower() for field in heard.fields} == {"x-priority", "channel_id"}


async def test_two_tokens_are_no_token(face: Face) -> None:
    heard = await face.perform("SendMessage", MESSAGE, token(), [("authorization", f"Bearer {token()}")])
    assert heard.code == "unauthenticated"


async def test_two_ids_are_one_request_id(face: Face, module: RunningModule) -> None:
    heard = await face.perform("SendMessage", MESSAGE, token(), [("X-Request-ID", "a"), ("X-Request-ID", "b")])
    assert heard.request_id == "a,b"


async def test_what_a_refused_token_holds_back_was_not_sent(
    face: Face, module: RunningModule, sandbox: Sandbox
) -> None:
    sandbox.faults.add(FaultKind.UNAUTHORIZED)
    heard = [await face.perform("KickUser", TARGET, token()) for _ in range(2)]
    assert [(one.code, one.outcome) for one in heard] == [
        ("bot_token_invalid", "rejected"),
        ("bot_token_invalid", "not_sent"),
    ]
    assert heard[1].action_id is not None
    row = await module.row(heard[1].action_id)
    assert (row.outcome, row.attempts, row.discord_status) == ("not_sent", 0, None)
    assert len(sandbox.requests) == 1


async def test_what_quarantine_holds_back_was_not_sent(face: Face, sandbox: Sandbox) -> None:
    fields = {"webhook_url": "https://discord.com/api/webhooks/556/gone", "content": "x"}
    heard = [await face.perform("SendWebhook", fields, token()) for _ in range(2)]
    assert [(one.code, one.outcome, one.discord_code) for one in heard] == [
        ("discord_unknown_webhook", "rejected", 10015),
        ("discord_unknown_webhook", "not_sent", None),
    ]
    assert len(sandbox.requests) == 1
