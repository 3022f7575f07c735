"""The one connection pool to Redis or Valkey.

Redis is a convenience, never a reason to hang: every command has a short bound, and after a failure of the connection
nobody waits for a dead server. One task asks it, with growing pauses, until it answers again; until then every command
is refused at once with `RedisAway`, and whoever asked does without. So a start does not need Redis either.

A command whose reply is lost is sent once more over a fresh connection: a restarted server must not cost a request for
every idle connection. What is sent through the link therefore has to bear being carried out twice.

Keys begin with a fingerprint of the bot's token, in braces: several bots can share a server, and all keys of one bot
live in the same slot of a cluster (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b, sha1
from types import TracebackType
from typing import Any, Final, Self

from config import Secret
from services.lasting_tasks import lasting
from services.ports import Clock
from services.redis_link.hidden import hidden
from services.telemetry import get_logger

with hidden("opentelemetry"):
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as LostConnection
    from redis.exceptions import NoScriptError, RedisError
    from redis.exceptions import TimeoutError as RedisTimeout

CLIENT_NAME: Final = "discord-action-module"
MOST_CONNECTIONS: Final = 32
CONNECT_SECONDS: Final = 1.0
COMMAND_SECONDS: Final = 0.5
WHOLE_SECONDS: Final = CONNECT_SECONDS + COMMAND_SECONDS
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0
CLOSE_SECONDS: Final = 1.0
REFUSALS_LOGGED_EVERY_SECONDS: Final = 10.0

log = get_logger(__name__)


class RedisAway(Exception):
    """Redis cannot be asked now. `was_sent`: the command may have been carried out all the same."""

    def __init__(self, reason: str, *, was_sent: bool = False) -> None:
        self.reason = reason
        self.was_sent = was_sent
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script that Redis runs as one step. It is sent in full only where the server does not know it yet."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        # Redis names scripts by their SHA-1: https://redis.io/docs/latest/commands/evalsha/
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest())


def namespace_of(bot_token: Secret) -> str:
    """A fingerprint that is the same for all replicas of one bot and says nothing of its token."""
    return blake2b(bot_token.get_secret_value().encode(), digest_size=8, person=b"redis-keys").hexdigest()


class RedisLink:
    """Commands and scripts for Redis, for the length of an `async with`.

    `namespace` is what this bot's keys begin with. Replies are as redis-py reads them, text
    rather than bytes. Raises ValueError for a URL that redis-py cannot read.
    """

    def __init__(self, url: Secret, namespace: str, clock: Clock) -> None:
        self._prefix = f"dam:{{{namespace}}}:"
        self._clock = clock
        self._client = Redis.from_pool(_pool(url))
        self._send: Callable[..., Awaitable[Any]] = self._client.execute_command
        self._problem = ""
        self._away_since = 0.0
        self._next_refusal_logged = 0.0
        self._went_away = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        with suppress(RedisAway):
            await self.do("PING")
        self._watching = lasting(self._watch, "redis-link")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait((self._watching,))
        with suppress(TimeoutError, RedisError, OSError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.aclose()

    @property
    def is_away(self) -> bool:
        """Whether commands are refused without being sent."""
        return bool(self._problem)

    def key(self, *parts: str) -> str:
        """The name of a key of this bot's."""
        return self._prefix + ":".join(parts)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int | float]) -> Any:
        """Runs a script and gives its reply. Raises RedisAway."""
        rest = (len(keys), *keys, *args)
        try:
            return await self._ask("EVALSHA", script.sha, *rest)
        except NoScriptError:
            return await self.do("EVAL", script.text, *rest)

    async def do(self, *command: str | int | float) -> Any:
        """Sends a command and gives its reply. Raises RedisAway."""
        try:
            return await self._ask(*command)
        except NoScriptError as exc:
            raise RedisAway(str(exc)) from exc

    def describe(self) -> Mapping[str, Any]:
        """The state an operator may see."""
        if not self.is_away:
            return {"is_away": False}
        away_seconds = round(self._clock.monotonic() - self._away_since, 1)
        return {"is_away": True, "reason": self._problem, "away_seconds": away_seconds}

    async def _ask(self, *command: str | int | float) -> Any:
        if self._problem:
            raise RedisAway(self._problem)
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                return await self._send(*command)
        except NoScriptError:
            raise
        except (LostConnection, RedisTimeout, OSError) as exc:
            reason = str(exc) or type(exc).__name__
            self._note_away(reason)
            raise RedisAway(reason, was_sent=True) from exc
        except RedisError as exc:
            self._note_refusal(str(exc))
            raise RedisAway(str(exc), was_sent=True) from exc

    def _note_away(self, reason: str) -> None:
        if not self._problem:
            log.warning("redis is away", reason=reason)
            self._away_since = self._clock.monotonic()
        self._problem = reason
        self._went_away.set()

    def _note_refusal(self, reason: str) -> None:
        """Redis answers but refuses: out of memory, a replica that takes no writes, a missing permission."""
        now = self._clock.monotonic()
        if now >= self._next_refusal_logged:
            self._next_refusal_logged = now + REFUSALS_LOGGED_EVERY_SECONDS
            log.warning("redis refuses a command", reason=reason)

    async def _watch(self) -> None:
        while True:
            await self._went_away.wait()
            await self._until_it_answers()
            self._went_away.clear()
            self._problem = ""
            log.info("redis is back", away_seconds=round(self._clock.monotonic() - self._away_since, 1))

    async def _until_it_answers(self) -> None:
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
            try:
                async with asyncio.timeout(WHOLE_SECONDS):
                    await self._send("PING")
            except (RedisError, OSError) as exc:
                self._problem = str(exc) or type(exc).__name__
            else:
                return


def _pool(url: Secret) -> BlockingConnectionPool:
    return BlockingConnectionPool.from_url(
        url.get_secret_value(),
        max_connections=MOST_CONNECTIONS,
        timeout=COMMAND_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=COMMAND_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(LostConnection,)),
        client_name=CLIENT_NAME,
        decode_responses=True,
        protocol=2,
    )
