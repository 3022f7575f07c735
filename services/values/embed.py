"""Embeds: https://discord.com/developers/docs/resources/message#embed-object-embed-limits."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, model_validator
from pydantic.json_schema import WithJsonSchema

from services.values.fields import Fields
from services.values.schemas import any_of, has_items, has_text, lacks, says
from services.values.text import Filled, Url, text
from services.values.whole_number import read_whole

EMBED_TEXT_LIMIT: Final = 6000
LARGEST_COLOR: Final = 0xFFFFFF
COLOR: Final = re.compile(r"(#|0[xX])?([0-9A-Fa-f]{1,6})")
# `#f80` is what CSS means by it, #ff8800: https://www.w3.org/TR/css-color-4/#hex-notation. Without `#` it is a number.
SHORT_COLOR_DIGITS: Final = 3


def _read_color(raw: object) -> object:
    if not isinstance(raw, str):
        return read_whole(raw)
    written = COLOR.fullmatch(raw.strip())
    if written is None:
        raise ValueError("must be a hexadecimal colour, 000000 to FFFFFF, with or without # or 0x")
    prefix, digits = written.groups()
    is_short = prefix == "#" and len(digits) == SHORT_COLOR_DIGITS
    return int("".join(digit * 2 for digit in digits) if is_short else digits, 16)


Color = Annotated[
    int,
    BeforeValidator(_read_color),
    Field(ge=0, le=LARGEST_COLOR),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": LARGEST_COLOR},
                {"type": "string", "pattern": "^(#|0x|0X)?[0-9A-Fa-f]{1,6}$"},
            ]
        }
    ),
]


def _read_timestamp(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be a string")  # noqa: TRY004  # pydantic reports ValueError as a bad field
    try:
        moment = datetime.fromisoformat(raw.strip())
    except ValueError:
        raise ValueError("must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.isoformat()


Timestamp = Annotated[
    str,
    BeforeValidator(_read_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00Z"]}),
]


TEXTS: Final = ("title", "description", "footer_text", "author_name")
PICTURES: Final = ("image_url", "thumbnail_url")


def _whole_embed() -> JsonValue:
    """What `Embed` checks as a whole, as far as a schema can say it."""
    return [
        any_of(*map(says, TEXTS), *map(has_text, PICTURES), has_items("fields")),
        any_of(lacks("footer_icon_url"), says("footer_text")),
        any_of(lacks("author_url", "author_icon_url"), says("author_name")),
    ]


class EmbedField(Fields):
    """One field of an embed."""

    name: Annotated[str, text(256), Filled]
    """1 to 256 characters."""
    value: Annotated[str, text(1024), Filled]
    """1 to 1024 characters."""
    inline: bool = False
    """Shown beside its neighbours instead of below them."""

    @property
    def text_length(self) -> int:
        return len(self.name) + len(self.value)


class Embed(Fields):
    """An embed, flat: `thumbnail_url` stands for Discord's `thumbnail.url`, and so on.

    Title, description, field names and values, footer and author name may hold 6000 characters together.
    """

    title: Annotated[str, text(256)] = ""
    """At most 256 characters."""
    description: Annotated[str, text(4096)] = ""
    """At most 4096 characters of Discord's Markdown."""
    color: Color | None = None
    """The bar on the left: an integer to 16777215, or hexadecimal with or without `#` or `0x`; `#f80` is `#ff8800`."""
    url: Url | None = None
    """The title's link: http or https, at most 2048 characters, like every URL here."""
    thumbnail_url: Url | None = None
    """A small picture at the right."""
    image_url: Url | None = None
    """A large picture."""
    footer_text: Annotated[str, text(2048)] = ""
    """At most 2048 characters."""
    footer_icon_url: Url | None = None
    """Needs footer_text."""
    fields: Annotated[tuple[EmbedField, ...], Field(max_length=25, strict=False)] = ()
    """At most 25."""
    author_name: Annotated[str, text(256)] = ""
    """At most 256 characters."""
    author_url: Url | None = None
    """Needs author_name."""
    author_icon_url: Url | None = None
    """Needs author_name."""
    timestamp: Timestamp | None = None
    """ISO 8601; without a zone it is UTC."""

    model_config = ConfigDict(json_schema_extra={"allOf": _whole_embed()})

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if not self._shows_something:
            raise ValueError(
                "must show something: a title, description, field, image, thumbnail, footer or author name"
            )
        if self.footer_icon_url and not self.footer_text:
            raise ValueError("footer_icon_url needs footer_text")
        if (self.author_url or self.author_icon_url) and not self.author_name:
            raise ValueError("author_url and author_icon_url need author_name")
        check_embed_texts([self])
        return self

    @property
    def _shows_something(self) -> bool:
        texts = (self.title, self.description, self.footer_text, self.author_name)
        return any(texts) or bool(self.fields or self.image_url or self.thumbnail_url)

    @property
    def text_length(self) -> int:
        """The characters Discord counts toward 6000."""
        own = len(self.title) + len(self.description) + len(self.footer_text) + len(self.author_name)
        return own + sum(field.text_length for field in self.fields)

    def to_discord(self) -> dict[str, Any]:
        """The embed nested as Discord wants it, without what is absent."""
        flat = {
            "title": self.title,
            "description": self.description,
            "url": self.url,
            "timestamp": self.timestamp,
            "thumbnail": _linked(self.thumbnail_url),
            "image": _linked(self.image_url),
            "footer": _present({"text": self.footer_text, "icon_url": self.footer_icon_url}),
            "author": _present({"name": self.author_name, "url": self.author_url, "icon_url": self.author_icon_url}),
            "fields": [field.model_dump() for field in self.fields],
        }
        nested = _present(flat)
        if self.color is not None:
            nested["color"] = self.color
        return nested


def _linked(url: str | None) -> dict[str, Any]:
    return {"url": url} if url else {}


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def check_embed_texts(embeds: Iterable[Embed]) -> None:
    """Raises ValueError when all the embeds of one message hold more than 6000 characters together."""
    total = sum(embed.text_length for embed in embeds)
    if total > EMBED_TEXT_LIMIT:
        raise ValueError(f"all embed texts together must be at most {EMBED_TEXT_LIMIT} characters, not {total}")
