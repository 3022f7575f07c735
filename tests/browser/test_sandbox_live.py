"""What happens in the sandbox is seen on its page, without a reload."""

import aiohttp
import grpc
import pytest
from playwright.async_api import Page, expect

from sandbox import Sandbox
from sandbox.model import Message
from tests.browser.caller import Caller
from tests.browser.conftest import OpenPage

AS_BOT = {"Authorization": "Bot sandbox-bot-token", "User-Agent": "DiscordBot (https://example.org, 1)"}


async def test_a_message_pushed_over_grpc_appears(garden: Page, caller: Caller) -> None:
    await garden.evaluate("window.notReloaded = true")
    sent = await caller("SendMessage", channel_id="123", content="**ripe** <@42>, not @everyone")
    message = garden.locator(f"[data-message='{sent.message_id}']")
    await expect(message.get_by_role("heading", name="Garden Gate")).to_be_visible()
    await expect(message.locator("strong")).to_have_text("ripe")
    await expect(message.locator(".mention.pinged")).to_have_text("@Robin of plot 12")
    await expect(message.locator(".mention:not(.pinged)")).to_have_text("@everyone")
    await expect(message.locator(".pings")).to_have_text("pings Robin of plot 12")
    assert await garden.evaluate("window.notReloaded")


async def test_everyone_is_marked_where_it_really_pinged(garden: Page, caller: Caller) -> None:
    sent = await caller("SendMessage", channel_id="123", content="@everyone the gate", allowed_mentions=["everyone"])
    message = garden.locator(f"[data-message='{sent.message_id}']")
    await expect(message.locator(".mention.pinged")).to_have_text("@everyone")


async def test_an_embed_is_drawn_and_its_pictures_are_only_named(garden: Page, caller: Caller) -> None:
    embed = {
        "title": "Harvest",
        "description": "*more* than ever",
        "color": "#2e9e6b",
        "image_url": "https://garden.example/a.jpg",
        "footer_text": "until Sunday",
        "fields": [{"name": "Beans", "value": "6 kg", "inline": True}],
    }
    sent = await caller("SendEmbed", channel_id="123", embed=embed)
    card = garden.locator(f"[data-message='{sent.message_id}']").get_by_role("article", name="Embed")
    await expect(card.get_by_role("heading", name="Harvest")).to_be_visible()
    await expect(card.locator("em")).to_have_text("more")
    await expect(card.get_by_text("6 kg")).to_be_visible()
    await expect(card.get_by_text("https://garden.example/a.jpg")).to_be_visible()
    assert await garden.locator("main img, main a[href^=http]").count() == 0


async def test_a_reaction_an_edit_and_a_deletion_are_seen(garden: Page, caller: Caller) -> None:
    await caller("AddReaction", channel_id="123", message_id="456", emoji="💧")
    await expect(garden.locator("[data-message='456'] .reaction.is-own")).to_contain_text("💧 1")
    await caller("EditMessage", channel_id="123", message_id="789", content="other words")
    await expect(garden.locator("[data-message='789']")).to_contain_text("other words")
    await expect(garden.locator("[data-message='789'] .edited")).to_be_visible()
    await caller("DeleteMessage", channel_id="123", message_id="789")
    await expect(garden.locator("[data-message='789']")).to_have_count(0)


async def test_roles_timeouts_bans_and_kicks_are_seen(garden: Page, caller: Caller) -> None:
    robin = garden.locator("[data-member='42']")
    await caller("ManageRole", guild_id="1", user_id="42", role_id="7")
    await expect(robin.get_by_role("list", name="Roles")).to_contain_text("Seedling")
    await caller("TimeoutUser", guild_id="1", user_id="42", duration_seconds=1200, reason="")
    await expect(robin.locator(".timed-out")).to_have_text("timed out, 20 min left")
    await caller("BanUser", guild_id="1", user_id="42", reason="sold the shed")
    await expect(robin).to_have_count(0)
    await expect(garden.locator("[data-ban='42']")).to_contain_text("sold the shed")
    await caller("KickUser", guild_id="1", user_id="43", reason="slugs")
    await expect(garden.locator("[data-member='43']")).to_have_count(0)


async def test_a_nickname_is_seen_in_the_list_and_beside_messages(garden: Page, sandbox: Sandbox) -> None:
    url = f"{sandbox.base_url}/guilds/1/members/42"
    async with aiohttp.ClientSession(headers=AS_BOT) as session, session.patch(url, json={"nick": "Robin Two"}) as done:
        assert done.status == 200
    await expect(garden.locator("[data-member='42']")).to_contain_text("Robin Two")
    await expect(garden.locator("[data-message='456'] h3")).to_have_text("Robin Two")


async def test_a_webhook_speaks_under_its_own_name(garden: Page, caller: Caller) -> None:
    made = await caller("CreateWebhook", channel_id="123", name="Frost Warning")
    await expect(garden.locator("#webhooks")).to_contain_text("Frost Warning")
    await caller("SendWebhook", webhook_url=made.webhook_url, content="minus two")
    message = garden.locator(".message", has_text="minus two")
    await expect(message.get_by_role("heading")).to_have_text("Frost Warning")
    await expect(message.locator(".tag")).to_have_text("webhook")
    token = made.webhook_url.rpartition("/")[2]
    assert token not in await garden.content()


async def test_a_refused_request_shows_what_was_wrong(garden: Page, caller: Caller, sandbox: Sandbox) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await caller("ManageRole", guild_id="1", user_id="42", role_id="9")
    row = garden.locator("#requests > li").first
    await expect(row).to_contain_text("/guilds/1/members/42/roles/9")
    await expect(row.locator(".status")).to_contain_text("403")
    await expect(row).to_contain_text("50013 Missing Permissions")
    url = f"{sandbox.base_url}/channels/123/messages"
    async with aiohttp.ClientSession(headers=AS_BOT) as session, session.post(url, json={"content": "x" * 2001}) as bad:
        assert bad.status == 400
    await expect(row).to_contain_text("content: BASE_TYPE_MAX_LENGTH")
    await row.locator("summary").click()
    await expect(row.get_by_role("region", name="Body")).to_contain_text('"content"')
    await garden.get_by_label("only what went wrong").check()
    await expect(garden.locator("#requests > li")).to_have_count(2)


async def test_a_bucket_empties_says_so_and_refills(garden: Page, sandbox: Sandbox) -> None:
    bucket = garden.locator("[data-bucket='messages.create #allotment']")
    meter = bucket.get_by_role("meter")
    url = f"{sandbox.base_url}/channels/123/messages"
    async with aiohttp.ClientSession(headers=AS_BOT) as session:
        statuses = [(await session.post(url, json={"content": str(number)})).status for number in range(6)]
    assert statuses == [200] * 5 + [429]
    await expect(meter).to_have_attribute("data-state", "empty")
    await expect(garden.locator("#requests > li").first).to_contain_text("limit: messages.create of 123 (user)")
    sandbox.clock.advance(1)
    await expect(meter).to_have_attribute("data-state", "used")
    sandbox.clock.advance(5)
    await expect(meter).to_have_attribute("aria-valuenow", "5")
    await expect(meter).to_have_attribute("data-state", "full")


async def test_another_channel_is_marked_and_opened(garden: Page, caller: Caller) -> None:
    await caller("SendMessage", channel_id="124", content="over here")
    link = garden.get_by_role("link", name="tool-shed")
    await expect(link).to_contain_text("new messages")
    await link.click()
    await expect(garden.get_by_role("heading", name="tool-shed")).to_be_visible()
    await expect(garden.locator("#messages")).to_contain_text("over here")
    await expect(link).to_have_attribute("aria-current", "page")
    await expect(link).not_to_contain_text("new messages")


async def test_several_browsers_see_the_same(
    garden: Page, open_page: OpenPage, sandbox: Sandbox, caller: Caller
) -> None:
    other = await open_page()
    await other.goto(f"{sandbox.origin}/")
    await expect(other.locator("[data-message='789']")).to_be_visible()
    await caller("SendMessage", channel_id="123", content="for both")
    for page in (garden, other):
        await expect(page.locator("#messages")).to_contain_text("for both")
    await garden.get_by_role("switch", name="Slow").click()
    await expect(other.get_by_role("switch", name="Slow")).to_be_checked()


async def test_it_comes_back_by_itself_when_the_stream_breaks(garden: Page, sandbox: Sandbox, caller: Caller) -> None:
    sandbox.closing.set()
    await expect(garden.get_by_text("lost, trying again")).to_be_visible()
    sandbox.closing.clear()
    await caller("SendMessage", channel_id="123", content="meanwhile")
    await expect(garden.get_by_text("live", exact=True)).to_be_visible()
    await expect(garden.locator("#messages")).to_contain_text("meanwhile")


async def test_thousands_of_messages_are_cut_to_the_newest(garden: Page, sandbox: Sandbox) -> None:
    world = sandbox.world
    for number in range(3000):
        world.keep(Message(world.new_id(), "123", world.users["42"], f"flood {number}", world.now()))
    await expect(garden.locator("#messages")).to_contain_text("flood 2999")
    assert await garden.locator("#messages > li").count() == 100
    await expect(garden.locator("#channel-topic")).to_contain_text("the last 100 of 3006")


async def test_hundreds_of_requests_are_cut_to_the_newest(garden: Page, sandbox: Sandbox) -> None:
    url = f"{sandbox.base_url}/users/@me"
    async with aiohttp.ClientSession(headers=AS_BOT) as session:
        for _ in range(200):
            async with session.get(url):
                pass
    await expect(garden.locator("#counts")).to_contain_text("200")
    assert await garden.locator("#requests > li").count() == 80
