import logging
import socket

import pytest

from config import SyslogSettings
from services.telemetry.sinks import LARGEST_DATAGRAM_BYTES, LinesLost, StandardOutput, Syslog

INFO = [logging.INFO]


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    sink = StandardOutput()
    sink.write([20, 20], [b"a\n", "ü\n".encode()])
    sink.close()
    assert capsys.readouterr().out == "a\nü\n"


@pytest.mark.parametrize(
    ("level", "severity"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 2)],
)
def test_syslog_receives_a_datagram_for_each_line(level: int, severity: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
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


def test_a_line_for_syslog_is_cut_to_a_datagram_between_two_characters() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        sink = Syslog(SyslogSettings(host="127.0.0.1", port=server.getsockname()[1]), "module")
        for shift in range(4):
            sink.write(INFO, [b"x" * shift + "😀".encode() * 20_000])
            received = server.recv(65_536)
            assert LARGEST_DATAGRAM_BYTES - 4 < len(received) <= LARGEST_DATAGRAM_BYTES
            assert received.decode().endswith("😀")
        sink.close()


def test_what_syslog_does_not_take_is_counted() -> None:
    sink = Syslog(SyslogSettings(host="127.0.0.1", port=9), "module")
    sink.close()
    with pytest.raises(LinesLost) as lost:
        sink.write([20] * 3, [b"1\n", b"2\n", b"3\n"])
    assert lost.value.count == 3
