"""Who asks: tokens verified and issued."""

from services.auth.issuer import RegisteredClientTokens
from services.auth.operator import operator_token
from services.auth.verifier import TokenVerifier

__all__ = ["RegisteredClientTokens", "TokenVerifier", "operator_token"]
