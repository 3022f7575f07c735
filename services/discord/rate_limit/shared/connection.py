"""Keeps the exchange with Redis going, and says so when there is none.

**Together**: whatever gathers is exchanged at once, one exchange at a time; at least every second a replica says that
it lives, hears who else does, and renews the places of what it has in flight.

**Alone**: after the first exchange that fails, takes too long, or finds a Redis that remembers nothing, a replica
works on with its share of what the replicas last seen may do. It sends nothing that needs a place of the token for a
second: what the others did in the last one is not known. Then it tries to come back.

**Back**: the first one that returns finds nobody. Until as many as were there before have come, or some seconds have
passed, those who are back share only as much of the token's limit as they had alone, all together.
"""

import asyncio
import math
from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from secrets import token_hex
from typing import Any, Final, Protocol

import orjson

from services.discord.quarantine import Quarantine
from services.discord.rate_limit.shared.ledger import Core, Ledger
from services.discord.rate_limit.shared.parcel import Parcel
from services.lasting_tasks import lasting
from services.ports import Clock
from services.redis_link import RedisAway, RedisLink, Script
from services.telemetry import get_logger

BEAT_SECONDS: Final = 1.0
TRY_SECONDS: Final = 0.25
SLOW_SECONDS: Final = 0.4
"""An exchange that takes longer is given up: waiting for Redis would cost more than working alone."""
GRACE_SECONDS: Final = 5.0
LOST_AFTER_SECONDS: Final = 3.0
UNSEEN_REPLICAS: Final = 3
"""How many replicas are taken to be there by one that never saw Redis."""
GOODBYE_SECONDS: Final = 0.5
REPLICA_BYTES: Final = 6

log = get_logger(__name__)


class Limiter(Core, Protocol):
    """The limiter this is the connection of."""

    @property
    def global_per_second(self) -> int:
        """The limit of the token, as it is now."""
        ...

    def share_with(self, ledger: Ledger) -> list[float]: ...

    def go_alone(self, replicas: int, rank: int) -> None: ...

    def hear_pause(self, scope: str, seconds: float, strikes: int) -> None: ...

    def hear_invalid(self, slice_now: int, slices: Mapping[str, Any]) -> None: ...

    def see_replicas(self, count: int, *, is_shared: bool) -> None: ...


class Connection:
    """One replica's part in what is shared."""

    def __init__(
        self, limiter: Limiter, link: RedisLink, clock: Clock, egress: str, quarantine: Quarantine | None
    ) -> None:
        self.replica = token_hex(REPLICA_BYTES)
        self.is_shared = False
        self._limiter = limiter
        self._link = link
        self._clock = clock
        self._egress = egress
        self._quarantine = quarantine
        self._script = Script(files(__package__).joinpath("exchange.lua").read_text())
        self._ledger: Ledger | None = None
        self._task: asyncio.Task[None] | None = None
        self._former = ""
        self._epoch = ""
        self._members = [self.replica]
        self._expected = UNSEEN_REPLICAS
        self._grace_until = -math.inf
        self._reason = ""
        self._invalid = 0
        self._pauses: dict[str, dict[str, float]] = {}
        self._strangers: dict[str, float] = {}
        self._beat_at = -math.inf
        self._quarantine_seen = 0.0
        self._under_way: Parcel | None = None

    async def open(self, ledger: Ledger) -> None:
        """Joins the others if they can be reached, and keeps trying if not."""
        self._ledger = ledger
        await self._join(ledger)
        if not self.is_shared:
            self._be_alone(None)
        self._task = lasting(partial(self._run, ledger), "limits")

    async def close(self) -> None:
        """Says goodbye, so that nobody has to wait for us."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        if self.is_shared:
            try:
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self._link.do("ZREM", self._link.key("limits", "members"), self.replica)
            except (RedisAway, TimeoutError):
                log.debug("left without a goodbye")
        self.is_shared = False

    def describe(self) -> Mapping[str, Any]:
        """The state an operator may see."""
        state = {"is_away": not self.is_shared, "reason": self._reason} if not self.is_shared else {"is_away": False}
        return {
            "state": "shared" if self.is_shared else "alone",
            "replicas": len(self._members) if self.is_shared else self._expected,
            "egress": self._egress,
            "redis": state,
        }

    def count_invalid(self) -> None:
        self._invalid += 1
        self._wake()

    def pause(self, scope: str, until: float, strikes: int = 0) -> None:
        """Tells the others to stop until then (monotonic seconds)."""
        name = scope if scope == "token" else f"{scope}/{self._egress}"
        self._pauses[name] = {"until": until, "strikes": strikes}
        self._wake()

    def _wake(self) -> None:
        if self._ledger is not None:
            self._ledger.wake.set()

    async def _run(self, ledger: Ledger) -> None:
        while True:
            await self._wait(ledger)
            ledger.wake.clear()
            try:
                await self._turn(ledger)
            except Exception:
                self._be_alone(self._under_way, "an error of our own")
                raise

    async def _turn(self, ledger: Ledger) -> None:
        if not self.is_shared:
            await self._join(ledger)
            return
        while ledger.has_work or self._invalid or self._pauses or self._is_beat_due():
            if not await self._exchange(ledger):
                return

    async def _wait(self, ledger: Ledger) -> None:
        """Until there is something to say, or time to."""
        if not self.is_shared:
            await asyncio.sleep(TRY_SECONDS)
            return
        seconds = self._beat_at + BEAT_SECONDS - self._clock.monotonic()
        look_in = ledger.next_look_in
        try:
            async with asyncio.timeout(max(0.0, seconds if look_in is None else min(seconds, look_in))):
                await ledger.wake.wait()
        except TimeoutError:
            return

    def _is_beat_due(self) -> bool:
        return self._clock.monotonic() >= self._beat_at + BEAT_SECONDS

    async def _exchange(self, ledger: Ledger) -> bool:
        """False: nobody answers any more."""
        parcel = self._under_way = self._parcel(self._epoch)
        if self._is_beat_due():
            self._add_beat(parcel, ledger)
        news = self._add_news(parcel)
        egress, webhooks = f"egress/{self._egress}", f"webhooks/{self._egress}"
        ledger.pack(parcel, (("token", egress), (webhooks, egress)))
        reply = await self._ask(parcel, ledger)
        if reply is None or reply.get("lost"):
            self._invalid, self._pauses = self._invalid + news[0], news[1] | self._pauses
            self._be_alone(parcel, "Redis has lost what it knew" if reply else None)
            return False
        self._hear(reply, ledger)
        ledger.unpack(parcel, reply)
        if "members" in reply:
            self._lose_the_gone(ledger)
        return True

    def _parcel(self, epoch: str) -> Parcel:
        present = len(self._members)
        limit = self._limiter.global_per_second
        if self._clock.monotonic() < self._grace_until and present < self._expected:
            limit = max(1, limit * present // self._expected)
        content = {"epoch": epoch, "limit": limit, "quarantine_seen": self._quarantine_seen}
        return Parcel(self._link.key, self._egress, content)

    def _add_beat(self, parcel: Parcel, ledger: Ledger) -> None:
        self._beat_at = self._clock.monotonic()
        parcel.content |= {"member": self.replica, "aloft": ledger.aloft}
        if self._quarantine is not None:
            parcel.content["quarantined"] = self._quarantine.take_news()

    def _add_news(self, parcel: Parcel) -> tuple[int, dict[str, dict[str, float]]]:
        now, news = self._clock.monotonic(), (self._invalid, self._pauses)
        self._invalid, self._pauses = 0, {}
        parcel.content["invalid"] = news[0]
        parcel.content["pauses"] = {
            name: {"ms": (pause["until"] - now) * 1000, "strikes": pause["strikes"]} for name, pause in news[1].items()
        }
        return news

    async def _ask(self, parcel: Parcel, ledger: Ledger) -> Mapping[str, Any] | None:
        """The answer; None: there is none."""
        sent_at = self._clock.monotonic()
        try:
            async with asyncio.timeout(SLOW_SECONDS):
                told = await self._link.run(self._script, parcel.keys, [parcel.text()])
        except RedisAway as exc:
            self._reason = exc.reason
            return None
        except TimeoutError:
            self._reason = f"no answer within {SLOW_SECONDS:g} s"
            return None
        reply: Mapping[str, Any] = orjson.loads(told)
        ledger.lanes.time.hear(float(reply["t"]), sent_at, self._clock.monotonic())
        return reply

    def _hear(self, reply: Mapping[str, Any], ledger: Ledger) -> None:
        """What concerns everything."""
        if "members" in reply:
            self._see_members(list(reply["members"]))
        for name, pause in reply["pauses"].items() if reply["pauses"] else ():
            self._limiter.hear_pause(name.partition("/")[0], pause["ms"] / 1000, int(pause["strikes"]))
        if "slice" in reply:
            self._limiter.hear_invalid(int(reply["slice"]), reply["invalid"] or {})
        told = reply.get("quarantine") or []
        for name, until in zip(told[::2], told[1::2], strict=True):
            self._quarantine_seen = max(self._quarantine_seen, float(until))
            if self._quarantine is not None:
                self._quarantine.adopt(name, (float(until) - float(reply["t"])) / 1000)

    def _see_members(self, members: list[str]) -> None:
        if len(members) != len(self._members):
            log.info("replicas sharing the limits", replicas=len(members))
        self._members = members
        if self._clock.monotonic() >= self._grace_until or len(members) >= self._expected:
            self._expected = len(members)
        self._limiter.see_replicas(len(members), is_shared=True)

    def _lose_the_gone(self, ledger: Ledger) -> None:
        """Requests in flight of replicas that have not been seen for a while."""
        now = self._clock.monotonic()
        strangers = ledger.lanes.strangers(self._limiter.crowded, self._members)
        self._strangers = {name: self._strangers.get(name, now) for name in strangers}
        for name, buckets in strangers.items():
            if now - self._strangers[name] >= LOST_AFTER_SECONDS:
                ledger.lose_the_gone(name, buckets)

    async def _join(self, ledger: Ledger) -> None:
        """Becomes one of those who share. Nothing is asked for yet."""
        if self._link.is_away:
            return
        parcel = self._parcel("")
        parcel.content |= {"proposed": token_hex(8), "former": self._former}
        self._add_beat(parcel, ledger)
        reply = await self._ask(parcel, ledger)
        if reply is None:
            return
        was_alone = self._task is not None
        self._epoch = str(reply["epoch"])
        self._reason = ""
        self.is_shared = True
        if was_alone:
            self._grace_until = self._clock.monotonic() + GRACE_SECONDS
            log.info("limits are shared again", replicas=len(reply["members"]))
        else:
            self._expected = len(reply["members"])
        self._hear(reply, ledger)
        ledger.deposit(self._limiter.share_with(ledger))

    def _be_alone(self, parcel: Parcel | None, reason: str | None = None) -> None:
        """Nobody answers."""
        if self._ledger is None:
            return
        self._reason = reason or self._reason
        self._expected = max(1, self._expected)
        rank = sorted({*self._members, self.replica}).index(self.replica)
        self.is_shared = False
        self._former, self.replica = self.replica, token_hex(REPLICA_BYTES)
        self._ledger.take_back(parcel, self.replica)
        self._limiter.go_alone(self._expected, rank)
        self._limiter.see_replicas(self._expected, is_shared=False)
        log.warning("limits are kept alone, with a share", replicas=self._expected, reason=self._reason)
