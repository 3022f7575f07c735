"""Which servers are too old, and that a start does not depend on it."""

import pytest

from services.redis_link import note_version, versions
from services.redis_link.versions import is_too_old, version_in
from tests.support.keys import link_to
from tests.support.programs import free_port


@pytest.mark.parametrize("version", ["6.0.0", "6.2.14", "7.2.4", "10.0", "255.255.255", "", "unstable"])
def test_it_is_new_enough(version: str) -> None:
    assert not is_too_old(version)


@pytest.mark.parametrize("version", ["5.0.14", "2.8.0", "4.0"])
def test_it_is_too_old(version: str) -> None:
    assert is_too_old(version)


async def test_the_server_of_these_tests_says_its_version_and_is_new_enough(
    valkey_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with link_to(valkey_url) as link:
        assert version_in(await link.do("HELLO"))[0].isdigit()
        await note_version(link)
    assert caplog.text == ""


async def test_of_an_older_one_there_is_a_warning(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(versions, "OLDEST", (99, 0))
    async with link_to(valkey_url) as link:
        await note_version(link)
    assert "redis is too old; 6.0 or later is needed" in caplog.text


async def test_one_that_is_away_is_not_asked(caplog: pytest.LogCaptureFixture) -> None:
    async with link_to(f"redis://127.0.0.1:{free_port()}/0") as link:
        await note_version(link)
    assert "version" not in caplog.text
