"""Whole numbers, as JSON has them: 600 and 600.0 are the same number, 600.5 and "600" are none."""

from typing import Final

from pydantic import BeforeValidator


def read_whole(raw: object) -> object:
    """`raw` as an int where it is a float without a fraction; anything else as it is."""
    return int(raw) if isinstance(raw, float) and raw.is_integer() else raw


Whole: Final = BeforeValidator(read_whole)
