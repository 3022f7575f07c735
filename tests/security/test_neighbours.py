"""What one caller does at the cost of the others: each has bounds of its own, and what it uses up is its own."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.auth import RefusalQuotas
from tests.security.doors import Door, open_door
from tests.support.module import token

MOST = 3
HIDDEN = {"channel_id": "224", "content": "x"}
OPEN = {"channel_id": "123", "content": "x"}
BOTH = pytest.mark.parametrize("protocol", ["grpc", "rest"])


@pytest.fixture
async def door(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr(RefusalQuotas.__init__, "__kwdefaults__", {"most_per_minute": MOST})
    async with open_door(tmp_path_factory.mktemp("neighbours")) as opened:
        yield opened


@BOTH
async def test_who_is_refused_by_discord_again_and_again_stops_nobody_else(protocol: str, door: Door) -> None:
    """401 and 403 count towards the ban of the address that everybody shares."""
    loud, calm = token(client_id="loud"), token(client_id="calm")
    heard = [await door.hears(protocol, "SendMessage", HIDDEN, loud) for _ in range(MOST + 3)]
    assert [one.status for one in heard[: MOST + 1]] == [heard[0].status] * (MOST + 1)
    assert heard[0].code.startswith("discord_missing")
    assert {(one.code, one.outcome) for one in heard[MOST + 1 :]} == {("rate_limited", "not_sent")}
    assert 0 < (heard[-1].retry_after_seconds or 0) <= 60
    assert (await door.hears(protocol, "SendMessage", OPEN, loud)).code == "rate_limited"
    assert (await door.hears(protocol, "SendMessage", OPEN, calm)).code == "ok"


@BOTH
async def test_look_ups_that_discord_refuses_count_as_well(protocol: str, door: Door) -> None:
    """A caller of one guild may name any channel there is; each is asked of Discord."""
    loud, calm = (token(client_id=name, guilds=["1"]) for name in ("loud", "calm"))
    hidden = door.sandbox.world.channels["323"]
    names = [str(9000 + number) for number in range(MOST + 3)]
    door.sandbox.world.channels |= {name: replace(hidden, id=name) for name in names}
    heard = [await door.hears(protocol, "SendMessage", {**HIDDEN, "channel_id": name}, loud) for name in names]
    assert [one.code for one in heard] == ["permission_denied"] * (MOST + 1) + ["rate_limited"] * 2
    assert (await door.hears(protocol, "SendMessage", OPEN, calm)).code == "ok"
