"""What a caller may have done: the scope of the action, the places it touches, and whom it may ping.

Every list of a token restricts by itself: an action must be in a listed guild and in a listed channel and with a listed
role, as far as there are lists and the action has such a thing. A thread is in the guild of its channel; in a list of
channels it must stand by its own id. A restriction that cannot be checked refuses.

A request does not say which guild its channel belongs to, and a webhook's URL names neither. So this has two steps:
`authorize` judges by the request alone; where `needs_place` says so, `check_place` judges by what Discord tells of the
channel. That Discord knows no such channel is told in the same words as that it is not listed: whoever may not act
there does not learn what there is.
"""

from collections.abc import Iterator

from services.actions import Action
from services.errors import PermissionDenied
from services.ports import Caller, Place, Scope

WIDE_MENTIONS = frozenset({"everyone", "roles"})


def authorize(action: Action, caller: Caller) -> None:
    """Raises PermissionDenied naming everything the token lacks, as far as the request tells."""
    if lacks := list(_lacking(action, caller)):
        raise PermissionDenied("The token lacks " + ", ".join(lacks) + ".")


def needs_place(action: Action, caller: Caller) -> bool:
    """Whether it depends on where the action's channel is, which Discord has to tell."""
    if action.webhook is not None:
        return caller.guilds is not None or caller.channels is not None
    return action.channel is not None and caller.guilds is not None


def check_place(action: Action, caller: Caller, place: Place | None) -> None:
    """Raises PermissionDenied when the caller may not act there; None is a place that Discord does not tell."""
    if place is None or not _includes(caller, place):
        raise PermissionDenied(f"The token lacks {_channel(action)} in its list of guilds or channels.")


def _includes(caller: Caller, place: Place) -> bool:
    is_in_guild = caller.guilds is None or place.guild_id in caller.guilds
    is_in_channel = caller.channels is None or place.channel_id in caller.channels
    return is_in_guild and is_in_channel


def _channel(action: Action) -> str:
    return "the webhook's channel" if action.channel is None else f"channel {action.channel}"


def _lacking(action: Action, caller: Caller) -> Iterator[str]:
    if not caller.holds(action.scope):
        yield f"the scope {action.scope.value}"
    if not WIDE_MENTIONS.isdisjoint(action.mentions) and not caller.holds(Scope.MENTIONS_EVERYONE):
        yield f"the scope {Scope.MENTIONS_EVERYONE.value}, which mentions of roles or everyone need"
    if caller.guilds is not None and action.guild is not None and action.guild not in caller.guilds:
        yield f"guild {action.guild} in its list of guilds"
    if caller.channels is not None and action.channel is not None and action.channel not in caller.channels:
        yield f"{_channel(action)} in its list of guilds or channels"
    if caller.roles is not None and action.role is not None and action.role not in caller.roles:
        yield f"role {action.role} in its list of roles"
