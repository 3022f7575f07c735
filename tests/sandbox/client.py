"""A careful client: sends what a well-behaved bot sends, and any of it can be bent."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from sandbox import Sandbox

USER_AGENT = "DiscordBot (https://example.org/gate, 1.0)"
CHANNEL = "/channels/123/messages"


class Reply:
    """Status, headers and body of one answer."""

    def __init__(self, status: int, headers: Any, text: str) -> None:
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> int:
        return int(self.body["code"])

    def leaf(self, *path: str) -> list[str]:
        """The codes at one place of a 50035's tree."""
        node = self.body["errors"]
        for step in path:
            node = node[step]
        return [each["code"] for each in node["_errors"]]


class Client:
    """Sends what a well-behaved bot sends; every argument can be bent."""

    def __init__(self, session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
        self._session = session
        self.sandbox = sandbox
        self.headers = {"Authorization": "Bot sandbox-bot-token", "User-Agent": USER_AGENT}

    async def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        url = options.pop("url", self.sandbox.base_url) + path
        typed = {} if body is None else {"Content-Type": "application/json"}
        wanted = self.headers | typed | options.pop("headers", {})
        headers = {name: value for name, value in wanted.items() if value is not None}
        async with self._session.request(method, url, json=body, headers=headers, **options) as response:
            return Reply(response.status, response.headers, await response.text())

    async def webhook(self, path: str, body: Any, **options: Any) -> Reply:
        """Without the bot's credential."""
        return await self("POST", path, body, headers={"Authorization": None}, **options)

    async def control(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        return await self(method, path, body, url=self.sandbox.origin + "/_sandbox", **options)

    async def send(self, content: str = "hello", **fields: Any) -> Reply:
        return await self("POST", CHANNEL, {"content": content, **fields})


@asynccontextmanager
async def client_of(sandbox: Sandbox) -> AsyncIterator[Client]:
    """A client whose every header is its own."""
    skipped = {"User-Agent", "Content-Type"}
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(skip_auto_headers=skipped, timeout=timeout) as session:
        yield Client(session, sandbox)
