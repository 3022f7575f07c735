"""How far the clock of the Redis server is ahead of ours.

A reply tells the server's time at some instant between asking and hearing; the quickest replies bound it best. So
of the last ones the quickest is believed, to half its round trip. The error is far below the margins of a window.
"""

import math
from typing import Final

KEPT_SECONDS: Final = 30.0


class RedisTime:
    """`ahead_seconds`: to be added to our monotonic clock."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0
        self.round_trip_seconds = math.inf
        self._heard_at = -math.inf

    def hear(self, server_milliseconds: float, sent_at: float, heard_at: float) -> None:
        """A reply with the server's time."""
        round_trip = heard_at - sent_at
        if round_trip <= self.round_trip_seconds or heard_at - self._heard_at > KEPT_SECONDS:
            self.round_trip_seconds = round_trip
            self.ahead_seconds = server_milliseconds / 1000 - (sent_at + heard_at) / 2
            self._heard_at = heard_at

    def forget(self) -> None:
        """The next server may have another clock."""
        self.round_trip_seconds = math.inf
