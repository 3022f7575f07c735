"""From a failure to a gRPC status with details: https://google.aip.dev/193.

The trailing metadata must stay below 8 KiB: more than that clients refuse by default, and the caller would then see
that refusal instead of the reason. So the text, each violation and the number of violations are cut. Text counts as it
travels: gRPC writes every byte that is not plain ASCII as three.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from services.errors import Failure, Violation

DOMAIN: Final = "discord-action"
STATUS_KEY: Final = "grpc-status-details-bin"
REPLAYED: Final = ("idempotency-replayed", "true")
MOST_VIOLATIONS: Final = 25
LONGEST_DETAIL: Final = 1024
LONGEST_VIOLATION: Final = 160
LARGEST_STATUS_BYTES: Final = 4096
LONGEST_RETRY_SECONDS: Final = 86_400.0

type Trailing = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failed call as gRPC ends it."""

    code: grpc.StatusCode
    details: str
    trailing: Trailing


def refusal_of(failure: Failure, request_id: str) -> Refusal:
    """The status, its text and its trailing metadata."""
    code = grpc.StatusCode[failure.code.grpc_status]
    details = cut(failure.detail, LONGEST_DETAIL)
    status = _status(code, details, failure, request_id)
    trailing = (*trailing_of(request_id, failure.replayed), (STATUS_KEY, status.SerializeToString()))
    return Refusal(code, details, trailing)


def trailing_of(request_id: str, is_replay: bool) -> Trailing:  # noqa: FBT001  # the one thing that varies
    """The trailing metadata of every answer."""
    named = ("x-request-id", request_id)
    return (named, REPLAYED) if is_replay else (named,)


def cut(text: str, longest: int) -> str:
    """The text, as much of it as travels in `longest` bytes."""
    clean = text[: longest + 1].encode("utf-8", "replace").decode()
    if _travelling_bytes(clean) <= longest:
        return clean
    room = longest - _travelling_bytes("…")
    totals = accumulate(_travelling_bytes(character) for character in clean)
    return clean[: sum(total <= room for total in totals)] + "…"


def _travelling_bytes(text: str) -> int:
    return sum(1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in text.encode())


def _status(code: grpc.StatusCode, details: str, failure: Failure, request_id: str) -> Status:
    status = Status(code=code.value[0], message=details)
    status.details.add().Pack(_error_info(failure, request_id))
    if failure.retry_after_seconds is not None:
        status.details.add().Pack(_retry_info(failure.retry_after_seconds))
    if failure.violations:
        bad_request = _bad_request(failure.violations, LARGEST_STATUS_BYTES - status.ByteSize())
        status.details.add().Pack(bad_request)
    return status


def _error_info(failure: Failure, request_id: str) -> ErrorInfo:
    known = {
        "outcome": failure.outcome.value,
        "retryable": "true" if failure.is_retryable else "false",
        "request_id": request_id,
    }
    if failure.action_id is not None:
        known["action_id"] = failure.action_id
    if failure.discord is not None:
        known["discord_status"] = str(failure.discord.status)
        if failure.discord.code:
            known["discord_code"] = str(failure.discord.code)
    return ErrorInfo(reason=failure.code.slug, domain=DOMAIN, metadata=known)


def _retry_info(seconds: float) -> RetryInfo:
    delay = Duration()
    delay.FromNanoseconds(round(min(max(seconds, 0.0), LONGEST_RETRY_SECONDS) * 1_000_000_000))
    return RetryInfo(retry_delay=delay)


def _bad_request(violations: tuple[Violation, ...], room_bytes: int) -> BadRequest:
    bad_request = BadRequest()
    for violation in violations[:MOST_VIOLATIONS]:
        named = BadRequest.FieldViolation(
            field=cut(violation.field, LONGEST_VIOLATION), description=cut(violation.detail, LONGEST_VIOLATION)
        )
        room_bytes -= named.ByteSize() + 4
        if room_bytes < 0:
            break
        bad_request.field_violations.append(named)
    return bad_request
