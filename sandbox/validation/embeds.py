"""Embed limits (https://discord.com/developers/docs/resources/message#embed-object-embed-limits).

Inclusive, counted in code points after trimming; the sum over all embeds of a message counts too.
"""

from typing import Any

from sandbox.validation.form import Form

MAX_EMBEDS = 10
MAX_TOTAL = 6000
MAX_TITLE = MAX_FIELD_NAME = MAX_AUTHOR_NAME = 256
MAX_DESCRIPTION = 4096
MAX_FIELDS = 25
MAX_FIELD_VALUE = 1024
MAX_FOOTER = 2048
MAX_COLOR = 0xFFFFFF
IMAGE_SCHEMES = ("http", "https", "attachment")

EMBED_FIELDS = frozenset(
    [
        "title",
        "description",
        "url",
        "color",
        "timestamp",
        "footer",
        "image",
        "thumbnail",
        "author",
        "fields",
        "type",
        "provider",
        "video",
    ]
)
WRITE_PROTECTED = ("provider", "video")


def read_embeds(form: Form) -> list[dict[str, Any]] | None:
    """The embeds as Discord would keep them, or None when the body has none."""
    if form.fields.get("embeds") is None:
        return None
    embeds = [_embed(entry) for entry in form.forms("embeds", MAX_EMBEDS)]
    if sum(map(_length, embeds)) > MAX_TOTAL:
        form.refuse("embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {MAX_TOTAL}")
    return embeds


def _embed(form: Form) -> dict[str, Any]:
    form.note_unknown(EMBED_FIELDS)
    for name in WRITE_PROTECTED:
        if form.has(name):
            form.problems.append(f"embed field {name!r} cannot be set by senders")
    timestamp = form.timestamp("timestamp")
    embed = {
        "type": "rich",
        "title": form.text("title", MAX_TITLE),
        "description": form.text("description", MAX_DESCRIPTION),
        "url": form.url("url"),
        "color": form.integer("color", 0, MAX_COLOR),
        "timestamp": timestamp.isoformat() if timestamp else None,
        "footer": _footer(form.form("footer")),
        "author": _author(form.form("author")),
        "image": _image(form.form("image")),
        "thumbnail": _image(form.form("thumbnail")),
        "fields": [_field(entry) for entry in form.forms("fields", MAX_FIELDS)],
    }
    shown = {key: value for key, value in embed.items() if value not in (None, "", [])}
    if not shown.keys() & {"title", "description", "footer", "author", "image", "thumbnail", "fields"}:
        form.refuse("description", "BASE_TYPE_REQUIRED", "This field is required")
    return shown


def _field(form: Form) -> dict[str, Any]:
    form.note_unknown({"name", "value", "inline"})
    form.require("name")
    form.require("value")
    return {
        "name": form.text("name", MAX_FIELD_NAME, minimum=1) or "",
        "value": form.text("value", MAX_FIELD_VALUE, minimum=1) or "",
        "inline": bool(form.boolean("inline")),
    }


def _footer(form: Form | None) -> dict[str, Any] | None:
    if form is None:
        return None
    form.note_unknown({"text", "icon_url", "proxy_icon_url"})
    form.require("text")
    text = form.text("text", MAX_FOOTER, minimum=1)
    return _present(text=text, icon_url=form.url("icon_url", IMAGE_SCHEMES))


def _author(form: Form | None) -> dict[str, Any] | None:
    if form is None:
        return None
    form.note_unknown({"name", "url", "icon_url", "proxy_icon_url"})
    form.require("name")
    name = form.text("name", MAX_AUTHOR_NAME, minimum=1)
    return _present(name=name, url=form.url("url"), icon_url=form.url("icon_url", IMAGE_SCHEMES))


def _image(form: Form | None) -> dict[str, Any] | None:
    if form is None:
        return None
    form.note_unknown({"url", "proxy_url", "width", "height", "description"})
    form.require("url")
    url = form.url("url", IMAGE_SCHEMES)
    if url and url.startswith("attachment:"):
        form.problems.append(f"{url!r} names a file that was not sent along")
    return _present(url=url)


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _length(embed: dict[str, Any]) -> int:
    texts = [embed.get("title", ""), embed.get("description", "")]
    texts += [embed.get("footer", {}).get("text", ""), embed.get("author", {}).get("name", "")]
    texts += [field[key] for field in embed.get("fields", []) for key in ("name", "value")]
    return sum(map(len, texts))
