"""/docs in a browser: drawn from the module's own files, usable with a token, and talking to nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from playwright.async_api import Locator, Page, Route, expect

from sandbox import Sandbox
from services.rest_api.openapi import openapi_document
from tests.browser.conduct import Conduct
from tests.browser.conftest import OpenPage
from tests.support.module import RunningModule, token

PREFIX = "/discord"
HOP_BY_HOP = {"transfer-encoding", "connection", "content-encoding"}


async def open_docs(page: Page, url: str) -> None:
    await page.goto(f"{url}/docs")
    await expect(page.locator("#operations-messages-send_message")).to_be_visible()


async def give_token(page: Page, text: str) -> None:
    await page.get_by_label("Token", exact=True).fill(text)
    await page.get_by_role("button", name="Use it").click()
    await expect(page.get_by_role("status")).to_have_text("The token is sent with every request from here.")


async def try_send_message(page: Page, body: str | None = None) -> Locator:
    """Opens the operation, sends its example (or `body`), and gives what came back."""
    operation = page.locator("#operations-messages-send_message")
    await operation.locator(".opblock-summary-control").click()
    if body is not None:
        await operation.locator("textarea").first.fill(body)
    await operation.locator("button.execute").click()
    answer = operation.locator(".live-responses-table")
    await expect(answer).to_be_visible()
    return answer


async def test_every_operation_is_drawn_and_every_failure_has_an_example(page: Page, module: RunningModule) -> None:
    await open_docs(page, module.rest_url)
    count = sum(len(methods) for methods in openapi_document("")["paths"].values())
    await expect(page.locator(".opblock")).to_have_count(count)
    await expect(page.locator(".plain")).to_have_count(0)  # the list has made room
    operation = page.locator("#operations-messages-send_message")
    await operation.locator(".opblock-summary-control").click()
    documented = operation.locator(".responses-table:not(.live-responses-table) tr.response")
    for status in ("400", "401", "403", "404", "409", "422", "429", "500", "502", "503", "504"):
        row = documented.filter(has=page.locator(f"td.response-col_status:text-is('{status}')"))
        await expect(row.locator("pre.example")).to_contain_text('"retryable"')


async def test_trying_it_acts(page: Page, module: RunningModule, sandbox: Sandbox) -> None:
    await open_docs(page, module.rest_url)
    await give_token(page, f"Bearer {token()}")
    answer = await try_send_message(page)
    await expect(answer.locator("tbody .response-col_status")).to_contain_text("200")
    await expect(answer).to_contain_text('"success": true')
    (message,) = [m for m in sandbox.world.channels["123"].messages.values() if m.nonce]
    await expect(answer).to_contain_text(message.id)


async def test_a_failure_shows_its_problem_document(page: Page, module: RunningModule, conduct: Conduct) -> None:
    conduct.tolerate("status of 403")
    await open_docs(page, module.rest_url)
    await give_token(page, token())
    answer = await try_send_message(page, '{"channel_id": "323", "content": "hello"}')
    for told in ('"code": "discord_missing_access"', '"outcome": "rejected"', '"retryable": false', '"action_id"'):
        await expect(answer).to_contain_text(told)


async def test_the_token_is_forgotten_when_asked_and_by_a_reload(
    page: Page, module: RunningModule, conduct: Conduct
) -> None:
    conduct.tolerate("status of 401")
    conduct.tolerate("escaping deep link")  # Swagger UI's word to whoever opens a link with an underscore in it
    await open_docs(page, module.rest_url)
    await give_token(page, token())
    box = page.get_by_label("Token", exact=True)
    await box.fill("")
    await box.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("No token is sent.")
    await expect(await try_send_message(page)).to_contain_text('"code": "unauthenticated"')
    await give_token(page, token())
    assert await page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    await page.reload()
    await expect(box).to_have_value("")


async def test_it_works_behind_a_path(page: Page, module: RunningModule, conduct: Conduct) -> None:
    async with behind_a_path(module.rest_url) as url:
        await open_docs(page, url)
        await give_token(page, token())
        await expect(await try_send_message(page)).to_contain_text('"success": true')
        assert all(request.startswith((url, "data:")) for request in conduct.requests)


@asynccontextmanager
async def behind_a_path(target: str) -> AsyncIterator[str]:
    """A proxy that serves `target` below PREFIX."""
    async with aiohttp.ClientSession() as session:

        async def pass_on(request: web.Request) -> web.Response:
            url = target + request.path.removeprefix(PREFIX)
            headers = {name: value for name, value in request.headers.items() if name != "Host"}
            async with session.request(request.method, url, headers=headers, data=await request.read()) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
                return web.Response(body=await answer.read(), status=answer.status, headers=kept)

        app = web.Application()
        app.router.add_route("*", PREFIX + "/{path:.*}", pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}{PREFIX}"
        finally:
            await runner.cleanup()


async def test_without_script_the_operations_are_listed(open_page: OpenPage, module: RunningModule) -> None:
    page = await open_page(java_script_enabled=False)
    await page.goto(f"{module.rest_url}/docs")
    await expect(page.get_by_text("POST /api/v1/moderation/ban", exact=True)).to_be_visible()
    await expect(page.get_by_label("Token", exact=True)).to_be_hidden()


async def test_without_the_document_the_operations_are_listed(
    page: Page, module: RunningModule, conduct: Conduct
) -> None:
    conduct.tolerate("status of 503")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=503)

    await page.route("**/openapi.json", refuse)
    await page.goto(f"{module.rest_url}/docs")
    await expect(page.get_by_role("status")).to_contain_text("could not be read: status 503")
    await expect(page.get_by_text("POST /api/v1/moderation/ban", exact=True)).to_be_visible()


async def test_it_is_dark_where_that_is_preferred(page: Page, module: RunningModule) -> None:
    await page.emulate_media(color_scheme="dark")
    await page.goto(f"{module.rest_url}/docs")
    await expect(page.locator("html")).to_have_class("dark-mode")
    await page.emulate_media(color_scheme="light")
    await expect(page.locator("html")).not_to_have_class("dark-mode")


async def test_what_is_put_into_the_page_neither_runs_nor_loads(
    page: Page, module: RunningModule, conduct: Conduct
) -> None:
    conduct.tolerate("Content Security Policy")
    await open_docs(page, module.rest_url)
    broken = await page.evaluate(
        """async () => {
          const broken = [];
          document.addEventListener("securitypolicyviolation", (event) => broken.push(event.effectiveDirective));
          document.body.append(Object.assign(document.createElement("script"), { textContent: "window.hasRun = 1" }));
          document.body.append(Object.assign(new Image(), { src: "http://example.org/pixel.png" }));
          await fetch("http://example.org/").catch(() => {});
          while (broken.length < 3) await new Promise((done) => setTimeout(done, 10));
          return broken.sort();
        }"""
    )
    assert broken == ["connect-src", "img-src", "script-src-elem"]
    assert await page.evaluate("window.hasRun") is None
    conduct.requests.clear()  # what was refused is reported as asked for
