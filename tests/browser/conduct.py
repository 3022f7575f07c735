"""What a page did besides what was looked at: whom it asked, and what it complained of."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Error, Page, Request

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
LOCAL_SCHEMES = frozenset({"data", "blob", "about"})


@dataclass  # without slots: playwright hangs its wrappers on the object
class Conduct:
    """Every request and every error of the pages it follows. `tolerated`: patterns of errors that a test provokes."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("request", self._note_request)
        page.on("console", self._note_console)
        page.on("pageerror", self._note_exception)

    def tolerate(self, pattern: str) -> None:
        """Errors that match are expected: what a test breaks on purpose is reported by the browser too."""
        self.tolerated.append(pattern)

    def foreign_requests(self) -> list[str]:
        return [url for url in self.requests if not is_local(url)]

    def unexpected_errors(self) -> list[str]:
        return [error for error in self.errors if not any(re.search(each, error) for each in self.tolerated)]

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "assert"}:
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _note_exception(self, error: Error) -> None:
        self.errors.append(str(error))


def is_local(url: str) -> bool:
    """Whether a request for this stays on the machine."""
    parts = urlsplit(url)
    return parts.scheme in LOCAL_SCHEMES or (parts.hostname or "") in {host.strip("[]") for host in LOOPBACK}
