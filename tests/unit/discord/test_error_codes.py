import pytest

from services.discord.error_codes import BY_DISCORD_CODE, COOL_DOWNS, STANDSTILLS, error_code
from services.errors import ErrorCode

NOT_FOUND = (404, "NOT_FOUND")
FORBIDDEN = (403, "PERMISSION_DENIED")
INVALID = (400, "INVALID_ARGUMENT")
STATE = (409, "FAILED_PRECONDITION")
LIMITED = (429, "RESOURCE_EXHAUSTED")
UNAVAILABLE = (503, "UNAVAILABLE")

# The codes an action of ours or a neighbour of it can meet, by the statuses the contract gives them.
DOCUMENTED = {
    NOT_FOUND: [
        10003, 10004, 10006, 10007, 10008, 10009, 10011, 10013, 10014, 10015, 10026, 10060, 10065, 10067, 10070,
        10087, 10097, 50027,
    ],
    FORBIDDEN: [50001, 50013, 50173, 50600, 90001, 160002, 160014, 520000],
    INVALID: [
        50006, 50016, 50028, 50033, 50034, 50035, 50046, 50055, 50068, 50080, 50081, 50084, 50109, 50110, 50123, 50124,
        50138, 50144, 50145, 50146, 50151, 50159, 50160, 50161, 50162, 50192,
    ],
    (413, "INVALID_ARGUMENT"): [30015, 40005, 50045],
    STATE: [
        10062, 20001, 20002, 20009, 20031, 20035, 30001, 30003, 30005, 30007, 30010, 30013, 30016, 30033, 30035, 30038,
        30058, 30060, 30061, 40002, 40007, 40009, 40032, 40033, 40058, 40060, 40061, 40066, 40067, 40094, 50003, 50005,
        50007, 50008, 50009, 50019, 50021, 50024, 50041, 50073, 50074, 50083, 50091, 50095, 50097, 50101, 50278, 60003,
        150006, 160004, 160005, 160006, 160007, 180000, 180002, 200000, 200001, 220001, 220002, 220003, 220004, 240000,
        400001, 500000, 520001, 520002, 520003, 520006,
    ],
    LIMITED: [20016, 20022, 20028, 20029, 30040, 30042, 30046, 40003, 40062],
    UNAVAILABLE: [40004, 40006, 40333, 110000, 130000],
}  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "discord_code"), [(statuses, code) for statuses, codes in DOCUMENTED.items() for code in codes]
)
def test_every_documented_code_has_the_statuses_of_the_contract(statuses: tuple[int, str], discord_code: int) -> None:
    ours = BY_DISCORD_CODE[discord_code]
    assert (ours.http_status, ours.grpc_status) == statuses


@pytest.mark.parametrize(
    ("discord_code", "expected"),
    [
        (10003, ErrorCode.DISCORD_UNKNOWN_CHANNEL),
        (10007, ErrorCode.DISCORD_UNKNOWN_MEMBER),
        (10008, ErrorCode.DISCORD_UNKNOWN_MESSAGE),
        (10014, ErrorCode.DISCORD_UNKNOWN_EMOJI),
        (10015, ErrorCode.DISCORD_UNKNOWN_WEBHOOK),
        (50027, ErrorCode.DISCORD_UNKNOWN_WEBHOOK),
        (10026, ErrorCode.DISCORD_NOT_FOUND),
        (50001, ErrorCode.DISCORD_MISSING_ACCESS),
        (50013, ErrorCode.DISCORD_MISSING_PERMISSIONS),
        (50083, ErrorCode.DISCORD_THREAD_ARCHIVED),
        (30007, ErrorCode.DISCORD_LIMIT_REACHED),
        (30046, ErrorCode.RATE_LIMITED),
        (200000, ErrorCode.DISCORD_BLOCKED_BY_AUTOMOD),
        (220001, ErrorCode.DISCORD_FORUM_RULES),
    ],
)
def test_a_code_has_the_meaning_that_tells_most(discord_code: int, expected: ErrorCode) -> None:
    assert BY_DISCORD_CODE[discord_code] is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ErrorCode.DISCORD_INVALID_FORM),
        (403, ErrorCode.DISCORD_MISSING_PERMISSIONS),
        (404, ErrorCode.DISCORD_NOT_FOUND),
        (413, ErrorCode.DISCORD_PAYLOAD_TOO_LARGE),
        (405, ErrorCode.DISCORD_REJECTED),
        (304, ErrorCode.DISCORD_REJECTED),
    ],
)
@pytest.mark.parametrize("discord_code", [0, 987654])
def test_a_code_that_is_new_to_us_falls_by_its_status(status: int, expected: ErrorCode, discord_code: int) -> None:
    assert error_code(discord_code, status) is expected


def test_the_groups_that_are_no_refusals_agree_with_the_table() -> None:
    assert {BY_DISCORD_CODE[code] for code in COOL_DOWNS} == {ErrorCode.RATE_LIMITED}
    assert {BY_DISCORD_CODE[code] for code in STANDSTILLS} == {ErrorCode.DISCORD_UNAVAILABLE}
