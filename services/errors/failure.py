"""A failure as plain values, before either protocol writes it."""

from dataclasses import dataclass
from typing import Final

from services.errors.codes import ErrorCode, OutcomeKind

LONGEST_NAME: Final = 64
DEEPEST_PATH: Final = 8


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field: where it is, and which bound it breaks."""

    path: tuple[str | int, ...]
    detail: str

    @property
    def pointer(self) -> str:
        """The field as a JSON pointer in a URI fragment (RFC 6901), such as `#/embed/fields/0/name`."""
        return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)

    def shortened(self) -> "Violation":
        """The same with names cut to a length that can be shown: a caller may have made them up."""
        path = tuple(part if isinstance(part, int) else part[:LONGEST_NAME] for part in self.path[:DEEPEST_PATH])
        return Violation(path, self.detail)

    @property
    def field(self) -> str:
        """The field as google.rpc.BadRequest names it, such as `embed.fields[0].name`."""
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return dotted.removeprefix(".")


@dataclass(frozen=True, slots=True)
class DiscordSaid:
    """Discord's own words: its HTTP status and its JSON error code (0 when the body named none)."""

    status: int
    code: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as both protocols write it."""

    code: ErrorCode
    detail: str
    outcome: OutcomeKind
    is_retryable: bool
    retry_after_seconds: float | None = None
    violations: tuple[Violation, ...] = ()
    discord: DiscordSaid | None = None
    action_id: str | None = None
    replayed: bool = False

    @property
    def detail_for_log(self) -> str:
        """The detail without names of fields: a caller makes them up, and what its body says is not logged."""
        return f"{len(self.violations)} bad fields" if self.violations else self.detail
