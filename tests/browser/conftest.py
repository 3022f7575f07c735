"""A Chromium for the run; for each test pages that are watched, the sandbox, and the module in front of it.

Everything shares one event loop: the browser's driver, the sandbox's server and the module's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from sandbox import Sandbox
from tests.browser import chromium
from tests.browser.caller import Caller, calling
from tests.browser.conduct import Conduct
from tests.support.module import RunningModule, running_module

PATIENCE_MILLISECONDS = 30_000
# Small and still: without a graphics card every pixel of every frame is drawn by the processor.
DEFAULTS: dict[str, Any] = {"viewport": {"width": 1200, "height": 720}, "reduced_motion": "reduce"}

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the run."""
    path = chromium.find()
    if path is None:
        (pytest.fail if chromium.is_required() else pytest.skip)(chromium.MISSING)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with async_playwright() as driver:
        launched = await driver.chromium.launch(executable_path=path, args=list(chromium.LAUNCH_ARGUMENTS))
        try:
            yield launched
        finally:
            await launched.close()


@pytest.fixture
def conduct() -> Conduct:
    """What the pages of this test did."""
    return Conduct()


@pytest.fixture
async def open_page(browser: Browser, conduct: Conduct) -> AsyncIterator[OpenPage]:
    """Opens pages, each like a browser of its own. At the end: no request left the machine, and no page complained."""
    async with AsyncExitStack() as stack:

        async def open_one(**options: Any) -> Page:
            context = await browser.new_context(**DEFAULTS | options)
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            page = await context.new_page()
            conduct.follow(page)
            return page

        yield open_one
    assert conduct.foreign_requests() == []
    assert conduct.unexpected_errors() == []


@pytest.fixture
async def page(open_page: OpenPage) -> Page:
    """One page, nowhere yet."""
    return await open_page()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Discord's place, with its limits."""
    async with Sandbox.serving() as served:
        yield served


@pytest.fixture
async def module(sandbox: Sandbox, sqlite_url: str) -> AsyncIterator[RunningModule]:
    """The module in front of the sandbox."""
    async with running_module(sandbox, sqlite_url) as running:
        yield running


@pytest.fixture
async def caller(module: RunningModule) -> AsyncIterator[Caller]:
    """Acts over gRPC."""
    async with calling(module) as acting:
        yield acting


@pytest.fixture
async def garden(page: Page, sandbox: Sandbox) -> Page:
    """The sandbox's page, drawn and connected."""
    await page.goto(f"{sandbox.origin}/")
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    await expect(page.locator("[data-message='789']")).to_be_visible()
    return page
