"""The `allowed_mentions` object (https://discord.com/developers/docs/resources/message#allowed-mentions-object)."""

from sandbox.mentions import AllowedMentions
from sandbox.validation.form import Form

PARSE_VALUES = ("users", "roles", "everyone")
MAX_LISTED = 100


def read_allowed_mentions(form: Form) -> AllowedMentions | None:
    """What the body allows, or None when it says nothing and the default of its context holds."""
    mentions = form.form("allowed_mentions")
    if mentions is None:
        return None
    mentions.note_unknown({"parse", "users", "roles", "replied_user"})
    if not mentions.fields:
        form.problems.append("allowed_mentions {} is ambiguous at Discord: send parse: []")
    parse = _parse(mentions)
    users = mentions.snowflakes("users", MAX_LISTED) or []
    roles = mentions.snowflakes("roles", MAX_LISTED) or []
    for name, listed in (("users", users), ("roles", roles)):
        if name in parse and listed:
            form.refuse(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.',
            )
    return AllowedMentions(
        users=None if "users" in parse else frozenset(users),
        roles=None if "roles" in parse else frozenset(roles),
        everyone="everyone" in parse,
        replied_user=bool(mentions.boolean("replied_user")),
    )


def _parse(mentions: Form) -> list[str]:
    values = mentions.items("parse", len(PARSE_VALUES)) or []
    entries = Form({}, mentions.problems, mentions.violations, (*mentions.path, "parse"))
    choices = ", ".join(f"'{value}'" for value in PARSE_VALUES)
    for index, value in enumerate(values):
        if value not in PARSE_VALUES:
            entries.refuse(str(index), "BASE_TYPE_CHOICES", f"Value must be one of ({choices}).")
    entries.refuse_repeats(values)
    return values
