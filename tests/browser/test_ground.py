"""The ground the other tests stand on: what a page must not do is noticed."""

import pytest

from tests.browser.conduct import Conduct, is_local
from tests.browser.conftest import OpenPage
from tests.support.module import RunningModule


async def test_a_page_of_the_module_is_shown(open_page: OpenPage, module: RunningModule, conduct: Conduct) -> None:
    page = await open_page()
    await page.goto(f"{module.rest_url}/docs")
    assert "Discord" in await page.inner_text("body")
    assert conduct.requests[0] == f"{module.rest_url}/docs"


async def test_a_request_that_leaves_and_an_error_are_noticed(open_page: OpenPage, conduct: Conduct) -> None:
    page = await open_page()
    await page.set_content(
        "<img alt='' src='http://example.org/pixel.png'><script>console.error('oh'); lost()</script>"
    )
    await page.wait_for_load_state("networkidle")
    assert conduct.foreign_requests() == ["http://example.org/pixel.png"]
    found = conduct.unexpected_errors()
    assert any("oh" in error for error in found)
    assert any("lost is not defined" in error for error in found)
    conduct.requests.clear()
    conduct.tolerate("")


@pytest.mark.parametrize("url", ["http://127.0.0.1:80/x", "http://localhost/", "http://[::1]:8075/", "data:,x"])
def test_what_stays_on_the_machine(url: str) -> None:
    assert is_local(url)


@pytest.mark.parametrize("url", ["https://example.org/", "http://127.0.0.1.example.org/", "http://10.0.0.1/"])
def test_what_does_not(url: str) -> None:
    assert not is_local(url)
