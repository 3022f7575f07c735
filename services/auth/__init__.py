"""Who asks: tokens verified and issued."""

from services.auth.attempts import TokenAttempts
from services.auth.certificates import CertificateCallers
from services.auth.issuer import RegisteredClientTokens
from services.auth.operator import operator_token
from services.auth.quotas import ClientQuotas
from services.auth.refusal_quotas import RefusalQuotas
from services.auth.verifier import TokenVerifier
from services.auth.windows import SharedWindows, Windows

__all__ = [
    "CertificateCallers",
    "ClientQuotas",
    "RefusalQuotas",
    "RegisteredClientTokens",
    "SharedWindows",
    "TokenAttempts",
    "TokenVerifier",
    "Windows",
    "operator_token",
]
