"""The README's pictures, taken anew: `python -m tools.screenshots`.

The module and the sandbox run in this process, actions go through the module, and a Chromium looks at the pages. Wide
and light by default; `--dark` and `--width` are for looking.
"""

import argparse
import asyncio
import io
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image
from playwright.async_api import Page, async_playwright

from config import ROOT
from sandbox import Sandbox
from tests.browser import chromium
from tests.support.module import running_module, token

FOLDER = ROOT / "docs" / "images"
COLOURS = 256
"""A palette makes a picture of text a third of its size."""

HEIGHT = 900
WIDTH = 1440
SETTLE_MILLISECONDS = 3_000
"""Until the marks of what is new have faded."""

AS_BOT = {"User-Agent": "DiscordBot (https://example.org/gate, 1)", "Content-Type": "application/json"}
HARVEST = {
    "title": "Harvest report",
    "description": "The greenhouse is ahead of the season. **Plot 12** needs hands on Saturday.",
    "color": "#2e9e6b",
    "author_name": "Rain Gauge",
    "image_url": "https://garden.example/plots/12.jpg",
    "footer_text": "Next report on Sunday",
    "fields": [
        {"name": "Tomatoes", "value": "14.2 kg", "inline": True},
        {"name": "Beans", "value": "6.1 kg", "inline": True},
        {"name": "Pumpkins", "value": "3, for now", "inline": True},
    ],
}
WELL = (
    ("POST", "role", {"guild_id": "1", "user_id": "40", "role_id": "7"}),
    ("POST", "moderation/timeout", {"guild_id": "1", "user_id": "40", "duration_seconds": 1500, "reason": "slugs"}),
    ("POST", "moderation/ban", {"guild_id": "1", "user_id": "47", "reason": "sold the wheelbarrow"}),
    ("POST", "reaction", {"channel_id": "123", "message_id": "456", "emoji": "💧"}),
    ("POST", "embed", {"channel_id": "123", "embed": HARVEST}),
    ("POST", "message", {"channel_id": "124", "content": "The wheelbarrow is back."}),
    ("POST", "message", {"channel_id": "123", "content": "<@42> plot 12 is *watered*, says <@&7> (`rota: done`)"}),
)
REFUSED = (
    ("POST", "message", {"channel_id": "404404", "content": "Anybody here?"}),
    ("POST", "role", {"guild_id": "1", "user_id": "42", "role_id": "9"}),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 where there is no Chromium."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description="Take the README's pictures anew.")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder they are written to")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--view", action="append", default=[], help="of a narrow page: places, requests or controls")
    chosen = parser.parse_args(arguments)
    path = chromium.find()
    if path is None:
        print(chromium.MISSING, file=sys.stderr)
        return 1
    asyncio.run(_take(path, chosen.into, chosen.view, is_dark=chosen.dark, width=chosen.width))
    return 0


async def _take(executable: str, folder: Path, views: Sequence[str], *, is_dark: bool, width: int) -> None:
    async with _browser_page(executable, is_dark=is_dark, width=width) as page, Sandbox.serving() as sandbox:
        with tempfile.TemporaryDirectory() as scratch:
            async with running_module(sandbox, f"sqlite:///{scratch}/actions.db") as module:
                await page.goto(f"{sandbox.origin}/")
                await page.get_by_role("heading", name="allotment").wait_for()
                await _live(module.rest_url, sandbox)
                await page.wait_for_timeout(SETTLE_MILLISECONDS)
                await _hurry(sandbox)
                await _save(page, folder / "sandbox.png")
                for name in views:
                    await page.locator(f"[data-shows={name}]").click()
                    await _save(page, folder / f"sandbox-{name}.png")
                await page.goto(f"{module.rest_url}/docs")
                await page.locator(".opblock-summary").first.wait_for()
                await _save(page, folder / "docs.png")


@asynccontextmanager
async def _browser_page(executable: str, *, is_dark: bool, width: int) -> AsyncIterator[Page]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=executable, args=list(chromium.LAUNCH_ARGUMENTS))
        try:
            yield await browser.new_page(
                viewport={"width": width, "height": HEIGHT},
                color_scheme="dark" if is_dark else "light",
                reduced_motion="reduce",
                locale="en-GB",
            )
        finally:
            await browser.close()


async def _live(rest_url: str, sandbox: Sandbox) -> None:
    """A day in the garden: what works, what is refused, and one message that Discord itself would not take."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token()}"}) as session:
        for method, path, body in (*WELL, *REFUSED):
            await _act(session, method, f"{rest_url}/api/v1/{path}", body)
        hook = await _act(session, "POST", f"{rest_url}/api/v1/webhook", {"channel_id": "123", "name": "Frost Warning"})
        sent = {"webhook_url": hook["webhook_url"], "content": "Minus two tonight. *Cover the beans.*"}
        await _act(session, "POST", f"{rest_url}/api/v1/webhook/send", sent)
        edit = {"content": "Watering rota updated: Robin's plot is taken care of ✅, Priya's is next"}
        await _act(session, "PATCH", f"{rest_url}/api/v1/message/123/789", edit)
    async with aiohttp.ClientSession(headers=AS_BOT | {"Authorization": f"Bot {sandbox.options.token}"}) as session:
        await _act(session, "POST", f"{sandbox.base_url}/channels/123/messages", {"content": "x" * 2001})
    sandbox.faults.add("latency", seconds=2, method="POST", template="/webhooks/{webhook_id}/{webhook_token}")


async def _hurry(sandbox: Sandbox) -> None:
    """More than the channel takes at once, past the module, which would have waited: the limit says so."""
    headers = AS_BOT | {"Authorization": f"Bot {sandbox.options.token}"}
    said = (
        "Frost tonight.",
        "Covers are in the shed.",
        "@everyone the gate stays open until nine",
        "Who has the key?",
        "I do.",
        "!",
    )
    async with aiohttp.ClientSession(headers=headers) as session:
        for content in said:
            body = {"content": content, "allowed_mentions": {"parse": ["everyone"]}}
            await _act(session, "POST", f"{sandbox.base_url}/channels/123/messages", body)


async def _act(session: aiohttp.ClientSession, method: str, url: str, body: dict[str, Any]) -> dict[str, Any]:
    async with session.request(method, url, json=body) as answer:
        found: dict[str, Any] = await answer.json(content_type=None)
        return found


async def _save(page: Page, path: Path) -> None:
    await page.wait_for_timeout(600)
    path.parent.mkdir(parents=True, exist_ok=True)
    taken = Image.open(io.BytesIO(await page.screenshot()))
    taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    raise SystemExit(main())
