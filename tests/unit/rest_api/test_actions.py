"""Every action over REST, down to the call that leaves for Discord."""

import asyncio

import pytest

from services.actions import CATALOGUE, Action
from services.errors import DiscordRejected, DiscordSaid, ErrorCode
from services.ports import Reply, WebhookBody
from services.rest_api.openapi import example_fields
from tests.fakes.discord import answers, fails, hangs_after_sending, waits_before_sending
from tests.unit.rest_api.house import BEARER, JSON, MESSAGE, SAID, SENT, House, until

WEBHOOK = Reply(200, WebhookBody(id="41771983429993937", token="TOKEN"))
ONE_MESSAGE = "/api/v1/message/123/456"


def filled_path(action_type: type[Action]) -> str:
    return action_type.rest.path.format(**example_fields(action_type))


@pytest.mark.parametrize("action_type", CATALOGUE, ids=lambda action_type: str(action_type.rpc()))
async def test_the_example_of_every_action_is_carried_out(action_type: type[Action]) -> None:
    house = House(answers(WEBHOOK if action_type.rpc() == "CreateWebhook" else SENT))
    in_body = {k: v for k, v in example_fields(action_type).items() if k not in action_type.rest.path_fields}
    answer = await house.send(action_type.rest.method, filled_path(action_type), JSON, json=in_body)
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    entry, _ = house.record.ended[0]
    assert answer.json == {
        "success": True,
        **{name: answer.json[name] for name in action_type.outcome_type.model_fields},
        "action_id": entry.action_id,
    }
    assert entry.action_type in action_type.audit_names
    assert entry.protocol == "rest"
    assert len(house.discord.calls) == 1


async def test_a_message_is_answered_with_its_id() -> None:
    answer = await House().post()
    assert answer.json["message_id"] == "900"


async def test_a_path_holds_fields() -> None:
    house = House()
    answer = await house.send("PATCH", ONE_MESSAGE, JSON, json={"content": "new"})
    assert answer.status == 200
    assert house.discord.calls[0].parts == {"channel_id": "123", "message_id": "456"}


async def test_a_field_of_the_path_is_refused_in_the_body_beside_everything_else_that_is_wrong() -> None:
    house = House()
    fields = {"content": "new", "channel_id": "9", "tone": 1}
    answer = await house.send("PATCH", "/api/v1/message/123/x", JSON, json=fields)
    assert answer.status == 400
    assert sorted(answer.pointers) == ["#/channel_id", "#/message_id", "#/tone"]
    assert not house.discord.calls


async def test_a_field_of_the_path_alone_in_the_body_is_refused() -> None:
    answer = await House().send("PATCH", ONE_MESSAGE, JSON, json={"content": "new", "message_id": "456"})
    assert answer.pointers == ["#/message_id"]


@pytest.mark.parametrize("body", [b"", b"{}", b" \n"])
async def test_a_deletion_needs_no_body(body: bytes) -> None:
    assert (await House().send("DELETE", ONE_MESSAGE, data=body)).status == 200


async def test_a_deletion_takes_no_fields() -> None:
    answer = await House().send("DELETE", ONE_MESSAGE, data=b'{"reason": "x"}')
    assert (answer.status, answer.pointers) == (400, ["#/reason"])


async def test_every_bad_field_is_named_at_once() -> None:
    answer = await House().post(
        {"channel_id": 123, "content": "x" * 2001, "embed": {"fields": [{"name": ""}]}, "no": 1}
    )
    assert answer.status == 400
    assert answer.pointers == ["#/channel_id", "#/content", "#/embed/fields/0/name", "#/embed/fields/0/value", "#/no"]
    assert answer.json["errors"][0]["detail"] == "must be a string"


async def test_a_percent_encoded_path_is_decoded_before_it_is_judged() -> None:
    answer = await House().send("DELETE", "/api/v1/message/123/45%36")
    assert answer.status == 200
    answer = await House().send("DELETE", "/api/v1/message/123/%00")
    assert answer.pointers == ["#/message_id"]


async def test_a_repeat_with_the_same_key_is_a_replay() -> None:
    house = House(answers(SENT))
    key = {"Idempotency-Key": "k-1"}
    first, second = await house.post(headers=key), await house.post(headers=key)
    assert first.json == second.json
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


async def test_a_replayed_failure_says_so() -> None:
    refusal = DiscordRejected(ErrorCode.DISCORD_UNKNOWN_CHANNEL, "No.", discord=DiscordSaid(404, 10003))
    house = House(fails(refusal))
    key = {"Idempotency-Key": "k-1"}
    first, second = await house.post(headers=key), await house.post(headers=key)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (first.status, first.json["action_id"]) == (second.status, second.json["action_id"])


async def test_another_request_with_the_same_key_is_refused() -> None:
    house = House()
    key = {"Idempotency-Key": "k-1"}
    await house.post(headers=key)
    answer = await house.post(SAID | {"content": "other"}, headers=key)
    assert (answer.status, answer.json["code"]) == (422, "idempotency_mismatch")


async def leave_early(house: House) -> None:
    async with house.client.request(MESSAGE, method="POST", headers=BEARER | JSON) as connection:
        await connection.send(b'{"channel_id": "123", "content": "x"}')
        await connection.send_complete()
        await until(lambda: house.discord.calls)
        await connection.disconnect()


async def test_a_client_that_leaves_before_the_bytes_do_stops_its_action() -> None:
    house = House(waits_before_sending(asyncio.Event()))
    await leave_early(house)
    await until(lambda: house.record.ended)
    assert house.record.verdicts[0].error_code == "deadline_exceeded"
    assert not house.record.attempted


async def test_a_client_that_leaves_later_does_not_stop_what_is_at_discord() -> None:
    released = asyncio.Event()
    house = House(hangs_after_sending(released, SENT))
    await leave_early(house)
    released.set()
    await until(lambda: house.record.ended)
    assert house.record.verdicts[0].success
