"""Switches on the page really switch."""

import re
import time

import grpc
import pytest
from playwright.async_api import Page, expect

from sandbox import Sandbox
from tests.browser.caller import Caller


async def test_a_fault_makes_the_next_action_fail_until_it_is_switched_off(garden: Page, caller: Caller) -> None:
    switch = garden.get_by_role("switch", name="Unavailable")
    await switch.click()
    await expect(switch).to_be_checked()
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await caller("SendMessage", channel_id="123", content="not now")
    assert failed.value.code() is grpc.StatusCode.UNKNOWN
    await expect(switch).to_contain_text(re.compile("struck [1-9]"))
    await expect(garden.locator("#requests > li").first).to_contain_text("fault: status, no effect")
    await switch.click()
    await expect(switch).not_to_be_checked()
    await caller("SendMessage", channel_id="123", content="well again")
    await expect(garden.locator("#messages")).to_contain_text("well again")
    await expect(garden.locator("#messages")).not_to_contain_text("not now")


async def test_a_lost_answer_took_effect(garden: Page, caller: Caller) -> None:
    switch = garden.get_by_role("switch", name="Answer lost")
    await garden.get_by_label("How often a fault strikes").select_option("the next request")
    await switch.click()
    await expect(switch).to_be_checked()
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await caller("CreateWebhook", channel_id="123", name="Made or not?")
    assert failed.value.code() is grpc.StatusCode.UNKNOWN
    await expect(garden.locator("#webhooks")).to_contain_text("Made or not?")
    await expect(garden.locator("#requests > li").first).to_contain_text("fault: lost_reply, took effect")
    await expect(switch).not_to_be_checked()


async def test_a_fault_strikes_only_where_it_is_aimed(garden: Page, caller: Caller, sandbox: Sandbox) -> None:
    await garden.get_by_label("Where a fault strikes").select_option("new messages")
    await garden.get_by_role("switch", name="Unavailable").click()
    await expect(garden.get_by_role("switch", name="Unavailable")).to_contain_text("new messages")
    await caller("AddReaction", channel_id="123", message_id="456", emoji="💧")
    [fault] = sandbox.faults
    assert (fault.method, fault.template, fault.hits) == ("POST", "/channels/{channel_id}/messages", 0)


async def test_a_fault_from_elsewhere_is_listed_and_can_be_switched_off(garden: Page, sandbox: Sandbox) -> None:
    sandbox.faults.add("drip", seconds=1, path_prefix="/gateway")
    row = garden.locator("#other-faults > li")
    await expect(row).to_contain_text("drip")
    await row.get_by_role("button", name="Switch off").click()
    await expect(row).to_have_count(0)
    assert len(sandbox.faults) == 0


async def test_limits_can_be_switched_off_and_on(garden: Page, sandbox: Sandbox) -> None:
    switch = garden.get_by_role("switch", name="Limits are kept")
    await expect(switch).to_be_checked()
    await switch.click()
    await expect(switch).not_to_be_checked()
    assert not sandbox.options.limits_enabled
    await switch.click()
    await expect(switch).to_be_checked()
    assert sandbox.options.limits_enabled


async def test_a_reset_asks_first(garden: Page, sandbox: Sandbox, caller: Caller) -> None:
    await caller("DeleteMessage", channel_id="123", message_id="789")
    await expect(garden.locator("[data-message='789']")).to_have_count(0)
    garden.once("dialog", lambda dialog: dialog.accept())
    await garden.get_by_role("button", name="Reset").click()
    await expect(garden.locator("[data-message='789']")).to_be_visible()
    assert sandbox.requests.total == 0


async def test_the_switches_work_from_the_keyboard_alone(garden: Page, sandbox: Sandbox) -> None:
    switch = garden.get_by_role("switch", name="Unavailable")
    await garden.get_by_role("button", name="Reset").focus()
    gives_up = time.monotonic() + 30
    while not await switch.evaluate("node => node === document.activeElement") and time.monotonic() < gives_up:
        await garden.keyboard.press("Tab")
    await expect(switch).to_be_focused()
    assert await switch.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    await garden.keyboard.press("Space")
    await expect(switch).to_be_checked()
    assert [fault.kind for fault in sandbox.faults] == ["status"]
    await expect(switch).to_be_focused()
    await garden.keyboard.press("Enter")
    await expect(switch).not_to_be_checked()
    assert len(sandbox.faults) == 0
