"""What is there when serving begins is left out of every search for garbage, and looked through again at the end."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from services.lifecycle.garbage import YOUNG_OBJECTS, lasting_objects_spared


class Knot:
    """Refers to itself, so that only a search finds out that nobody else does."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _no_search_by_itself() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_garbage_from_before_is_found_once_serving_has_ended() -> None:
    knot = weakref.ref(Knot())
    with lasting_objects_spared():
        gc.collect()
        assert knot() is not None
    gc.collect()
    assert knot() is None


def test_garbage_of_the_meantime_is_found_at_once() -> None:
    with lasting_objects_spared():
        knot = weakref.ref(Knot())
        gc.collect()
        assert knot() is None


def test_the_interpreters_own_measure_is_given_back() -> None:
    before = gc.get_threshold()
    with lasting_objects_spared():
        assert gc.get_threshold()[0] == YOUNG_OBJECTS
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
