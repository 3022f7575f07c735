import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.journal.frames import ATTEMPT, HEAD_BYTES, INTENT, MARKER, OUTCOME, Damage, Record, frame, records

PAYLOADS = [b'{"a":1}', b'{"text":"h\xc3\xa9llo"}', b"01a2", b'{"z":null}', b'{"last":"row"}']
WHOLE = b"".join(frame(INTENT, payload) for payload in PAYLOADS)
STARTS = [sum(len(payload) + HEAD_BYTES for payload in PAYLOADS[:number]) for number in range(len(PAYLOADS) + 1)]


def sound(stored: bytes, start: int = 0) -> list[bytes]:
    return [found.payload for found in records(stored, start) if isinstance(found, Record)]


def damages(stored: bytes) -> list[Damage]:
    return [found for found in records(stored) if isinstance(found, Damage)]


texts = st.text(min_size=1).map(lambda text: f'{{"{text}"}}'.encode())


@given(st.lists(st.tuples(st.sampled_from([INTENT, ATTEMPT, OUTCOME]), texts)), st.integers(0, 5000))
def test_what_is_framed_is_read_back_with_its_place(given: list[tuple[bytes, bytes]], zeros: int) -> None:
    stored = b"".join(frame(kind, payload) for kind, payload in given) + bytes(zeros)
    found = list(records(stored))
    assert [(each.kind, each.payload) for each in found if isinstance(each, Record)] == given
    assert damages(stored) == []
    for each in found:
        assert sound(stored, each.start)[0] == stored[each.start + HEAD_BYTES : each.end]


@pytest.mark.parametrize("zeros", [0, 100])
def test_a_last_record_torn_at_any_byte_costs_itself_alone(zeros: int) -> None:
    for end in range(STARTS[-2], STARTS[-1]):
        stored = WHOLE[:end] + bytes(zeros)
        assert sound(stored) == PAYLOADS[:-1], end
        assert all(damage.is_tail for damage in damages(stored)), end


@pytest.mark.parametrize("flip", [0xFF, 0x01, 0x80])
def test_a_damaged_byte_anywhere_costs_its_record_alone(flip: int) -> None:
    for place in range(len(WHOLE)):
        stored = bytearray(WHOLE)
        stored[place] ^= flip
        hit = max(number for number, start in enumerate(STARTS) if start <= place)
        assert sound(bytes(stored)) == PAYLOADS[:hit] + PAYLOADS[hit + 1 :], place
        (damage,) = damages(bytes(stored))
        assert (damage.start, damage.is_tail) == (STARTS[hit], hit == len(PAYLOADS) - 1)


def test_a_hole_of_any_size_costs_what_it_touches_alone() -> None:
    for start in range(0, len(WHOLE), 7):
        for size in (1, 5, 12, 40):
            stored = WHOLE[:start] + bytes(size) + WHOLE[start + size :]
            lost = {n for n in range(len(PAYLOADS)) if STARTS[n] < start + size and STARTS[n + 1] > start}
            expected = [payload for number, payload in enumerate(PAYLOADS) if number not in lost]
            missing = [payload for payload in expected if payload not in sound(stored)]
            assert missing == [], (start, size)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_whatever_stands_around_a_record_it_is_found(before: bytes, after: bytes) -> None:
    stored = before + MARKER + before + frame(OUTCOME, b'{"sound":true}') + after
    assert b'{"sound":true}' in sound(stored)


@given(st.binary(max_size=2000))
def test_no_record_is_read_out_of_noise(noise: bytes) -> None:
    assert sound(noise) == []
    assert sum(damage.end - damage.start for damage in damages(noise)) == len(noise.rstrip(b"\0"))


def test_a_length_beyond_the_file_is_damage_and_not_a_wait() -> None:
    huge = bytearray(frame(INTENT, b"{}"))
    huge[4:8] = b"\xff\xff\xff\xff"
    assert sound(bytes(huge) + WHOLE) == PAYLOADS
