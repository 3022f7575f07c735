"""Every case over both protocols: the same answer, the same row, the same request at Discord."""

import pytest

from sandbox import Sandbox
from services.actions import AUDIT_NAMES, CATALOGUE
from tests.conformance.cases import CASES, Case
from tests.conformance.faces import Face, Heard
from tests.support.module import RunningModule, token

# A webhook that is gone is not asked again by either protocol, so only the first of the two gets that far.
QUARANTINING = frozenset({10015, 50027})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_case(case: Case, face: Face, module: RunningModule, sandbox: Sandbox) -> None:
    for fault in case.faults:
        sandbox.faults.add(**fault)
    heard = await face.perform(case.rpc, case.fields, token(**case.claims))
    assert heard.status == (case.http if face.name == "rest" else case.grpc), heard
    assert (heard.code, heard.outcome, heard.fields) == (case.code, case.outcome, case.bad_fields)
    assert heard.discord_code == case.discord_code
    assert frozenset(heard.result) == case.result
    if case.requests_at_discord is not None:
        assert len(sandbox.requests) == case.requests_at_discord
    assert [problem for _, problem in sandbox.problems()] == []
    await _check_row(case, face, heard, module)


async def _check_row(case: Case, face: Face, heard: Heard, module: RunningModule) -> None:
    if case.code == "invalid_argument":
        assert heard.action_id is None
        return
    assert heard.action_id is not None
    row = await module.row(heard.action_id)
    assert (row.outcome, row.success, row.error_code or "ok") == (case.outcome, case.code == "ok", case.code)
    assert (row.protocol, row.client_id, row.request_id) == (face.name, "router", heard.request_id)
    assert row.action_type in AUDIT_NAMES
    assert (row.guild_id, row.channel_id, row.user_id) == tuple(
        case.fields.get(name) for name in ("guild_id", "channel_id", "user_id")
    )


async def test_both_protocols_ask_the_same_of_discord(faces: dict[str, Face], sandbox: Sandbox) -> None:
    for case in CASES:
        if case.faults or case.requests_at_discord == 0 or case.discord_code in QUARANTINING:
            continue
        asked = []
        for face in faces.values():
            sandbox.reset()
            await face.perform(case.rpc, case.fields, token())
            asked.append(
                [(r.method, r.path, r.query, _without_nonce(r.body), r.authorization) for r in sandbox.requests]
            )
        assert asked[0] == asked[1], case.name


def _without_nonce(body: object) -> object:
    ours_to_differ = {"nonce", "communication_disabled_until"}
    return {k: v for k, v in body.items() if k not in ours_to_differ} if isinstance(body, dict) else body


def test_every_action_has_cases_of_every_kind() -> None:
    for action in CATALOGUE:
        of_action = [case for case in CASES if case.rpc == action.rpc()]
        assert any(case.code == "ok" for case in of_action), action
        assert any(case.outcome != "delivered" for case in of_action), action


def test_no_two_cases_share_a_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
