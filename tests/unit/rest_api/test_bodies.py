"""What is no body of ours, and how it is refused."""

import pytest

from services.rest_api.body import DEEPEST
from services.rest_api.request import LARGEST_BODY_BYTES
from tests.unit.rest_api.house import BEARER, JSON, MESSAGE, Answer, House


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/problem+json",
        "application/json; charset=utf-16",
        "application/jsonx",
        "",
    ],
)
async def test_other_media_types_are_refused(content_type: str) -> None:
    answer = await House().post_raw(b'{"channel_id": "123", "content": "x"}', {"Content-Type": content_type})
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=UTF-8", "application/json;v=1"]
)
async def test_json_is_accepted_however_it_is_spelled(content_type: str) -> None:
    answer = await House().post_raw(b'{"channel_id": "123", "content": "x"}', {"Content-Type": content_type})
    assert answer.status == 200


async def test_a_compressed_body_is_refused() -> None:
    answer = await House().post_raw(b"\x1f\x8b", JSON | {"Content-Encoding": "gzip"})
    assert answer.status == 415


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "is empty"),
        (b"  ", "is empty"),
        (b'{"channel_id": }', "line 1 column 16"),
        (b'{\n"a": 1,\n}', "line 2 column 7"),
        (b'{"channel_id": NaN}', "not valid JSON"),
        (b'{"channel_id": Infinity}', "not valid JSON"),
        (b'{"content": "\\ud800"}', "not valid JSON"),
        (b'{"content": "\xff"}', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"{} {}", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"text"', "must be a JSON object"),
        (b'{"content": "a", "content": "b"}', "`content` twice"),
        (b'{"embed": {"title": "a", "title": "b"}}', "`title` twice"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}", "nested more than 16 levels"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "nested more than 16 levels"),
    ],
)
async def test_what_is_not_one_clear_json_object_is_refused_with_the_place(body: bytes, told: str) -> None:
    house = House()
    answer = await house.post_raw(body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    assert told in answer.json["detail"]
    assert answer.json["errors"] == [{"pointer": "#", "detail": answer.json["detail"]}]
    assert house.counts.rejected == [("rest", "invalid_argument")]
    assert not house.record.begun


async def test_many_shallow_objects_are_not_deep() -> None:
    fields = [{"name": "n", "value": "v"}] * 20
    answer = await House().post({"channel_id": "123", "embed": {"fields": fields}})
    assert answer.status == 200


@pytest.mark.parametrize("digits", [30, 400, 5000])
async def test_a_long_number_is_only_a_bad_request(digits: int) -> None:
    answer = await House().post_raw(b'{"channel_id": %b, "content": "x"}' % (b"1" * digits))
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")


async def test_a_body_of_the_largest_size_is_read() -> None:
    head, tail = b'{"channel_id": "123", "content": "', b'"}'
    filler = b" " * (LARGEST_BODY_BYTES - len(head) - len(tail) - 1) + b"x"
    assert (await House().post_raw(head + filler + tail)).status == 200


async def test_a_body_over_the_size_is_refused() -> None:
    answer = await House().post_raw(b" " * (LARGEST_BODY_BYTES + 1))
    assert (answer.status, answer.json["code"]) == (413, "payload_too_large")


async def test_a_length_over_the_size_is_refused_before_anything_is_read() -> None:
    house = House()
    headers = BEARER | JSON | {"Content-Length": str(LARGEST_BODY_BYTES + 1)}
    async with house.client.request(MESSAGE, method="POST", headers=headers) as connection:
        answer = await Answer.early(connection)
    assert answer.status == 413


async def test_chunks_without_a_length_are_refused_as_soon_as_they_are_too_much() -> None:
    house = House()
    async with house.client.request(MESSAGE, method="POST", headers=BEARER | JSON) as connection:
        for _ in range(LARGEST_BODY_BYTES // 65536 + 1):
            await connection.send(b" " * 65536)
        answer = await Answer.early(connection)
    assert answer.status == 413


async def test_a_body_that_does_not_come_is_waited_for_until_the_deadline() -> None:
    house = House()
    headers = BEARER | JSON | {"Prefer": "wait=0.05"}
    async with house.client.request(MESSAGE, method="POST", headers=headers) as connection:
        await connection.send(b"{")
        answer = await Answer.early(connection)
    assert (answer.status, answer.json["code"]) == (504, "deadline_exceeded")
    assert answer.json["retryable"] is True


async def test_a_client_that_leaves_while_it_sends_leaves_nothing_behind() -> None:
    house = House()
    async with house.client.request(MESSAGE, method="POST", headers=BEARER | JSON) as connection:
        await connection.send(b"{")
        await connection.disconnect()
    assert not house.record.begun
