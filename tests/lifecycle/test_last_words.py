"""A test that fails beside a running program tells what that program said, and where it stood."""

import pytest

from sandbox import Sandbox
from tests.support.last_words import last_words
from tests.support.module import environment
from tests.support.process import serving_program


async def test_a_failure_tells_what_the_program_said_and_where_it_stood(sandbox: Sandbox, sqlite_url: str) -> None:
    with pytest.raises(AssertionError, match="on purpose"):
        async with serving_program(environment(sandbox, sqlite_url)) as started:
            raise AssertionError("on purpose")
    (told,) = [said for name, said in last_words() if f"program {started.process.pid}, which ended" in name]
    assert '"message":"serving"' in told
    assert "Current thread" in told
