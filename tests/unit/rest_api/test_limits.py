"""Discord's limits over REST."""

from dataclasses import replace

from services.ports import Caller, Scope
from services.rest_api import NoLimits
from tests.unit.rest_api.house import House


async def test_a_token_without_scopes_may_see_them() -> None:
    heard = await House().send("GET", "/api/v1/limits")
    assert (heard.status, heard.json) == (200, NoLimits().describe())


async def test_a_token_with_the_scope_may_see_them() -> None:
    house = House()
    house.authenticator.caller = Caller("ops", frozenset({Scope.LIMITS_READ.value}))
    assert (await house.send("GET", "/api/v1/limits")).status == 200


async def test_any_other_scope_is_not_enough() -> None:
    house = House()
    house.authenticator.caller = replace(house.authenticator.caller, scopes=frozenset({"messages"}))
    heard = await house.send("GET", "/api/v1/limits")
    assert (heard.status, heard.json["code"]) == (403, "permission_denied")


async def test_without_a_token_nothing_is_told() -> None:
    response = await House().client.get("/api/v1/limits")
    assert response.status_code == 401
