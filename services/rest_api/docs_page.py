"""The page at /docs: Swagger UI on the module's own OpenAPI document.

The page asks nobody but the module that serves it: Swagger UI is kept beside this code (`vendor/swagger_ui`), and the
Content-Security-Policy lets the browser speak to its origin alone. No script stands in the page itself. Until Swagger
UI has drawn, and where no script runs, a plain list of the operations is there.

Addresses are relative, so the page also works where a proxy puts the module below a path.
"""

from collections.abc import Iterator
from html import escape
from typing import Any, Final

DOCS_HEADERS: Final = {
    # Swagger UI's icons are `data:` images in its style sheet.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/docs.css">
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/docs.js" defer></script>
</head>
<body>
<form id="credentials" hidden>
<label for="token">Token</label>
<input id="token" type="password" autocomplete="off" spellcheck="false" placeholder="a JWT; a reload forgets it">
<button type="submit">Use it</button>
</form>
<p id="told" role="status"></p>
<main id="operations">
<div class="plain">
<h1>{title} {version}</h1>
<p>{description}</p>
<p>Everything in detail, for tools and generators: <a href="openapi.json">openapi.json</a></p>
{sections}
</div>
</main>
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
