"""How much the interpreter's search for cyclic garbage may cost while the module serves.

A full search looks through everything there is. Most of that was built at the start and lives until the end, and one
look through it holds up the event loop for a fifth of a second. So what is there when serving begins is left out, and
the search among young objects comes less often than by default: an action's objects are nearly all gone by then
without any search. At the end everything is looked through again, so that what was leaked is still reported.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

YOUNG_OBJECTS: Final = 10_000
"""So many more objects made than gone start a search among the young ones; the default is a fifth of it."""


@contextmanager
def lasting_objects_spared() -> Iterator[None]:
    """Leaves what is there now out of every search, for the length of the block."""
    young, *older = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
        gc.unfreeze()
