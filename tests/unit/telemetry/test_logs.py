import json
import logging
import socket
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from config import LogSettings, SyslogSettings
from services.redaction import Redactor
from services.telemetry import Event, RequestScope, configure_logging, get_logger, request_scope

log = get_logger("services.anything")


def configured(settings: LogSettings | None = None, redactor: Redactor | None = None) -> Any:
    return configure_logging(settings or LogSettings(), "module", "1.2.3", redactor or Redactor())


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_carries_its_event_its_fields_and_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    with configured(), request_scope(RequestScope("abc", "grpc")):
        log.info("action finished", event=Event.AUDIT, action="ban_user")
    (line,) = lines(capsys)
    assert (line["event"], line["action"], line["request_id"]) == ("AUDIT", "ban_user", "abc")
    assert (line["module"], line["version"], line["level"]) == ("module", "1.2.3", "INFO")


def test_every_level_and_the_least_that_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with configured(LogSettings(level="DEBUG")):
        log.debug("a")
        log.info("b")
        log.warning("c")
        log.error("d")
    assert [line["level"] for line in lines(capsys)] == ["DEBUG", "INFO", "WARNING", "ERROR"]
    with configured(LogSettings(level="ERROR")):
        log.warning("hidden")
        log.error("shown")
    assert [line["message"] for line in lines(capsys)] == ["shown"]


def test_an_exception_is_logged_with_its_type_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        try:
            raise ValueError("broken")  # noqa: TRY301 -- it needs a stack
        except ValueError:
            log.exception("failed", step="one")
    (line,) = lines(capsys)
    assert line["exception"]["type"] == "ValueError"
    assert line["exception"]["message"] == "broken"
    assert "test_logs.py" in line["exception"]["stack"]
    assert line["step"] == "one"


def test_libraries_join_from_warning_up(capsys: pytest.CaptureFixture[str]) -> None:
    with configured(LogSettings(level="INFO")):
        logging.getLogger("aiohttp.client").info("chatter")
        logging.getLogger("hypercorn.error").warning("took %d s", 5)
    (line,) = lines(capsys)
    assert (line["logger"], line["message"], line["event"]) == ("hypercorn.error", "took 5 s", "SYSTEM")


def test_pythons_warnings_join(capsys: pytest.CaptureFixture[str]) -> None:
    with configured(), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    (line,) = lines(capsys)
    assert (line["logger"], "DeprecationWarning: old" in line["message"]) == ("py.warnings", True)


def test_no_secret_reaches_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    redactor = Redactor()
    redactor.register("sandbox-bot-token")
    with configured(redactor=redactor):
        log.info("using sandbox-bot-token", url="/webhooks/1/abcdef", db="postgresql://u:pw@h/d")
        logging.getLogger("aiohttp").error("Authorization: Bot sandbox-bot-token")
    shown = capsys.readouterr().out
    assert "sandbox-bot-token" not in shown
    assert "abcdef" not in shown
    assert "u:pw" not in shown


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    with configured(LogSettings(format="text")):
        log.info("serving", rest_port=8070)
    assert capsys.readouterr().out.endswith(
        "INFO module:1.2.3 SYSTEM community=- user=- action=- result=- rest_port=8070 message=serving\n"
    )


def test_a_log_folder_and_syslog_get_a_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        syslog = SyslogSettings(host="127.0.0.1", port=server.getsockname()[1])
        with configured(LogSettings(directory=tmp_path / "logs", syslog=syslog)) as logs:
            log.info("copied")
        assert logs.problems == []
        assert b'"message":"copied"' in server.recv(10_000)
    assert (tmp_path / "logs" / "module.log").read_text() == capsys.readouterr().out


def test_what_cannot_be_used_is_said_and_the_rest_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    settings = LogSettings(directory=tmp_path / "file", syslog=SyslogSettings(host="no-such-host.invalid"))
    with configured(settings) as logs:
        log.info("goes on")
    assert [problem.split(":")[0] for problem in logs.problems] == ["LOG_DIR", "SYSLOG_HOST"]
    shown = lines(capsys)
    assert [line["level"] for line in shown] == ["ERROR", "ERROR", "INFO"]
    assert shown[0]["message"] == logs.problems[0]


def test_everything_is_as_before_afterwards() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("services").level, logging.logThreads)
    with configured(LogSettings(level="DEBUG")):
        assert root.handlers != before[0]
    assert (root.handlers[:], root.level, logging.getLogger("services").level, logging.logThreads) == before
    assert "log-writer" not in {thread.name for thread in threading.enumerate()}
