"""Keeps redis-py from loading OpenTelemetry.

redis-py counts its commands with OpenTelemetry and loads the SDK of it wherever that is installed, asked or not: some
twenty megabytes and a twentieth of a second at every start. The SDK is installed with this module, for traces, and
traces are off by default. Nothing of those counts is used here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Lets imports in the block find no such package, unless it is loaded already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # how Python says that there is none
    try:
        yield
    finally:
        del sys.modules[package]
