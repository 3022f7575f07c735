"""Reading the audit log."""

from dataclasses import fields
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from services.errors import AuditUnavailable
from services.ports import ActionFilter, ActionRow, Caller, Places
from tests.unit.rest_api.house import House, row

ACTIONS = "/api/v1/actions"
ID = row().action_id


async def test_a_row_is_written_with_every_column() -> None:
    house = House()
    house.audit.rows = [row()]
    answer = await house.get(ACTIONS)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    [written] = answer.json["actions"]
    assert set(written) == {column.name for column in fields(ActionRow)}
    assert written["created_at"] == "2026-01-31T12:00:00.250000Z"
    assert written["request_data"] == {"channel_id": "123", "content": "hello"}
    assert answer.json["next_cursor"] is None


async def test_a_time_without_a_zone_is_utc() -> None:
    house = House()
    house.audit.rows = [row(created_at=row().created_at.replace(tzinfo=None, microsecond=0))]
    [written] = (await house.get(ACTIONS)).json["actions"]
    assert written["created_at"] == "2026-01-31T12:00:00Z"


async def test_without_parameters_fifty_rows_of_any_kind_are_asked_for() -> None:
    house = House()
    await house.get(ACTIONS)
    assert house.audit.asked == [(ActionFilter(), 50, None)]


async def test_every_filter_is_passed_on() -> None:
    house = House()
    query = (
        "action=ban_user&guild_id=1&channel_id=2&user_id=3&client_id=panel&success=false"
        "&outcome=rejected&error_code=discord_missing_permissions"
        "&since=2026-01-01T00:00:00Z&until=2026-02-01T01:00:00%2B01:00&limit=200&cursor=abc"
    )
    answer = await house.get(f"{ACTIONS}?{query}")
    assert answer.status == 200
    wanted = ActionFilter(
        action_type="ban_user",
        guild_id="1",
        channel_id="2",
        user_id="3",
        client_id="panel",
        success=False,
        outcome="rejected",
        error_code="discord_missing_permissions",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 2, 1, tzinfo=UTC),
    )
    assert house.audit.asked == [(wanted, 200, "abc")]


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00",
        "2026-01-31T12:00",
        "2026-01-31T13:00:00%2B01:00",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31T13:00:00.000+0100",
        "2026-01-31 13:00+01:00",
        "2026-01-31T07:00:00-05:00",
    ],
)
async def test_times_are_read_as_people_write_them(text: str) -> None:
    house = House()
    answer = await house.get(f"{ACTIONS}?since={text.replace(' ', '%20')}")
    assert answer.status == 200, answer.body
    assert house.audit.asked[0][0].since == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("action=send", "#/action"),
        ("guild_id=x", "#/guild_id"),
        ("guild_id=", "#/guild_id"),
        ("user_id=9223372036854775808", "#/user_id"),
        ("channel_id=0", "#/channel_id"),
        ("user_id=12345678901234567890", "#/user_id"),
        ("client_id=", "#/client_id"),
        ("client_id=%00", "#/client_id"),
        ("success=yes", "#/success"),
        ("outcome=failed", "#/outcome"),
        ("outcome=", "#/outcome"),
        ("error_code=ok", "#/error_code"),
        ("error_code=RATE_LIMITED", "#/error_code"),
        ("since=yesterday", "#/since"),
        ("since=0001-01-01T00:00:00%2B23:00", "#/since"),
        ("until=" + "1" * 5000, "#/until"),
        ("since=2026-01-02&until=2026-01-01", "#/until"),
        ("limit=0", "#/limit"),
        ("limit=201", "#/limit"),
        ("limit=-1", "#/limit"),
        ("limit=1_0", "#/limit"),
        ("cursor=", "#/cursor"),
        ("sort=asc", "#/sort"),
        ("limit=1&limit=2", "#/limit"),
    ],
)
async def test_a_bad_parameter_is_named(query: str, pointer: str) -> None:
    house = House()
    answer = await house.get(f"{ACTIONS}?{query}")
    assert (answer.status, answer.json["code"], answer.pointers) == (400, "invalid_argument", [pointer])
    assert not house.audit.asked


async def test_all_bad_parameters_are_named_at_once() -> None:
    answer = await House().get(f"{ACTIONS}?limit=x&limit=1&action=?&colour=red&since=?&outcome=x&error_code=y")
    expected = ["#/action", "#/colour", "#/error_code", "#/limit", "#/limit", "#/outcome", "#/since"]
    assert sorted(answer.pointers) == expected
    answer = await House().get(f"{ACTIONS}?since=2026-01-02&until=2026-01-01&outcome=x")
    assert sorted(answer.pointers) == ["#/outcome", "#/until"]


@pytest.mark.parametrize("query", ["a=%ff", "&".join(f"p{n}=1" for n in range(100))])
async def test_a_query_that_cannot_be_read_is_refused(query: str) -> None:
    answer = await House().get(f"{ACTIONS}?{query}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")


async def test_the_next_page_is_named() -> None:
    house = House()
    house.audit.rows = [row(), row()]
    assert (await house.get(f"{ACTIONS}?limit=1")).json["next_cursor"] == "more"


async def test_a_table_that_cannot_be_read_is_unavailable() -> None:
    house = House()

    async def fail(wanted: ActionFilter, limit: int, cursor: str | None) -> None:
        raise AuditUnavailable(retry_after_seconds=1)

    house.audit.page = fail  # type: ignore[method-assign, assignment]
    answer = await house.get(ACTIONS)
    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "audit_unavailable", "1")


async def test_one_row_is_found_by_its_id() -> None:
    house = House()
    house.audit.rows = [row()]
    answer = await house.get(f"{ACTIONS}/{ID}")
    assert answer.status == 200
    assert answer.json["action_id"] == ID


@pytest.mark.parametrize("action_id", [ID.replace("0", "1"), "x", ID.upper(), quote("' or 1=1"), "9" * 3000])
async def test_an_id_that_is_not_there_is_not_found(action_id: str) -> None:
    house = House()
    house.audit.rows = [row()]
    answer = await house.get(f"{ACTIONS}/{action_id}")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", [ACTIONS, f"{ACTIONS}/{ID}"])
async def test_reading_needs_a_token(path: str) -> None:
    response = await House().client.get(path)
    assert response.status_code == 401


class TestWithoutTheScope:
    """A caller whose token does not hold audit:read."""

    @pytest.fixture
    def house(self) -> House:
        house = House()
        house.authenticator.caller = Caller("panel", frozenset({"messages"}))
        house.audit.rows = [row(client_id="router")]
        return house

    @pytest.mark.parametrize("query", ["", "?client_id=panel"])
    async def test_sees_its_own_rows(self, house: House, query: str) -> None:
        await house.get(f"{ACTIONS}{query}")
        assert house.audit.asked[0][0].client_id == "panel"

    async def test_may_not_ask_for_anothers(self, house: House) -> None:
        answer = await house.get(f"{ACTIONS}?client_id=router")
        assert (answer.status, answer.json["code"]) == (403, "permission_denied")
        assert not house.audit.asked

    async def test_does_not_learn_that_anothers_row_exists(self, house: House) -> None:
        theirs, nobodys = await house.get(f"{ACTIONS}/{ID}"), await house.get(f"{ACTIONS}/{ID[:-1]}0")
        assert theirs.status == nobodys.status == 404
        assert theirs.json["detail"] == nobodys.json["detail"]

    async def test_reads_its_own_row(self, house: House) -> None:
        house.audit.rows = [row(client_id="panel")]
        assert (await house.get(f"{ACTIONS}/{ID}")).status == 200


async def test_with_the_scope_every_row_is_seen() -> None:
    house = House()
    house.authenticator.caller = Caller("panel", frozenset({"audit:read"}))
    house.audit.rows = [row(client_id="router")]
    assert (await house.get(f"{ACTIONS}/{ID}")).status == 200
    await house.get(ACTIONS)
    assert house.audit.asked[0][0].client_id is None


class TestWithATokenLimitedToPlaces:
    """A caller that may read, of some guilds and channels."""

    @pytest.fixture
    def house(self) -> House:
        house = House()
        house.authenticator.caller = Caller("panel", frozenset({"audit:read"}), guilds=frozenset({"1", "2"}))
        return house

    @pytest.mark.parametrize("path", [ACTIONS, f"{ACTIONS}/export"])
    async def test_sees_the_rows_of_its_guilds(self, house: House, path: str) -> None:
        assert (await house.get(path)).status == 200
        assert house.audit.asked[0][0] == ActionFilter(places=Places(frozenset({"1", "2"}), None))

    @pytest.mark.parametrize("path", [ACTIONS, f"{ACTIONS}/export"])
    async def test_asks_for_one_of_them(self, house: House, path: str) -> None:
        assert (await house.get(f"{path}?guild_id=2")).status == 200
        assert house.audit.asked[0][0] == ActionFilter(guild_id="2")

    @pytest.mark.parametrize("path", [ACTIONS, f"{ACTIONS}/export"])
    async def test_may_not_ask_for_another(self, house: House, path: str) -> None:
        answer = await house.get(f"{path}?guild_id=3")
        assert (answer.status, answer.json["code"]) == (403, "permission_denied")
        assert not house.audit.asked

    @pytest.mark.parametrize(
        ("guild_id", "channel_id", "status"),
        [("1", None, 200), ("3", None, 404), (None, "123", 404), (None, None, 404)],
    )
    async def test_finds_single_rows_there_alone(
        self, house: House, guild_id: str | None, channel_id: str | None, status: int
    ) -> None:
        house.audit.rows = [row(guild_id=guild_id, channel_id=channel_id)]
        assert (await house.get(f"{ACTIONS}/{ID}")).status == status

    @pytest.mark.parametrize(("channel_id", "status"), [("123", 200), ("124", 404)])
    async def test_a_listed_channel_counts_where_a_row_names_no_guild(
        self, house: House, channel_id: str, status: int
    ) -> None:
        house.authenticator.caller = Caller("panel", None, guilds=frozenset({"1"}), channels=frozenset({"123"}))
        house.audit.rows = [row(guild_id=None, channel_id=channel_id)]
        assert (await house.get(f"{ACTIONS}/{ID}")).status == status

    async def test_the_limits_hold_for_its_own_rows_too(self, house: House) -> None:
        house.authenticator.caller = Caller("panel", frozenset({"messages"}), guilds=frozenset({"1"}))
        house.audit.rows = [row(client_id="panel", guild_id="3")]
        assert (await house.get(f"{ACTIONS}/{ID}")).status == 404
        await house.get(ACTIONS)
        assert house.audit.asked == [(ActionFilter(client_id="panel", places=Places(frozenset({"1"}))), 50, None)]
