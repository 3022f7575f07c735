"""The answers a fault gives instead of the genuine one."""

from collections.abc import Callable

from sandbox.call import Answer
from sandbox.faults import Fault, FaultKind, LostReply
from sandbox.limits.addresses import cloudflare_429

HTML_PAGE = (
    "<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)


def substitute(fault: Fault) -> Answer | None:
    """None where the fault leaves the answer as it is and spoils its delivery."""
    make = MAKERS.get(fault.kind)
    return None if make is None else make(fault)


def _status(fault: Fault) -> Answer:
    status = fault.status or 500
    if fault.html is not None:
        return Answer(status, headers=dict(fault.headers), text=fault.html, via=False)
    body = {"message": f"{status}: Fault", "code": 0} if fault.body is None else fault.body
    return Answer(status, body, dict(fault.headers))


def _html(fault: Fault) -> Answer:
    return Answer(fault.status or 502, headers=dict(fault.headers), text=fault.html or HTML_PAGE, via=False)


def _wrong_type(fault: Fault) -> Answer:
    return Answer(fault.status or 200, [] if fault.body is None else fault.body)


def _cloudflare_429(fault: Fault) -> Answer:
    return cloudflare_429(html=fault.html is not None)


def _unauthorized(_fault: Fault) -> Answer:
    return Answer(401, {"message": "401: Unauthorized", "code": 0})


def _lost_reply(fault: Fault) -> Answer | None:
    return Answer(502, text=HTML_PAGE, via=False) if fault.then is LostReply.BAD_GATEWAY else None


MAKERS: dict[FaultKind, Callable[[Fault], Answer | None]] = {
    FaultKind.STATUS: _status,
    FaultKind.HTML: _html,
    FaultKind.WRONG_TYPE: _wrong_type,
    FaultKind.CLOUDFLARE_429: _cloudflare_429,
    FaultKind.UNAUTHORIZED: _unauthorized,
    FaultKind.LOST_REPLY: _lost_reply,
}
