"""What a caller may have done: the scope of the action, the places it touches, and whom it may ping.

A restriction that cannot be checked refuses. A token limited to guilds may act on a channel only when the channel is
listed too, because a request does not say which guild its channel belongs to; and a webhook's URL names neither.
"""

from collections.abc import Iterator

from services.actions import Action
from services.errors import PermissionDenied
from services.ports import Caller, Scope

WIDE_MENTIONS = frozenset({"everyone", "roles"})


def authorize(action: Action, caller: Caller) -> None:
    """Raises PermissionDenied naming everything the token lacks."""
    if lacks := list(_lacking(action, caller)):
        raise PermissionDenied("The token lacks " + ", ".join(lacks) + ".")


def _lacking(action: Action, caller: Caller) -> Iterator[str]:
    if not caller.holds(action.scope):
        yield f"the scope {action.scope.value}"
    if not WIDE_MENTIONS.isdisjoint(action.mentions) and not caller.holds(Scope.MENTIONS_EVERYONE):
        yield f"the scope {Scope.MENTIONS_EVERYONE.value}, which mentions of roles or everyone need"
    if not _may_act_there(action, caller):
        yield f"{_place(action)} in its list of guilds or channels"
    if caller.roles is not None and action.role is not None and action.role not in caller.roles:
        yield f"role {action.role} in its list of roles"


def _may_act_there(action: Action, caller: Caller) -> bool:
    if caller.guilds is None and caller.channels is None:
        return True
    if action.guild is not None:
        return caller.guilds is None or action.guild in caller.guilds
    return caller.channels is not None and action.channel is not None and action.channel in caller.channels


def _place(action: Action) -> str:
    if action.guild is not None:
        return f"guild {action.guild}"
    return f"channel {action.channel}" if action.channel is not None else "the webhook's channel"
