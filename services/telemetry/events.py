"""What a line is about: authentication, authorization and accounting, beside failures and the module's own life."""

from enum import StrEnum
from typing import Final


class Event(StrEnum):
    """The kind of a log line.

    AUTH: who asks, told by a token, a certificate or a secret. AUTHZ: an action that its caller may not do. AUDIT: what
    became of a request, one line each. ERROR: a failure of our own. SYSTEM: the module's life, and its surroundings.
    """

    AUTH = "AUTH"
    AUTHZ = "AUTHZ"
    AUDIT = "AUDIT"
    ERROR = "ERROR"
    SYSTEM = "SYSTEM"


_REFUSALS: Final = {
    "unauthenticated": Event.AUTH,
    "permission_denied": Event.AUTHZ,
    "audit_unavailable": Event.ERROR,
    "internal": Event.ERROR,
}


def refusal_event(code: str) -> Event:
    """The kind of line for a request that was refused with this code, a slug of `services.errors.ErrorCode`."""
    return _REFUSALS.get(code, Event.AUDIT)
