"""What a message says stays text: it is an attacker's."""

import re

from playwright.async_api import Page, expect

from sandbox import Sandbox
from sandbox.model import Message, User
from tests.browser.conduct import Conduct
from tests.sandbox.client import client_of

MARKUP = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
HOSTILE = (
    MARKUP,
    f"**{MARKUP}** `{MARKUP}` ||{MARKUP}|| > {MARKUP}",
    f"```html\n{MARKUP}\n```",
    f"[{MARKUP}](javascript:document.title='taken')",
    "[click](javascript:alert(1)) <javascript:alert(1)> [x](https://evil.example/?q=1)",
    "<@42 onclick=alert(1)> <@&7><@!42><#123><:x:1> <t:99999999999999:R> <t:8640000000001:R>",
    "*" * 999 + "_" * 500 + "`" * 499,
    "[" * 1000 + "](" * 500,
    "||**__~~*" * 200,
    "\u202egnitset\u202c \u0000\u200b",
)


async def test_hostile_content_stays_text(garden: Page, sandbox: Sandbox) -> None:
    for number, content in enumerate(HOSTILE):
        said(sandbox, content, message_id=str(9000 + number))
    for number in range(len(HOSTILE)):
        message = garden.locator(f"[data-message='{9000 + number}']")
        await expect(message.locator(".text")).not_to_be_empty()
        assert await message.locator("img, script, a, iframe, svg").count() == 0
    assert await garden.title() == "Sandbox · Discord Action Module"


async def test_hostile_names_embeds_and_emoji_stay_text(garden: Page, sandbox: Sandbox) -> None:
    evil = "javascript:document.title='taken'"
    embed: dict[str, object] = {
        "title": MARKUP,
        "url": evil,
        "description": MARKUP,
        "color": "red;background:url(https://evil.example/)",
        "author": {"name": MARKUP, "url": evil, "icon_url": "https://evil.example/icon.png"},
        "image": {"url": "https://evil.example/pixel.png"},
        "thumbnail": {"url": evil},
        "footer": {"text": MARKUP, "icon_url": "https://evil.example/f.png"},
        "timestamp": MARKUP,
        "fields": [{"name": MARKUP, "value": MARKUP}],
    }
    said(sandbox, "x", embeds=[embed], author=User("1234", MARKUP, MARKUP))
    sandbox.world.guilds["1"].members["42"].nick = MARKUP
    sandbox.world.guilds["1"].roles["7"].name = MARKUP
    sandbox.world.guilds["1"].bans["46"].reason = MARKUP
    sandbox.world.channels["124"].name = MARKUP
    sandbox.world.webhooks["555"].name = MARKUP
    message = garden.locator("[data-message='9000']")
    await expect(message.get_by_role("article", name="Embed")).to_contain_text("https://evil.example/pixel.png")
    await expect(garden.locator("#webhooks")).to_contain_text("onerror")
    await expect(garden.locator("#channels")).to_contain_text("onerror")
    assert await garden.title() == "Sandbox · Discord Action Module"
    assert await garden.locator("main img, main script, main iframe").count() == 0
    links = await garden.locator("main a").evaluate_all("nodes => nodes.map(node => node.getAttribute('href'))")
    assert [link for link in links if not re.match("#channel=[0-9]+$|/_sandbox/[a-z]+$", link)] == []


async def test_a_hostile_request_stays_text(garden: Page, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        await client("POST", "/channels/123/messages", {"content": MARKUP, MARKUP: MARKUP})
        await client("GET", f"/nowhere/{MARKUP.replace('/', '-')}?{MARKUP}")
    row = garden.locator("#requests > li").nth(1)
    await expect(row).to_contain_text("unknown field")
    await row.locator("summary").click()
    await expect(row.get_by_role("region", name="Body")).to_contain_text("onerror")
    assert await garden.title() == "Sandbox · Discord Action Module"


async def test_the_browser_itself_refuses_markup(garden: Page, conduct: Conduct) -> None:
    conduct.tolerate("TrustedHTML|Content Security Policy|requires")
    refused = await garden.evaluate(
        "() => { try { document.body.innerHTML = '<p>x'; return false } catch { return true } }"
    )
    assert refused


def said(
    sandbox: Sandbox,
    content: str,
    embeds: list[dict[str, object]] | None = None,
    author: User | None = None,
    message_id: str = "9000",
) -> None:
    """Puts a message there that Discord's own checks might not let through."""
    world = sandbox.world
    world.keep(Message(message_id, "123", author or world.users["42"], content, world.now(), embeds=embeds or []))
