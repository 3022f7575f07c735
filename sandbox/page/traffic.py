"""What was asked of the sandbox and how that went; its limits and its faults.

Bodies are not sent: a page that wants one asks `/_sandbox/requests` for it.
"""

from itertools import islice
from typing import TYPE_CHECKING, Any

from sandbox.faults import Fault
from sandbox.recorder import RecordedRequest

if TYPE_CHECKING:
    from sandbox.server import Sandbox

MAX_REQUESTS = 80
MAX_BUCKETS = 40
MAX_FAULTS = 50
MAX_PATH_CHARACTERS = 300
TOKEN_PARAMETER = "{webhook_token}"  # noqa: S105 - the name of one
FAULT_FIELDS = (
    "id",
    "kind",
    "method",
    "template",
    "path_prefix",
    "skip",
    "count",
    "probability",
    "status",
    "seconds",
    "then",
    "scope",
    "retry_after_seconds",
    "hits",
)
Parts = dict[str, Any]


def traffic_parts(sandbox: "Sandbox") -> Parts:
    """`limits`, and a part for each request, bucket and fault."""
    newest = islice(sandbox.requests.newest_first(), MAX_REQUESTS)
    buckets = sandbox.limiter.buckets(at_most=MAX_BUCKETS)
    return {
        "limits": _limits(sandbox),
        **{f"request/{record.number}": _request(record) for record in newest},
        **{f"bucket/{each['rule']}/{_shown_major(each)}": _bucket(each) for each in buckets},
        **{f"fault/{fault.id}": _fault(fault) for fault in islice(sandbox.faults, MAX_FAULTS)},
    }


def _limits(sandbox: "Sandbox") -> Parts:
    used, limit = sandbox.limiter.global_count()
    invalid = sandbox.addresses.invalid_requests()
    return {
        "requests": sandbox.requests.total,
        "global_used": used,
        "global_limit": limit,
        "invalid": max(invalid.values(), default=0),
        "invalid_limit": sandbox.options.invalid_request_limit,
        "refused": {scope.value: count for scope, count in sandbox.limiter.refused.items()},
    }


def _request(record: RecordedRequest) -> Parts:
    took = None if record.answered_monotonic is None else record.answered_monotonic - record.received_monotonic
    return {
        "number": record.number,
        "method": record.method,
        "path": shown_path(record.path, record.template),
        "template": record.template,
        "received_at": round(record.received_wall, 3),
        "took_seconds": None if took is None else round(took, 4),
        "body_bytes": record.body_bytes,
        "status": record.status,
        "code": record.code,
        "message": record.message,
        "errors": record.errors,
        "problems": record.problems,
        "is_applied": record.applied,
        "limited": record.limited,
        "limited_by": record.limited_by,
        "retry_after": record.retry_after,
        "fault": record.fault,
    }


def shown_path(path: str, template: str | None) -> str:
    """The part after the API's version, without what a webhook's token would open."""
    segments = path.split("/")[3:] if path.startswith("/api/v") else path.split("/")[1:]
    for index, name in enumerate((template or "").split("/")[1:]):
        if name == TOKEN_PARAMETER and index < len(segments):
            segments[index] = "…"
    return ("/" + "/".join(segments))[:MAX_PATH_CHARACTERS]


def _shown_major(bucket: Parts) -> str:
    """A webhook's bucket is counted by its token as well; that is not shown."""
    return str(bucket["major"]).partition(":")[0]


def _bucket(bucket: Parts) -> Parts:
    return {
        "rule": bucket["rule"],
        "major": _shown_major(bucket),
        "kind": bucket["kind"],
        "limit": bucket["limit"],
        "period_seconds": bucket["period_seconds"],
        "remaining": bucket["remaining"],
        "reset_after": round(bucket["reset_after"], 3),
    }


def _fault(fault: Fault) -> Parts:
    return {name: getattr(fault, name) for name in FAULT_FIELDS} | {"is_spent": fault.is_spent}
