"""The page for whoever reads it otherwise: screen readers, dark rooms, narrow windows, no motion."""

import asyncio
import shlex
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from sandbox import Sandbox
from tests.browser.caller import Caller
from tests.browser.conftest import OpenPage

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def complaints(page: Page) -> list[str]:
    """What axe finds, as `rule: element`."""
    results = await Axe().run(page, options=RULES)
    found: list[dict[str, Any]] = results.response["violations"]
    assert results.response["passes"]
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_assistive_technology_misses_nothing(
    open_page: OpenPage, sandbox: Sandbox, caller: Caller, scheme: str
) -> None:
    page = await open_page(color_scheme=scheme)
    await page.goto(f"{sandbox.origin}/")
    await caller("SendMessage", channel_id="123", content="<@42> <@&7> `x` ||y|| https://a.example @everyone\n> z")
    embed = {"title": "T", "description": "D", "footer_text": "F", "image_url": "https://a.example/i.png"}
    await caller("SendEmbed", channel_id="123", embed=embed)
    await caller("TimeoutUser", guild_id="1", user_id="42", duration_seconds=1200, reason="")
    sandbox.faults.add("status", status=503, path_prefix="/gateway")
    await expect(page.locator(".timed-out")).to_be_visible()
    await page.locator("#requests summary").first.click()
    await page.get_by_text("Send an action here").click()
    assert await complaints(page) == []


async def test_a_narrow_window_shows_one_section_at_a_time(open_page: OpenPage, sandbox: Sandbox) -> None:
    page = await open_page(viewport={"width": 400, "height": 800})
    await page.goto(f"{sandbox.origin}/")
    await expect(page.locator("#messages")).to_be_visible()
    await expect(page.locator("#channels")).not_to_be_visible()
    for name, shown in (("Requests", "#requests-title"), ("Limits, faults", "#faults"), ("Places", "#channels")):
        await page.get_by_role("navigation", name="Sections").get_by_role("button", name=name).click()
        await expect(page.locator(shown)).to_be_visible()
        await expect(page.locator("#messages")).not_to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await complaints(page) == []
    await page.get_by_role("link", name="tool-shed").press("Enter")
    await expect(page.locator("#messages")).to_contain_text("wheelbarrow")
    await expect(page.get_by_role("region", name="Messages", exact=True)).to_be_focused()


async def test_the_first_key_leads_to_the_messages_of_the_channel_in_view(garden: Page) -> None:
    await garden.get_by_role("link", name="tool-shed").click()
    await garden.get_by_role("heading", name="tool-shed").wait_for()
    await garden.evaluate("document.activeElement.blur()")
    await garden.get_by_role("link", name="Skip to the messages").press("Enter")
    await expect(garden.get_by_role("region", name="Messages", exact=True)).to_be_focused()
    await expect(garden.get_by_role("heading", name="tool-shed")).to_be_visible()


async def test_a_hidden_tab_lets_go_and_comes_back(garden: Page, caller: Caller) -> None:
    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
    turn = hide + " document.dispatchEvent(new Event('visibilitychange')) }"
    await garden.evaluate(turn, True)
    await expect(garden.get_by_text("paused", exact=True)).to_be_visible()
    await caller("SendMessage", channel_id="123", content="unseen for now")
    await garden.evaluate(turn, False)
    await expect(garden.get_by_text("live", exact=True)).to_be_visible()
    await expect(garden.locator("#messages")).to_contain_text("unseen for now")


async def test_colours_follow_the_system_and_the_switch(open_page: OpenPage, sandbox: Sandbox) -> None:
    page = await open_page(color_scheme="dark")
    await page.goto(f"{sandbox.origin}/")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = await page.evaluate(ground)
    await page.get_by_label("Colours").select_option("Light")
    light = await page.evaluate(ground)
    assert dark != light
    await page.reload()
    assert await page.evaluate(ground) == light
    await page.get_by_label("Colours").select_option("Auto")
    assert await page.evaluate(ground) == dark


async def test_news_is_read_aloud_once_and_together(garden: Page, caller: Caller) -> None:
    for number in range(3):
        await caller("SendMessage", channel_id="123", content=str(number))
    await expect(garden.get_by_role("status", name="News")).to_have_text("3 new messages")


@pytest.mark.parametrize(("asked", "animation"), [("reduce", "none"), ("no-preference", "arrive")])
async def test_nothing_moves_for_those_who_asked(
    open_page: OpenPage, sandbox: Sandbox, caller: Caller, asked: str, animation: str
) -> None:
    page = await open_page(reduced_motion=asked)
    await page.goto(f"{sandbox.origin}/")
    await expect(page.locator("[data-message='789']")).to_be_visible()
    sent = await caller("SendMessage", channel_id="123", content="calm")
    message = page.locator(f"[data-message='{sent.message_id}']")
    await expect(message).to_be_visible()
    assert await message.evaluate("node => getComputedStyle(node).animationName") == animation


async def test_the_command_it_offers_works_as_it_stands(garden: Page, sandbox: Sandbox) -> None:
    await garden.get_by_text("Send an action here").click()
    command = shlex.split((await garden.locator("#hint-direct").inner_text()).replace("\\\n", " "))
    process = await asyncio.create_subprocess_exec(
        *command, "-sS", "--max-time", "5", stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0
    await expect(garden.locator("#messages")).to_contain_text("Hello, garden")


async def test_the_command_through_the_module_asks_the_one_it_was_told_of(
    open_page: OpenPage, sandbox: Sandbox
) -> None:
    sandbox.options.module_url = "https://localhost:18070"
    page = await open_page()
    await page.goto(f"{sandbox.origin}/")
    await page.get_by_text("Send an action here").click()
    await expect(page.locator("#hint-module")).to_contain_text("curl https://localhost:18070/api/v1/message")
