"""Idempotency keys: the same request under the same key acts once."""

from services.idempotency.file_store import FileIdempotencyStore
from services.idempotency.in_process import InProcessIdempotencyStore
from services.idempotency.redis_store import RedisIdempotencyStore

__all__ = ["FileIdempotencyStore", "InProcessIdempotencyStore", "RedisIdempotencyStore"]
