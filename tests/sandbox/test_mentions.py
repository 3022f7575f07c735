"""Who a message pings."""

from typing import Any

import pytest

from sandbox import Permission, Sandbox
from sandbox.model import Pings
from tests.sandbox.client import CHANNEL, Client

TEXT = "<@42> <@!43> <@77777> <@&6> <@&7> @everyone"


@pytest.mark.parametrize(
    ("allowed", "users", "roles", "everyone"),
    [
        (None, ["42", "43"], ["6", "7"], True),
        ({"parse": []}, [], [], False),
        ({"parse": ["users"]}, ["42", "43"], [], False),
        ({"parse": ["roles"]}, [], ["6", "7"], False),
        ({"parse": ["everyone"]}, [], [], True),
        ({"parse": [], "users": ["43"], "roles": ["6"]}, ["43"], ["6"], False),
    ],
)
async def test_allowed_mentions_decide(
    call: Client, sandbox: Sandbox, allowed: Any, users: list[str], roles: list[str], everyone: bool
) -> None:
    made = (await call.send(TEXT, allowed_mentions=allowed)).body
    assert sandbox.world.channels["123"].messages[made["id"]].pings == Pings(users, roles, everyone)
    assert (made["mention_roles"], made["mention_everyone"]) == (roles, everyone)


async def test_the_right_to_mention_everyone_is_needed(call: Client, sandbox: Sandbox) -> None:
    sandbox.world.change_bot_permissions("1", revoke=Permission.MENTION_EVERYONE)
    made = (await call.send(TEXT)).body
    assert (made["mention_roles"], made["mention_everyone"]) == (["6"], False)


async def test_an_edit_forgets_what_the_message_allowed(call: Client, sandbox: Sandbox) -> None:
    made = (await call.send("hi", allowed_mentions={"parse": []})).body
    await call("PATCH", f"{CHANNEL}/{made['id']}", {"content": "@everyone"})
    assert sandbox.world.channels["123"].messages[made["id"]].pings.everyone


async def test_embeds_do_not_ping(call: Client) -> None:
    made = (await call.send("x", embeds=[{"description": TEXT}])).body
    assert (made["mentions"], made["mention_everyone"]) == ([], False)


async def test_a_reply_pings_its_author_unless_told(call: Client) -> None:
    reference = {"message_id": "456"}
    assert (await call.send("x", message_reference=reference)).body["mentions"]
    quiet = await call.send("x", message_reference=reference, allowed_mentions={"parse": ["users"]})
    assert quiet.body["mentions"] == []
