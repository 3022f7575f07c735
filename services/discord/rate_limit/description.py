"""What an operator sees of the limiter: JSON-able, and bounded however many buckets there are."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from services.discord.rate_limit.bucket import Bucket
from services.discord.rate_limit.gate import Gate
from services.discord.rate_limit.invalid import InvalidBudget
from services.discord.rate_limit.pauses import Pauses
from services.discord.rate_limit.registry import Buckets
from services.discord.rate_limit.waiting import WaitingRoom

MOST_LANES: Final = 50


def describe(
    now: float,
    buckets: Buckets,
    room: WaitingRoom,
    *,
    gate: Gate,
    pauses: Pauses,
    budget: InvalidBudget,
) -> Mapping[str, object]:
    """The state at `now`. Seconds are from now on; `lanes` are the most crowded, then the newest."""
    budget.turn(now)
    return {
        "state": "in_process",
        "lane_count": len(buckets),
        "channel_count": buckets.channel_count,
        "waiting": len(room),
        "lanes": [_lane(bucket, room.crowded.get(bucket, 0), now) for bucket in _chosen(buckets, room)],
        "global": _global(gate, now),
        "pauses": {
            "token_seconds": _left(pauses.token_until, now),
            "webhooks_seconds": _left(pauses.webhooks_until, now),
            "egress_seconds": _left(pauses.egress_until, now),
            "egress_strikes": pauses.strikes,
        },
        "invalid_requests": {"used": budget.used, "limit": budget.limit, "alert_percent": int(budget.alert)},
    }


def _chosen(buckets: Buckets, room: WaitingRoom) -> list[Bucket]:
    crowded = sorted(room.crowded, key=lambda bucket: -room.crowded[bucket])[:MOST_LANES]
    newest = islice(buckets, MOST_LANES)
    return list(dict.fromkeys((*crowded, *newest)))[:MOST_LANES]


def _lane(bucket: Bucket, waiting: int, now: float) -> Mapping[str, object]:
    method, route, variant, major = bucket.key
    return {
        "method": method,
        "route": route,
        "variant": variant,
        "major": major,
        "waiting": waiting,
        "in_flight": bucket.in_flight,
        "paused_seconds": _left(bucket.paused_until, now),
        **_window(bucket, now),
    }


def _window(bucket: Bucket, now: float) -> Mapping[str, object]:
    window = bucket.window
    if window is None:
        return {"kind": "unlimited" if bucket.is_unlimited else "unknown"}
    return {
        "kind": "sliding" if window.is_sliding else "fixed",
        "limit": window.limit,
        "remaining": max(0, window.room(now, bucket.in_flight)),
        "full_in_seconds": _left(window.full_at, now),
        "bucket": window.hash,
    }


def _global(gate: Gate, now: float) -> Mapping[str, object]:
    if gate.limit is None:
        return {}
    return {"limit": gate.limit.limit, "used": gate.used(now), "in_flight": gate.limit.in_flight}


def _left(until: float, now: float) -> float:
    return round(max(0.0, until - now), 3)
