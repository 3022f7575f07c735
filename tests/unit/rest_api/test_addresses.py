from ipaddress import ip_network

import pytest

from services.rest_api.addresses import origin

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "found"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("fd00::1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "2001:0db8:0:0::7", "2001:db8::7"),
        ("unknown", "203.0.113.9", "unknown"),
    ],
)
def test_the_rightmost_that_is_no_proxy_is_the_caller(peer: str, forwarded_for: str, found: str) -> None:
    assert origin(peer, forwarded_for, PROXIES) == found


@pytest.mark.parametrize(
    ("peer", "forged", "found"),
    [
        # a stranger's own header
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1, 10.0.0.2", "203.0.113.9"),
        # a stranger's header that a proxy has added to
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "127.0.0.1, 10.0.0.9, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", ",,, ,203.0.113.9", "203.0.113.9"),
        # what no proxy writes: the last hop that can be read is as far as it goes
        ("10.0.0.1", "203.0.113.9, evil", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, ", "10.0.0.1"),
        ("10.0.0.1", "[::1", "10.0.0.1"),
        ("10.0.0.1", "0x7f000001", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9\x00", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4:5:6", "10.0.0.1"),
    ],
)
def test_a_forged_header_moves_nobody(peer: str, forged: str, found: str) -> None:
    assert origin(peer, forged, PROXIES) == found


def test_without_trusted_proxies_nothing_is_believed() -> None:
    assert origin("10.0.0.1", "203.0.113.9", ()) == "10.0.0.1"
