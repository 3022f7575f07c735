"""A short-lived token for the operator at this machine, who holds the key anyway."""

from datetime import UTC, datetime
from typing import Final

import jwt

from config import AuthSettings
from services.ports import Scope

OPERATOR: Final = "operator"
LIFETIME_SECONDS: Final = 60


def operator_token(settings: AuthSettings, scope: Scope) -> str:
    """A token that is good for one scope and a minute."""
    issued = int(datetime.now(UTC).timestamp())
    claims = {"client_id": OPERATOR, "iat": issued, "exp": issued + LIFETIME_SECONDS, "scope": scope.value}
    return jwt.encode(claims, settings.secret_key.get_secret_value(), settings.algorithm)
