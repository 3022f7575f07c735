"""Nobody can write a log line, or a field of one, in the module's name: whatever a caller sends stays inside its value.

What a line says is read back here as strictly as a collector would: with a grammar of its own, not with the renderer's.
"""

import json
import logging
import re
import socket
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import LogSettings, SyslogSettings
from services.redaction import Redactor
from services.telemetry import Event, RequestScope, configure_logging, get_logger, request_scope
from services.telemetry.render import Entry, Renderer

FORGED = "[2026-01-01T00:00:00.000Z] INFO module:1 AUTH community=- user=root action=- result=issued"
ATTACKS = (
    f"x\n{FORGED}",
    f"x\r\n{FORGED}",
    f"x\x85{FORGED}",
    f"x\u2028{FORGED}\u2029",
    f"x\x0b{FORGED}\x0c\x1c\x1d\x1e",
    '{"event":"AUTH"}\n{"event":"AUTH","result":"issued"}',
    "ban_user result=delivered user=root",
    'ban_user" result=delivered user="root',
    "ban_user\\",
    'ban_user\\" result=delivered \\"',
    "a=b",
    "=",
    "",
    "-",
    "\x00\x07\x08",
    "\x1b[2J\x1b[1;1Hclean screen\x1b]0;title\x07",
    "\x9b2J",
    "\u202eresult=delivered\u202c",
    "\u200b\u2060\ufeff\U000e0041",
    "%0A%0Dresult=delivered",
    "${jndi:ldap://127.0.0.1/x}",
    "\ud800",
    "ünïcödé 😀",
)

LINE = re.compile(
    r"\[(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\] (?P<level>[A-Z]+) (?P<module>[\w.-]+):(?P<version>[\w.-]+) "
    r"(?P<event>AUTH|AUTHZ|AUDIT|ERROR|SYSTEM)(?P<words>(?: [^ ].*)?)"
)
WORD = re.compile(r' (?P<name>"(?:[^"\\]|\\.)*"|[^ "=]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^ "=]*(?=$| ))')


def words_of(line: str) -> dict[str, str]:
    """The fields of a text line; every character has to belong to one of them, and none may come twice."""
    found = LINE.fullmatch(line)
    assert found is not None, line
    words: dict[str, str] = {}
    position = 0
    while position < len(found["words"]):
        word = WORD.match(found["words"], position)
        assert word is not None, found["words"][position:]
        name, value = (json.loads(part) if part.startswith('"') else part for part in word.group("name", "value"))
        assert name not in words
        words[name] = value
        position = word.end()
    return words


def is_harmless(character: str) -> bool:
    """Whether it neither moves a cursor, nor breaks a line, nor hides."""
    return unicodedata.category(character) not in {"Cc", "Cf", "Zl", "Zp", "Cs"}


def as_written(text: str) -> str:
    """What of a text can be written: JSON has no lone surrogates, and tags for languages are left out."""
    whole = text.encode("utf-8", "backslashreplace").decode()
    return "".join(character for character in whole if character < "\U000e0000")


def written(form: str, entry: Entry) -> str:
    line = Renderer("module", "1.2.3", form, Redactor()).line(entry).decode()
    assert line.splitlines(keepends=True) == [line]
    assert all(is_harmless(character) for character in line[:-1]), line
    return line[:-1]


def entry(message: str = "action", **fields: Any) -> Entry:
    return Entry(1_790_000_000.0, logging.INFO, Event.AUDIT, message, fields, None, None)


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
@pytest.mark.parametrize("field", ["caller", "guild", "action", "result", "request_id", "detail"])
def test_a_value_stays_inside_its_field(attack: str, field: str) -> None:
    known = {"caller": "shop", "guild": "1", "action": "ban_user", "result": "rejected", "request_id": "r"}
    shown = {"caller": "user", "guild": "community"}
    words = words_of(written("text", entry(**known | {field: attack})))
    expected = {shown.get(name, name): text for name, text in (known | {field: as_written(attack)}).items()}
    assert words == expected | {"message": "action"}
    line = json.loads(written("json", entry(**known | {field: attack})))
    assert line[field] == as_written(attack)
    assert (line["event"], line["level"], line["module"]) == ("AUDIT", "INFO", "module")


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_a_message_and_a_name_stay_what_they_are(attack: str) -> None:
    words = words_of(written("text", entry(f"said {attack}", **{f"n{attack}": "1"})))
    assert words["message"] == as_written(f"said {attack}")
    assert words[as_written(f"n{attack}")] == "1"
    line = json.loads(written("json", entry(f"said {attack}", **{f"n{attack}": "1"})))
    assert line["message"] == as_written(f"said {attack}")


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_an_exception_that_quotes_its_input(attack: str, form: str) -> None:
    try:
        raise ValueError(attack)  # noqa: TRY301 -- it needs a stack
    except ValueError as error:
        line = written(form, entry(caller="x")._replace(exception=error))
    if form == "json":
        assert json.loads(line)["exception"]["message"] == as_written(attack)
    else:
        assert f"ValueError: {as_written(attack)}".removesuffix(": ") in words_of(line)["exception"]


@pytest.mark.parametrize("name", ["community", "user", "result", "message", "time", "level", "event", "module"])
def test_a_field_of_that_name_does_not_take_the_place_of_ours(name: str) -> None:
    words = words_of(written("text", entry(caller="shop", **{name: "forged"} if name != "message" else {})))
    assert words["user"] == "shop"
    assert words["message"] == "action"
    line = json.loads(written("json", entry(caller="shop", **{name: "forged"} if name != "message" else {})))
    assert (line["event"], line["message"], line["caller"]) == ("AUDIT", "action", "shop")


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_a_value_with_parts_is_one_value(attack: str) -> None:
    parts = {"a": attack, "b": [attack, f" user={attack} "]}
    words = words_of(written("text", entry(row=parts)))
    assert list(words) == ["community", "user", "action", "result", "row", "message"]
    assert json.loads(words["row"])["a"] == as_written(attack)


@given(st.text(), st.dictionaries(st.text().map("x{}".format), st.text(), max_size=4))
def test_any_text_stays_in_its_place(message: str, fields: dict[str, Any]) -> None:
    what = Entry(1_790_000_000.0, logging.INFO, Event.AUDIT, message, fields, None, None)
    words = words_of(Renderer("module", "1.2.3", "text", Redactor()).line(what).decode()[:-1])
    assert len(words) == len(fields) + len(["community", "user", "action", "result", "message"])


def test_a_whole_attack_through_every_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        syslog = SyslogSettings(host="127.0.0.1", port=server.getsockname()[1])
        settings = LogSettings(directory=tmp_path, syslog=syslog, format="text")
        scope = RequestScope.of("rest", f"id\n{FORGED}", None)
        with configure_logging(settings, "module", "1.2.3"), request_scope(scope):
            get_logger("services.any").refused("request refused", code="unauthenticated", detail=f"x\n{FORGED}")
            logging.getLogger("aiohttp").error("bad line: %s", f"x\n{FORGED}")
        datagrams = [server.recv(65_536).decode() for _ in range(2)]
    ours, theirs = (tmp_path / "module.log").read_text().splitlines()
    assert capsys.readouterr().out.splitlines() == [ours, theirs]
    assert [datagram.split(": ", 1)[1] for datagram in datagrams] == [ours, theirs]
    assert words_of(ours)["user"] == "-"
    assert words_of(ours)["detail"] == f"x\n{FORGED}"
    assert words_of(theirs)["message"] == f"bad line: x\n{FORGED}"
    assert [LINE.fullmatch(line)["event"] for line in (ours, theirs)] == ["AUTH", "ERROR"]  # type: ignore[index]
