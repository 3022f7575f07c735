"""What an answer of Discord's means. Pure: status, headers and body in, a Reply or a Problem out.

- A 2xx is a success only if it holds what the call reads. A page of HTML, half a body or a body without an id is
  none: the action may have happened, and its fruit is lost. Where nothing is read, an object that is cut short and an
  answer that ends after its head are successes too; a page or anything else is none, because Discord did not write it.
- A 5xx never says whether the action happened, except with the few codes that say it did not
  (`error_codes.STANDSTILLS`). Nor does a 408 without a code of Discord's: what stands before Discord writes it, and
  may have handed the request on.
- A 401 is the bot token's fault only on a request that carried it, and only with the codes that say so, or without
  any words where Discord's own proxy sent it. On a webhook's request it is the webhook's.
- Cloudflare stands before Discord. A redirect, 40333, and a 401, 403 or 429 that is not in Discord's form are not
  Discord's, which never saw the request:
  https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans.
"""

from typing import Final

from pydantic import ValidationError

from services.discord.error_body import ErrorBody, seconds_of
from services.discord.error_codes import (
    BLOCKED_BY_CLOUDFLARE,
    BOT_TOKEN_CODES,
    BY_DISCORD_CODE,
    COOL_DOWNS,
    INVALID_WEBHOOK_TOKEN,
    STANDSTILLS,
    error_code,
)
from services.discord.problems import Kind, Problem
from services.discord.rate_limit.port import Observation
from services.discord.raw_reply import RawReply
from services.errors import (
    ActionError,
    BotTokenInvalid,
    DiscordRejected,
    DiscordSaid,
    DiscordUnavailable,
    ErrorCode,
    OutcomeKind,
    OutcomeUnknown,
    RateLimited,
)
from services.ports import Call, Reply, ReplyBody
from services.redaction import Redactor

NOT_MODIFIED: Final = 304
UNAUTHORIZED: Final = 401
REQUEST_TIMEOUT: Final = 408
TOO_MANY_REQUESTS: Final = 429

# How long to wait where an answer asks for patience and does not say how much.
LIMITED_SECONDS: Final = 1.0
STANDSTILL_SECONDS: Final = 5.0
COOL_DOWN_SECONDS: Final = 10.0
BLOCKED_SECONDS: Final = 60.0


def read(raw: RawReply, seen: Observation, call: Call, redactor: Redactor) -> Reply | Problem:
    """What the answer means for the call it answers; `seen` is what it says about limits.

    Discord's words are passed on, without the credentials that `redactor` knows and those in the call's path.
    """
    if 200 <= raw.status < 300:
        return _success(raw, call.reads) or _unreadable(raw, redactor)
    return _failure(raw, seen, call, redactor)


def _success(raw: RawReply, shape: type[ReplyBody] | None) -> Reply | None:
    if shape is None:
        return Reply(raw.status) if _may_be_discords(raw) else None
    try:
        return Reply(raw.status, shape.model_validate_json(raw.body or b""))
    except ValidationError:
        return None


def _may_be_discords(raw: RawReply) -> bool:
    """Whether a success is one of Discord's, as far as it arrived."""
    if raw.body:
        return raw.body.lstrip()[:1] in {b"{", b""}
    return not raw.headers.get("Content-Type", "").startswith("text/")


def _unreadable(raw: RawReply, redactor: Redactor) -> Problem:
    """A success without what was asked for. "Index not ready" comes as a 202, too."""
    body = ErrorBody.of(raw, redactor)
    if body.code in STANDSTILLS:
        return _standstill(raw, body)
    error = OutcomeUnknown("Discord's answer could not be read.", discord=_said(raw, body))
    return Problem(Kind.IN_DOUBT, error)


def _failure(raw: RawReply, seen: Observation, call: Call, redactor: Redactor) -> Problem:
    body = ErrorBody.of(raw, redactor, secret=call.parts.get("webhook_token"))
    if _is_cloudflares(raw, seen, body):
        return _blocked(raw, body)
    if raw.status == TOO_MANY_REQUESTS:
        return Problem(Kind.LIMITED, _limited(raw, body, LIMITED_SECONDS))
    if body.code in STANDSTILLS:
        return _standstill(raw, body)
    if raw.status >= 500 or (raw.status == REQUEST_TIMEOUT and not body.code):
        return _server_error(raw, body)
    return Problem(Kind.REFUSED, _refusal(raw, body, call))


def _is_cloudflares(raw: RawReply, seen: Observation, body: ErrorBody) -> bool:
    """304 is Discord's own and means that no action was taken."""
    is_redirect = 300 <= raw.status < 400 and raw.status != NOT_MODIFIED
    is_foreign = raw.status == UNAUTHORIZED and not (seen.is_discords or _speaks_as_discord(body))
    return is_redirect or is_foreign or seen.scope == "cloudflare" or body.code == BLOCKED_BY_CLOUDFLARE


def _speaks_as_discord(body: ErrorBody) -> bool:
    return body.is_json and (body.code in BOT_TOKEN_CODES or body.code in BY_DISCORD_CODE)


def _blocked(raw: RawReply, body: ErrorBody) -> Problem:
    error = DiscordUnavailable(
        "Cloudflare, or whatever stands before Discord, turned the request away.",
        outcome=OutcomeKind.NOT_SENT,
        discord=_said(raw, body),
        retry_after_seconds=_patience(raw, body, BLOCKED_SECONDS),
    )
    return Problem(Kind.REFUSED, error)


def _standstill(raw: RawReply, body: ErrorBody) -> Problem:
    error = DiscordUnavailable(
        _sentence("Discord cannot do this right now", body),
        outcome=OutcomeKind.NOT_SENT,
        discord=_said(raw, body),
        retry_after_seconds=_patience(raw, body, STANDSTILL_SECONDS),
    )
    return Problem(Kind.STANDSTILL, error)


def _server_error(raw: RawReply, body: ErrorBody) -> Problem:
    error = OutcomeUnknown(
        f"Discord failed with {raw.status}; it may have carried the action out.", discord=_said(raw, body)
    )
    error.retry_after_seconds = _retry_after(raw)
    return Problem(Kind.IN_DOUBT, error, is_discord_well=False)


def _limited(raw: RawReply, body: ErrorBody, otherwise_seconds: float) -> RateLimited:
    seconds = _patience(raw, body, otherwise_seconds)
    error = RateLimited(_sentence("A limit of Discord's is reached", body), retry_after_seconds=seconds)
    error.discord = _said(raw, body)
    error.outcome = OutcomeKind.REJECTED
    return error


def _refusal(raw: RawReply, body: ErrorBody, call: Call) -> ActionError:
    if raw.status == UNAUTHORIZED and (call.is_webhook or body.code == INVALID_WEBHOOK_TOKEN):
        return _rejected(ErrorCode.DISCORD_UNKNOWN_WEBHOOK, raw, body)
    if raw.status == UNAUTHORIZED and body.code in BOT_TOKEN_CODES:
        return BotTokenInvalid(discord=_said(raw, body))
    if body.code in COOL_DOWNS:
        return _limited(raw, body, COOL_DOWN_SECONDS)
    return _rejected(error_code(body.code, raw.status), raw, body)


def _rejected(code: ErrorCode, raw: RawReply, body: ErrorBody) -> DiscordRejected:
    detail = _sentence(code.title, body)
    return DiscordRejected(code, detail, discord=_said(raw, body), violations=body.violations)


def _said(raw: RawReply, body: ErrorBody) -> DiscordSaid:
    return DiscordSaid(raw.status, body.code)


def _sentence(title: str, body: ErrorBody) -> str:
    return f"{title}: {body.message} ({body.code})" if body.message else f"{title}."


def _patience(raw: RawReply, body: ErrorBody, otherwise_seconds: float) -> float:
    """The longer of what header and body ask for."""
    asked = [seconds for seconds in (_retry_after(raw), body.retry_after_seconds) if seconds is not None]
    return max(asked, default=otherwise_seconds)


def _retry_after(raw: RawReply) -> float | None:
    try:
        return seconds_of(float(raw.headers.get("Retry-After", "")))
    except ValueError:
        return None
