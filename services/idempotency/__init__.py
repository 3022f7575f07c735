"""Idempotency keys and their answers."""

from services.idempotency.in_process import InProcessIdempotencyStore

__all__ = ["InProcessIdempotencyStore"]
