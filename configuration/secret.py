"""The one type of what nobody may read: the bot's token, keys, URLs with a password in them."""

from typing import Any, Never, Self

from pydantic import SecretStr


class Secret(SecretStr):
    """A text without a printed form: `**********` in repr, str, f-strings, JSON and pydantic's dumps.

    Only `get_secret_value` gives it. It is not pickled, which would write it out: that raises TypeError. A copy is the
    secret itself.
    """

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("a secret is not pickled")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self
