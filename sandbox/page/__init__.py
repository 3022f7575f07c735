"""The page that shows the sandbox while it works: what exists, what was asked of it, its limits and its faults.

`parts` says what is shown, `stream` keeps every open page up to date, `files` serves what the browser runs: plain HTML,
CSS and ES modules, in `static/`. The page writes text, never markup, and asks nobody but the sandbox.
"""

from sandbox.page.routes import page_routes

__all__ = ["page_routes"]
