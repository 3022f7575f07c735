"""What the programs beside a test said last, for its report when it fails.

A failure that comes once in a hundred runs, on a machine that is gone by then, has to be understood from its report.
"""

from typing import Protocol


class Speaker(Protocol):
    """A program that a test started."""

    @property
    def name(self) -> str: ...

    @property
    def is_running(self) -> bool: ...

    def last_words(self) -> str:
        """The end of what it said."""


_speakers: list[Speaker] = []


def listen_to(speaker: Speaker) -> None:
    """Remembers a program until it has ended and the next test begins."""
    if speaker not in _speakers:
        _speakers.append(speaker)


def forget_the_ended() -> None:
    """Forgets the programs of the tests before."""
    _speakers[:] = [speaker for speaker in _speakers if speaker.is_running]


def last_words() -> list[tuple[str, str]]:
    """Of each program its name, and what it said last."""
    return [(f"last words of {speaker.name}", speaker.last_words()) for speaker in _speakers]
