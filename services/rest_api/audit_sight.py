"""What of the record a caller may see.

Without the scope audit:read a caller sees what it did itself, and nothing says that there is more. A token that is
limited to guilds or channels reads what happened there, as it acts only there: the rule of `services.authorization`.
"""

from dataclasses import replace

from services.errors import PermissionDenied
from services.ports import ActionFilter, ActionRow, Caller, Places, Scope


def seen_by(caller: Caller, wanted: ActionFilter) -> ActionFilter:
    """What is wanted, narrowed to what the caller may see. Raises PermissionDenied when it asks for what is others'."""
    if not caller.holds(Scope.AUDIT_READ):
        if wanted.client_id not in {None, caller.client_id}:
            raise PermissionDenied(f"Another client's actions need the scope {Scope.AUDIT_READ.value}.")
        wanted = replace(wanted, client_id=caller.client_id)
    if wanted.guild_id is None or caller.channels is not None:
        wanted = replace(wanted, places=_places(caller))
    if wanted.guild_id is not None and caller.guilds is not None and wanted.guild_id not in caller.guilds:
        raise PermissionDenied(f"The token lacks guild {wanted.guild_id} in its list of guilds.")
    return wanted


def may_see(caller: Caller, row: ActionRow) -> bool:
    """Whether the caller may see this row."""
    is_theirs = row.client_id == caller.client_id or caller.holds(Scope.AUDIT_READ)
    places = _places(caller)
    return is_theirs and (places is None or places.include(row.guild_id, row.channel_id))


def _places(caller: Caller) -> Places | None:
    is_limited = caller.guilds is not None or caller.channels is not None
    return Places(caller.guilds, caller.channels) if is_limited else None
