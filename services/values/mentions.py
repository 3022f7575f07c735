"""Who a message may ping: https://discord.com/developers/docs/resources/message#allowed-mentions-object.

Discord's own default lets a bot's message ping everyone. Ours is user mentions only, said in every request, because a
text from a third party must not become an alarm for a whole guild.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema


def _check_mentions(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(kinds)) != len(kinds):
        raise ValueError("must not name a kind twice")
    if "none" in kinds and len(kinds) > 1:
        raise ValueError("`none` stands alone")
    return kinds


AllowedMentions = Annotated[
    tuple[Annotated[str, StringConstraints(pattern="^(users|roles|everyone|none)$")], ...],
    Field(max_length=3, strict=False),
    AfterValidator(_check_mentions),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "enum": ["users", "roles", "everyone", "none"]},
            "uniqueItems": True,
            "maxItems": 3,
            "anyOf": [{"maxItems": 1}, {"items": {"enum": ["users", "roles", "everyone"]}}],
        }
    ),
]


def mentions_to_discord(kinds: Sequence[str]) -> dict[str, Any]:
    """Discord's `allowed_mentions` for the kinds asked for; no kind at all means user mentions."""
    asked = kinds or ("users",)
    return {"parse": [kind for kind in asked if kind != "none"]}
