"""The way to Discord: within its limits, never more attempts than are safe, and every attempt accounted for.

One attempt goes: its action's turn → guards → permit → place → record → send → what the answer means. The permit is
settled before anything is decided or raised, because a 429 must teach the limiter too. Between attempts the retry
policy decides, and `Delivery` says at every moment whether the action may have happened: whoever cancels reads it
there. A request that can be written in two ways is tried in the other, once, where Discord does not know the first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Protocol, Self

from config import DiscordSettings
from services.discord import replies
from services.discord.guards import Guards
from services.discord.outbound import Outbound, RequestWriter
from services.discord.problems import Kind, Problem
from services.discord.quarantine import Quarantine
from services.discord.rate_limit import Lane, Permit, RateLimiter, observation_of
from services.discord.retry import Again, Course, RetryPolicy
from services.discord.slots import Slots
from services.discord.transport import Lost, NotSent, Transport
from services.discord.turns import Turn, Turns
from services.errors import ActionError, DeadlineExceeded, DiscordUnavailable, OutcomeUnknown, RateLimited
from services.ports import Call, Clock, Delivery, Reply
from services.redaction import Redactor
from services.telemetry import Span, get_logger, span

NO_REPLY: Final = "none"
NEED_BODY: Final = frozenset({403, 429})
"""Statuses whose body says something about limits."""

log = get_logger(__name__)


class Observer(Protocol):
    """Whoever counts what comes back from Discord."""

    def discord_reply(self, route: str, status_class: str, duration_seconds: float) -> None:
        """An attempt was answered: `2xx` … `5xx`, or `none` when no answer came."""
        ...

    def rate_limited(self, scope: str) -> None:
        """A limit was hit: user, global, shared, cloudflare, or local when our limiter refused to wait."""
        ...

    def retried(self, reason: str) -> None:
        """Another attempt follows: `problems.Kind` of the one before."""
        ...


class _Nobody:
    """Counts nothing."""

    def discord_reply(self, route: str, status_class: str, duration_seconds: float) -> None: ...

    def rate_limited(self, scope: str) -> None: ...

    def retried(self, reason: str) -> None: ...


class DiscordClient:
    """Sends calls to Discord, for the length of an `async with`. Fulfils `ports.Discord`."""

    def __init__(
        self,
        settings: DiscordSettings,
        version: str,
        limiter: RateLimiter,
        clock: Clock,
        observer: Observer | None = None,
        *,
        quarantine: Quarantine | None = None,
    ) -> None:
        self._writer = RequestWriter(settings.api_base, settings.bot_token, version)
        self._redactor = Redactor()
        self._redactor.register(settings.bot_token.get_secret_value())
        self._transport = Transport(
            max_connections=settings.max_concurrent_requests,
            attempt_timeout_seconds=settings.attempt_timeout_seconds,
        )
        self._policy = RetryPolicy(settings.max_retries, settings.retry_delay_seconds)
        self._slots = Slots(settings.max_concurrent_requests, clock)
        self._turns = Turns(clock)
        self._guards = Guards(clock, quarantine)
        self._limiter = limiter
        self._clock = clock
        self._observer = observer or _Nobody()

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(exc_type, exc, traceback)

    async def send(self, call: Call, delivery: Delivery) -> Reply:
        turn = self._turns.of(call.entity, delivery)
        try:
            return await self._deliver(call, delivery, turn)
        finally:
            self._turns.leave(turn)

    async def _deliver(self, call: Call, delivery: Delivery, turn: Turn | None) -> Reply:
        outbound = self._writer.write(call)
        course = Course(self._policy, delivery)
        while True:
            began = self._clock.monotonic()
            result = await self._attempt(call, outbound, delivery, course, turn)
            if isinstance(result, Reply):
                return result
            if (other := self._respelled(call, result, course)) is not None:
                call, outbound, delivery.is_exposed = other, self._writer.write(other), False
                continue
            following = course.after(result, began, self._clock.monotonic())
            delivery.is_exposed = course.is_in_doubt
            if isinstance(following, Reply):
                return following
            self._turns.rest(turn)
            await self._pause(following, call, result, delivery)

    def describe(self) -> Mapping[str, Any]:
        """The state an operator may see."""
        places = {"free": self._slots.free_count, "waiting": self._slots.waiting_count}
        entities = {"held": len(self._turns), "waiting": self._turns.waiting_count}
        return {"places": places, "entities": entities, **self._guards.describe()}

    def circuits(self) -> Mapping[str, Callable[[], bool]]:
        """Whether each circuit is open, for whoever watches."""
        return self._guards.circuits()

    def figures(self) -> Mapping[str, Callable[[], int]]:
        """Counts for whoever watches."""
        return {"free": lambda: self._slots.free_count, "waited_for": lambda: self._slots.waiting_count}

    def _respelled(self, call: Call, problem: Problem, course: Course) -> Call | None:
        """The same request written otherwise, where Discord knows it not as it was and there is time for another."""
        other = call.respelled(problem.discord_code)
        if other is None or course.is_in_doubt or self._clock.monotonic() >= course.deadline:
            return None
        log.debug("attempt refused, another spelling follows", route=call.route)
        self._observer.retried(problem.kind.value)
        return other

    async def _pause(self, following: Again | ActionError, call: Call, problem: Problem, delivery: Delivery) -> None:
        """Waits before the next attempt; raises where there is none."""
        if isinstance(following, ActionError):
            raise following from (None if following is problem.error else problem.error)
        log.debug("attempt failed, another follows", route=call.route, reason=problem.kind.value)
        self._observer.retried(problem.kind.value)
        if following.after_seconds:
            await asyncio.sleep(following.after_seconds)
            delivery.waiting_seconds += following.after_seconds

    async def _attempt(
        self, call: Call, outbound: Outbound, delivery: Delivery, course: Course, turn: Turn | None
    ) -> Reply | Problem:
        """One attempt. What is refused before it leaves ends the action."""
        try:
            permit = await self._let_go(call, delivery, course, turn)
            return await self._in_a_place(call, outbound, delivery, permit, course)
        except ActionError as refusal:
            end = course.ending(refusal)
            raise end from (None if end is refusal else refusal)

    async def _let_go(self, call: Call, delivery: Delivery, course: Course, turn: Turn | None) -> Permit:
        """Leave to send, in the action's turn. Who waits for it lets moderation go in between."""
        while True:
            if turn is not None:
                self._check(call, delivery, course.deadline)
                await self._waited(self._turns.take(turn), "turn", delivery)
            permit = await self._waited(self._permit(call, delivery, course.deadline), "limit", delivery)
            if self._turns.begin(turn):
                return permit
            permit.drop()

    async def _waited[T](self, waiting: Awaitable[T], what_for: str, delivery: Delivery) -> T:
        """The result of a wait, counted as one however it ends."""
        began = self._clock.monotonic()
        with span("wait", what_for=what_for):
            try:
                return await waiting
            finally:
                delivery.waiting_seconds += self._clock.monotonic() - began

    async def _permit(self, call: Call, delivery: Delivery, deadline: float) -> Permit:
        """Leave to send, unless it would be in vain or too late."""
        self._check_before_limits(call, deadline)
        with self._refusals_counted():
            return await self._limiter.acquire(
                Lane.of(call), priority=delivery.priority, deadline=deadline, client_id=delivery.client_id
            )

    def _check(self, call: Call, delivery: Delivery, deadline: float) -> None:
        """Refuses before it waits for its turn what would get no leave after it."""
        self._check_before_limits(call, deadline)
        with self._refusals_counted():
            self._limiter.check(Lane.of(call), priority=delivery.priority, deadline=deadline)

    def _check_before_limits(self, call: Call, deadline: float) -> None:
        if self._clock.monotonic() >= deadline:
            raise DeadlineExceeded
        self._guards.check(call)

    @contextmanager
    def _refusals_counted(self) -> Iterator[None]:
        try:
            yield
        except RateLimited:
            self._observer.rate_limited("local")
            raise

    async def _in_a_place(
        self, call: Call, outbound: Outbound, delivery: Delivery, permit: Permit, course: Course
    ) -> Reply | Problem:
        try:
            place = self._slots.take(delivery.priority, course.deadline, delivery.client_id)
            await self._waited(place, "place", delivery)
        except BaseException:
            permit.drop()
            raise
        try:
            return await self._guarded(call, outbound, delivery, permit, course)
        finally:
            self._slots.give_back()

    async def _guarded(
        self, call: Call, outbound: Outbound, delivery: Delivery, permit: Permit, course: Course
    ) -> Reply | Problem:
        """Sends with the guards watching; they may have changed their mind during the wait."""
        try:
            passage = self._guards.enter(call)
        except ActionError:
            permit.drop()
            raise
        result: Reply | Problem | None = None
        try:
            await self._record(delivery, permit)
            with span("discord attempt", is_call=True, method=call.method, route=call.route) as attempt:
                result = await self._landing(call, outbound, delivery, permit, course.deadline)
                _note_end(attempt, result, delivery)
        finally:
            self._guards.leave(passage, call, result, client_id=delivery.client_id, has_failed_before=course.has_failed)
        return result

    async def _record(self, delivery: Delivery, permit: Permit) -> None:
        """Puts the attempt on the record; without that nothing is sent."""
        try:
            await delivery.attempt()
        except BaseException:
            permit.drop()
            raise

    async def _landing(
        self, call: Call, outbound: Outbound, delivery: Delivery, permit: Permit, deadline: float
    ) -> Reply | Problem:
        """Sends, settles the permit whatever happens, and reads the answer."""
        began = self._clock.monotonic()
        try:
            raw = await self._transport.exchange(outbound, deadline - began, permit.depart)
        except NotSent as failure:
            permit.drop()
            self._count(call, NO_REPLY, began, delivery)
            return Problem(Kind.UNSENT, DiscordUnavailable(failure.detail), is_discord_well=failure.is_discord_well)
        except Lost as failure:
            permit.complete(None)
            self._count(call, NO_REPLY, began, delivery)
            return Problem(Kind.IN_DOUBT, OutcomeUnknown(failure.detail), is_discord_well=False)
        except BaseException:
            permit.complete(None)
            raise
        seen = observation_of(raw.status, raw.headers, raw.json if raw.status in NEED_BODY else None)
        permit.complete(seen)
        delivery.discord_status = raw.status
        self._count(call, f"{raw.status // 100}xx", began, delivery)
        if seen.scope is not None:
            self._observer.rate_limited(seen.scope)
        return replies.read(raw, seen, call, self._redactor)

    def _count(self, call: Call, status_class: str, began: float, delivery: Delivery) -> None:
        seconds = self._clock.monotonic() - began
        delivery.discord_seconds += seconds
        self._observer.discord_reply(call.route, status_class, seconds)


def _note_end(attempt: Span, result: Reply | Problem, delivery: Delivery) -> None:
    attempt.note("attempt", delivery.attempts)
    if isinstance(result, Reply):
        attempt.note("status", result.status)
    else:
        attempt.fail(result.kind.value)
        attempt.note("status", result.status or 0)
