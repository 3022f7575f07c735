"""An emoji that Discord does not know in one spelling is tried once in the other, on either protocol."""

from urllib.parse import unquote

import pytest

from sandbox import Sandbox
from tests.conformance.faces import Face, Heard
from tests.support.module import RunningModule, token

UNICODES, DISCORDS = "\u2714\ufe0f", "\u2714"
THUMB, WITH_SELECTOR = "\U0001f44d", "\U0001f44d\ufe0f"
UNKNOWN = {"code": 10014, "message": "Unknown Emoji"}


async def react(face: Face, emoji: str) -> Heard:
    return await face.perform("AddReaction", {"channel_id": "123", "message_id": "456", "emoji": emoji}, token())


def tried(sandbox: Sandbox) -> list[str]:
    return [unquote(request.path).split("/")[-2] for request in sandbox.requests]


@pytest.mark.parametrize("pasted", [UNICODES, DISCORDS, ":heavy_check_mark:"])
async def test_the_other_spelling_is_a_second_attempt(
    face: Face, module: RunningModule, sandbox: Sandbox, pasted: str
) -> None:
    heard = await react(face, pasted)
    assert heard.code == "ok"
    assert tried(sandbox) == [UNICODES, DISCORDS]
    assert DISCORDS in sandbox.world.channels["123"].messages["456"].reactions
    assert heard.action_id is not None
    row = await module.row(heard.action_id)
    assert (row.outcome, row.attempts, row.discord_status) == ("delivered", 2, 204)


async def test_one_that_has_no_selector_is_tried_with_it(face: Face, sandbox: Sandbox) -> None:
    sandbox.faults.add("status", status=400, body=UNKNOWN, count=1)
    assert (await react(face, THUMB)).code == "ok"
    assert tried(sandbox) == [THUMB, WITH_SELECTOR]


async def test_unknown_in_both_it_is_unknown(face: Face, module: RunningModule, sandbox: Sandbox) -> None:
    sandbox.faults.add("status", status=400, body=UNKNOWN)
    heard = await react(face, UNICODES)
    assert (heard.code, heard.outcome, heard.discord_code) == ("discord_unknown_emoji", "rejected", 10014)
    assert tried(sandbox) == [UNICODES, DISCORDS]
    assert heard.action_id is not None
    assert (await module.row(heard.action_id)).attempts == 2


async def test_another_refusal_has_no_second_spelling(face: Face, sandbox: Sandbox) -> None:
    sandbox.faults.add("status", status=403, body={"code": 50013, "message": "Missing Permissions"}, count=1)
    assert (await react(face, THUMB)).code == "discord_missing_permissions"
    assert tried(sandbox) == [THUMB]


async def test_a_custom_emoji_has_one_spelling(face: Face, sandbox: Sandbox) -> None:
    assert (await react(face, "gone:41771983429993937")).code == "discord_unknown_emoji"
    assert tried(sandbox) == ["gone:41771983429993937"]
