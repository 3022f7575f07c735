import logging
import socket
from pathlib import Path

import pytest

from config import SyslogSettings
from services.telemetry import sinks
from services.telemetry.sinks import RotatingFile, StandardOutput, Syslog

INFO = [logging.INFO]


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    sink = StandardOutput()
    sink.write([20, 20], [b"a\n", "ü\n".encode()])
    sink.close()
    assert capsys.readouterr().out == "a\nü\n"


def test_a_full_file_is_put_aside_and_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "LARGEST_FILE_BYTES", 10)
    path = tmp_path / "made" / "module.log"
    sink = RotatingFile(path)
    for number in range(20):
        sink.write(INFO, [b"line %02d\n" % number])
    sink.close()
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "module.log",
        *(f"module.log.{n}" for n in range(1, 6)),
    ]
    assert path.read_text() == "line 19\n"
    assert path.with_name("module.log.5").read_text() == "line 14\n"


def test_a_file_that_is_there_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "module.log"
    path.write_text("before\n")
    sink = RotatingFile(path)
    sink.write(INFO, [b"after\n"])
    sink.close()
    assert path.read_text() == "before\nafter\n"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        RotatingFile(tmp_path / "file" / "module.log")


@pytest.mark.parametrize(
    ("level", "severity"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 2)],
)
def test_syslog_receives_a_datagram_for_each_line(level: int, severity: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        sink = Syslog(SyslogSettings(host="127.0.0.1", port=server.getsockname()[1], facility="LOCAL3"), "module")
        sink.write([level], [b"a line\n"])
        sink.close()
        assert server.recv(1000) == b"<%d>module: a line" % (19 * 8 + severity)


def test_a_syslog_server_that_is_away_is_no_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    sink = Syslog(SyslogSettings(host="127.0.0.1", port=port), "module")
    for _ in range(3):
        sink.write(INFO, [b"lost\n"])
    sink.close()


def test_a_line_for_syslog_is_cut_to_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        sink = Syslog(SyslogSettings(host="127.0.0.1", port=server.getsockname()[1]), "module")
        sink.write(INFO, [b"x" * 60_000])
        sink.close()
        assert len(server.recv(65_536)) < 9_000
