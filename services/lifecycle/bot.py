"""Who the bot is, asked of Discord once when the module serves: a wrong token shows before an action needs it.

The question goes the way of every action: within the limits, and a 401 shuts the guard of the token, says in the log
what to mend and shows in the health. Nobody waits for the answer, and without one the module serves as well.

https://discord.com/developers/docs/resources/user#get-current-user
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from services.errors import ActionError, BotTokenInvalid
from services.ports import Call, Clock, Delivery, Discord, Priority, Repeat, ReplyBody
from services.telemetry import get_logger
from services.values import Snowflake

ANSWER_SECONDS: Final = 10.0

log = get_logger(__name__)


class OwnUserBody(ReplyBody):
    """The bot itself: https://discord.com/developers/docs/resources/user#user-object."""

    id: Snowflake
    username: str = ""


@asynccontextmanager
async def bot_asked_for(discord: Discord, clock: Clock, client_id: str) -> AsyncIterator[None]:
    """Asks beside the block, in the name of `client_id`, and stops asking at its end."""
    asking = asyncio.create_task(_ask(discord, clock, client_id), name="bot")
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.wait((asking,))


async def _ask(discord: Discord, clock: Clock, client_id: str) -> None:
    call = Call("GET", "/users/@me", {}, major="", reads=OwnUserBody)
    delivery = Delivery(
        deadline=clock.monotonic() + ANSWER_SECONDS,
        priority=Priority.BULK,
        repeat=Repeat.SAME_EFFECT,
        already_done_codes=frozenset(),
        client_id=client_id,
        before_attempt=_off_the_record,
    )
    try:
        bot = (await discord.send(call, delivery)).read(OwnUserBody)
    except BotTokenInvalid:
        return  # whoever shut the guard has said so
    except ActionError as exc:
        log.warning("discord did not tell who the bot is", code=exc.code.slug, reason=exc.detail)
    else:
        log.info("the bot", id=bot.id, name=bot.username)


async def _off_the_record() -> None:
    """It is no action of anybody's."""
