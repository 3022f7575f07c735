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
from services.ports.idempotency import Answer, IdempotencyClaim, IdempotencyStore
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
    "Call",
    "Caller",
    "Clock",
    "Delivery",
    "Discord",
    "IdempotencyClaim",
    "IdempotencyStore",
    "IssuedToken",
    "Json",
    "MessageBody",
    "Priority",
    "Repeat",
    "Reply",
    "ReplyBody",
    "Request",
    "Scope",
    "TokenIssuer",
    "Verdict",
    "WebhookBody",
]
