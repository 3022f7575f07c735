"""The X-Audit-Log-Reason header (https://discord.com/developers/docs/resources/audit-log).

1-512 characters of percent-encoded UTF-8. Raw control or non-ASCII characters never reach Discord intact, so
they are refused here instead of being mangled.
"""

from urllib.parse import unquote_to_bytes

from sandbox.errors import DiscordError, JsonCode, refusal

MAX_REASON = 512
FIRST_PRINTABLE = 0x20
DELETE = 0x7F
INVALID = ("AUDIT_LOG_REASON_INVALID", "Invalid characters in audit log reason.")
BAD_LENGTH = ("BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {MAX_REASON} in length.")


def read_reason(header: str | None, problems: list[str]) -> str | None:
    """The decoded reason. Raises 50035 for a header Discord could not keep."""
    if header is None:
        return None
    if any(not FIRST_PRINTABLE <= ord(character) < DELETE for character in header):
        problems.append("X-Audit-Log-Reason is not percent-encoded")
        raise _refused(*INVALID)
    if "+" in header:
        problems.append("'+' in X-Audit-Log-Reason stays a plus sign; a space is %20")
    try:
        reason = unquote_to_bytes(header).decode()
    except UnicodeDecodeError:
        problems.append("X-Audit-Log-Reason does not decode as UTF-8")
        raise _refused(*INVALID) from None
    if not 1 <= len(reason) <= MAX_REASON:
        raise _refused(*BAD_LENGTH)
    return reason


def _refused(code: str, message: str) -> DiscordError:
    return refusal(JsonCode.INVALID_FORM, {"reason": {"_errors": [{"code": code, "message": message}]}})
