"""A page that lists the operations of the OpenAPI document. It stands alone: no script, no request to anywhere."""

from collections.abc import Iterator
from html import escape
from typing import Any, Final

DOCS_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
dt {{ margin-top: 1rem }}
dd {{ margin: 0 0 0 1rem; white-space: pre-line }}
</style>
</head>
<body>
<h1>{title} {version}</h1>
<p>{description}</p>
<p>Everything in detail, for tools and generators: <a href="/openapi.json">/openapi.json</a></p>
{sections}
</body>
</html>
"""


def docs_page(document: dict[str, Any]) -> bytes:
    """The page of an OpenAPI document, as UTF-8."""
    about = {name: escape(document["info"][name]) for name in ("title", "version", "description")}
    sections = "\n".join(_section(document, tag) for tag in document["tags"])
    return PAGE.format(sections=sections, **about).encode()


def _section(document: dict[str, Any], tag: dict[str, str]) -> str:
    entries = "\n".join(_entries(document, tag["name"]))
    return f"<h2>{escape(tag['description'])}</h2>\n<dl>\n{entries}\n</dl>"


def _entries(document: dict[str, Any], tag: str) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                text = "\n".join(filter(None, (operation["summary"], operation.get("description"))))
                yield f"<dt><code>{method.upper()} {escape(path)}</code></dt>\n<dd>{escape(text)}</dd>"
