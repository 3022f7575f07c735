"""What a second request of the same kind would do, in words: for the OpenAPI document and API.md."""

from collections.abc import Mapping
from typing import Final

from services.ports import Repeat

REPEATS: Final[Mapping[Repeat, str]] = {
    Repeat.SAME_EFFECT: "A repeat has the same effect and succeeds again, so an unclear attempt of ours is repeated.",
    Repeat.ALREADY_DONE: "A repeat changes nothing more, so an unclear attempt of ours is repeated; that Discord then "
    "finds nothing left to do counts as done.",
    Repeat.WITH_NONCE: "A repeat with the same nonce is dropped by Discord for a few minutes, so an unclear attempt of "
    "ours is repeated within its deadline. A second request of yours posts a second message, unless it carries the "
    "same idempotency key.",
    Repeat.NEVER: "A repeat would act twice, so an unclear attempt is not repeated: the answer is `outcome_unknown`.",
}
