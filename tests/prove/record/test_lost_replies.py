"""Discord does what it is asked and its reply is lost: each action has one effect, whatever is said of it.

That the client never does anything twice is in tests/contract/test_discord_client.py. Here a caller asks the whole
program with a key, and asks once more, as routers do.
"""

import signal
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox import LostReply, Sandbox
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from services.actions import CATALOGUE
from services.ports import Repeat
from tests.conformance.faces import Heard
from tests.prove.evidence import keep
from tests.prove.record.counts import rows_in
from tests.prove.record.load import faces_of
from tests.support.module import token
from tests.support.process import Program, serving_program

TEXT = "proof-lost"
MEMBER = {"guild_id": "1", "user_id": "42"}
MESSAGE = {"channel_id": "123", "message_id": "789"}
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "SendMessage": {"channel_id": "123", "content": TEXT},
    "SendEmbed": {"channel_id": "123", "embed": {"title": TEXT}},
    "EditMessage": {**MESSAGE, "content": TEXT},
    "DeleteMessage": MESSAGE,
    "AddReaction": {**MESSAGE, "emoji": "👍"},
    "ManageRole": {**MEMBER, "role_id": "7"},
    "CreateWebhook": {"channel_id": "123", "name": TEXT},
    "SendWebhook": {"webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}", "content": TEXT},
    "KickUser": MEMBER,
    "BanUser": MEMBER,
    "TimeoutUser": {**MEMBER, "duration_seconds": 60},
}
EFFECTS: Mapping[str, Callable[[Sandbox], int]] = {
    "SendMessage": lambda at: messages_in(at, TEXT),
    "SendEmbed": lambda at: messages_in(at, ""),
    "EditMessage": lambda at: messages_in(at, TEXT),
    "DeleteMessage": lambda at: int("789" not in at.world.channels["123"].messages),
    "AddReaction": lambda at: sum(len(r.user_ids) for r in at.world.channels["123"].messages["789"].reactions.values()),
    "ManageRole": lambda at: at.world.guilds["1"].members["42"].roles.count("7"),
    "CreateWebhook": lambda at: sum(webhook.name == TEXT for webhook in at.world.webhooks.values()),
    "SendWebhook": lambda at: messages_in(at, TEXT),
    "KickUser": lambda at: int("42" not in at.world.guilds["1"].members),
    "BanUser": lambda at: int("42" in at.world.guilds["1"].bans),
    "TimeoutUser": lambda at: int(at.world.guilds["1"].members["42"].communication_disabled_until is not None),
}
NEVER_REPEATED = {action.rpc() for action in CATALOGUE if action.repeat is Repeat.NEVER}
SETTLED_BY_NONCE = {action.rpc() for action in CATALOGUE if action.repeat is Repeat.WITH_NONCE}
PATIENCE_SECONDS = "2"
USUAL = (LostReply.RESET, LostReply.TRUNCATED, LostReply.BAD_GATEWAY)


def messages_in(sandbox: Sandbox, text: str) -> int:
    """Messages of the day with that text; empty: with the embed."""
    found = sandbox.world.channels["123"].messages.values()
    wanted = [one for one in found if one.content == text and (text or any(e["title"] == TEXT for e in one.embeds))]
    return len(wanted)


async def lose(started: Program, sandbox: Sandbox, rpc: str, then: LostReply) -> Heard:
    """One action whose first reply is lost, asked for twice. Gives the first answer."""
    sandbox.reset()
    sandbox.faults.add("lost_reply", then=then, count=1)
    keyed = {"Idempotency-Key": f"{rpc}-{then}"}
    async with faces_of(started) as faces:
        first = await faces[0].perform(rpc, FIELDS[rpc], token(), keyed)
        asked = len(sandbox.requests)
        again = await faces[1].perform(rpc, FIELDS[rpc], token(), keyed)
    where = f"{rpc}, {then}: {first}, then {again}"
    assert EFFECTS[rpc](sandbox) == 1, where
    assert first.code == "ok" or first.outcome == "unknown", where
    if rpc in SETTLED_BY_NONCE:
        assert again.code == "ok", where
    if rpc in NEVER_REPEATED:
        assert asked == 1, where
        assert sum(r.method == "POST" for r in sandbox.requests) == 1, where
    return first


async def lost_replies(variables: dict[str, str], sandbox: Sandbox, ways: tuple[LostReply, ...]) -> None:
    outcomes: Counter[str] = Counter()
    said: dict[str | None, str] = {}
    async with serving_program(variables | {"REQUEST_TIMEOUT": PATIENCE_SECONDS}) as started:
        await started.says("the bot")  # else this reply would be lost
        for then in ways:
            for rpc in FIELDS:
                heard = await lose(started, sandbox, rpc, then)
                outcomes[heard.outcome] += 1
                said[heard.action_id] = heard.outcome
        started.signal(signal.SIGTERM)
        assert await started.ends() == 0
    rows = {row.action_id: row.outcome for row in await rows_in(variables["DATABASE_URL"])}
    keep(
        f"reply lost after Discord applied it: {', '.join(ways)}; each of {len(FIELDS)} actions, asked twice",
        "exactly one effect, or `unknown` said, never repeated",
        cases=len(said),
        one_effect=len(said),
        **outcomes,
    )
    assert {action_id: rows.get(str(action_id)) for action_id in said} == said


def test_every_action_is_lost_once() -> None:
    assert set(FIELDS) == set(EFFECTS) == {action.rpc() for action in CATALOGUE}


async def test_a_lost_reply_leaves_one_effect(variables: dict[str, str], sandbox: Sandbox) -> None:
    await lost_replies(variables, sandbox, USUAL)


@pytest.mark.prove
@pytest.mark.timeout(240)
async def test_a_lost_reply_leaves_one_effect_at_length(variables: dict[str, str], sandbox: Sandbox) -> None:
    await lost_replies(variables, sandbox, tuple(LostReply))
