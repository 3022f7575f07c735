"""Which users and roles a text pings, given what the sender allowed.

Without `allowed_mentions` a bot's message pings everything it names, a webhook's only users
(https://discord.com/developers/docs/resources/message#allowed-mentions-object). @everyone, @here and roles
that are not mentionable ping only where the sender holds MENTION_EVERYONE. Embeds never ping.
"""

import re
from dataclasses import dataclass

from sandbox.model import Guild, Pings
from sandbox.permissions import Permission

USER_MENTION = re.compile(r"<@!?(\d{1,20})>")
ROLE_MENTION = re.compile(r"<@&(\d{1,20})>")
EVERYONE_MENTION = re.compile(r"@(?:everyone|here)\b")


@dataclass(frozen=True, slots=True)
class AllowedMentions:
    """Who may be pinged. `users` and `roles`: None allows all, a set only its members."""

    users: frozenset[str] | None = frozenset()
    roles: frozenset[str] | None = frozenset()
    everyone: bool = False
    replied_user: bool = False


EVERYTHING_ALLOWED = AllowedMentions(None, None, everyone=True, replied_user=True)
USERS_ALLOWED = AllowedMentions(users=None)


def pings(
    content: str, allowed: AllowedMentions, guild: Guild | None, held: Permission, known_users: set[str]
) -> Pings:
    """Who is notified by `content` when its sender holds `held` in the channel."""
    users = [user for user in _found(USER_MENTION, content, allowed.users) if user in known_users]
    if guild is None:
        return Pings(users)
    may_mention_all = Permission.MENTION_EVERYONE in held
    roles = [
        role
        for role in _found(ROLE_MENTION, content, allowed.roles)
        if role in guild.roles and (guild.roles[role].mentionable or may_mention_all)
    ]
    everyone = allowed.everyone and may_mention_all and EVERYONE_MENTION.search(content) is not None
    return Pings(users, roles, everyone)


def _found(pattern: re.Pattern[str], content: str, allowed: frozenset[str] | None) -> list[str]:
    found = dict.fromkeys(pattern.findall(content))
    return [key for key in found if allowed is None or key in allowed]
