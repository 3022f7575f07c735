"""What the core needs of the world, as protocols; adapters fulfil them, `lifecycle` joins them."""

from services.ports.callers import Authenticator, Caller, IssuedToken, Request, Scope, TokenIssuer
from services.ports.clock import Clock
from services.ports.discord import (
    Call,
    Delivery,
    Discord,
    Json,
    MessageBody,
    Priority,
    Repeat,
    Reply,
    ReplyBody,
    WebhookBody,
)
from services.ports.idempotency import (
    Answer,
    Begun,
    First,
    IdempotencyClaim,
    IdempotencyStore,
    Orphaned,
    Replay,
    Unprotected,
)
from services.ports.record import ActionFilter, ActionPage, ActionRow, AuditEntry, AuditLog, AuditQuery, Verdict

__all__ = [
    "ActionFilter",
    "ActionPage",
    "ActionRow",
    "Answer",
    "AuditEntry",
    "AuditLog",
    "AuditQuery",
    "Authenticator",
    "Begun",
    "Call",
    "Caller",
    "Clock",
    "Delivery",
    "Discord",
    "First",
    "IdempotencyClaim",
    "IdempotencyStore",
    "IssuedToken",
    "Json",
    "MessageBody",
    "Orphaned",
    "Priority",
    "Repeat",
    "Replay",
    "Reply",
    "ReplyBody",
    "Request",
    "Scope",
    "TokenIssuer",
    "Unprotected",
    "Verdict",
    "WebhookBody",
]
