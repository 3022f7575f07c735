"""/docs and what it is made of: alone on its origin, kept by its readers, and none of it held in memory."""

import re
from collections.abc import Mapping

import aiohttp
import pytest

from services.rest_api.documents import DOCS_FILES, PIECE_BYTES
from services.rest_api.openapi import openapi_document
from tests.unit.rest_api.house import Answer, House
from tests.unit.rest_api.test_server import serving
from tools import swagger_ui

DOCUMENTS = ["/", "/openapi.json", "/docs", *(f"/docs/{name}" for name in DOCS_FILES)]


async def ask(path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    return await House().send(method, path, headers)


async def test_the_page_asks_nobody_but_its_own_origin() -> None:
    answer = await ask("/docs")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    page = answer.body.decode()
    assert re.findall(r"<script(?! src=\"docs/[\w.-]+\" defer></script>)", page) == []
    assert "style=" not in page
    assert " on" not in " ".join(re.findall(r"<[^>]*>", page))  # no event attribute


async def test_every_file_the_page_names_is_served_from_beside_it() -> None:
    page = (await ask("/docs")).body.decode()
    named = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert len(named) == 6
    for address in set(named) - {"data:,"}:
        assert not address.startswith(("/", "http"))  # relative: it works below a proxy's path
        assert (await ask(f"/{address}")).status == 200


async def test_the_operations_are_listed_where_no_script_runs() -> None:
    page = (await ask("/docs")).body.decode()
    for path, methods in openapi_document("1.2.3")["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page


async def test_the_script_starts_nothing_that_asks_elsewhere() -> None:
    script = (await ask("/docs/docs.js")).body.decode()
    assert "validatorUrl: null" in script
    assert "persistAuthorization: false" in script
    assert "Storage" not in script
    assert re.findall(r"https?:", script) == []


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_what_a_reader_has_already_is_not_sent_again(path: str) -> None:
    first = await ask(path)
    assert (first.status, first.headers["Cache-Control"]) == (200, "no-cache")
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    tag = first.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{64}"', tag)
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await ask(path, headers={"If-None-Match": known})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert (await ask(path, headers={"If-None-Match": '"other"'})).body == first.body


async def test_on_the_wire_neither_head_nor_304_has_content() -> None:
    async with serving(House()) as server, aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
        for path in DOCUMENTS:
            async with session.get(path) as whole, session.head(path) as head:
                size = len(await whole.read())
                assert (head.status, head.content_length, await head.read()) == (200, size, b"")
                assert (head.headers["ETag"], head.content_type) == (whole.headers["ETag"], whole.content_type)
            async with session.get(path, headers={"If-None-Match": head.headers["ETag"]}) as again:
                assert (again.status, await again.read()) == (304, b"")
                assert "Content-Type" not in again.headers


async def test_two_files_have_two_tags() -> None:
    tags = [(await ask(path)).headers["ETag"] for path in DOCUMENTS]
    assert len(set(tags)) == len(DOCUMENTS)


async def test_a_file_comes_in_pieces() -> None:
    async with House().client.request("/docs/swagger-ui-bundle.js") as connection:
        await connection.send_complete()
        first = await connection.receive()
    assert len(first) == PIECE_BYTES


@pytest.mark.parametrize("name", ["nothing.js", "README.md", "..", "%2e%2e%2fdocs_page.py", "docs.js%00"])
async def test_only_the_files_of_the_page_are_served(name: str) -> None:
    answer = await ask(f"/docs/{name}")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_the_files_of_swagger_ui_are_as_they_were_published() -> None:
    assert swagger_ui.changed() == []


def test_a_changed_file_of_swagger_ui_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swagger_ui, "digest", lambda path: "0" * 64)
    assert swagger_ui.changed() == list(swagger_ui.FILES)
