"""From a request that was read to the answer it gets, in the order Discord checks things.

Cloudflare first (banned address, User-Agent), then the path, the credential, the limits, the ids in the path,
the body, and last the endpoint. Nothing here waits: a request is judged and applied in one step.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.call import JSON_TYPE, Answer, Call
from sandbox.errors import DiscordError, JsonCode, bare_refusal, refusal
from sandbox.limits.addresses import Addresses, cloudflare_429
from sandbox.limits.limiter import Limiter
from sandbox.recorder import RecordedRequest
from sandbox.routes import Match, Route
from sandbox.state import World
from sandbox.validation.audit_reason import read_reason
from sandbox.validation.form import Violations, is_snowflake

USER_AGENT = re.compile(r"DiscordBot \([^,()]+, [^()]+\)")
LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Body:
    """A body after reading: its JSON, or the error that it is none or too long."""

    size: int
    value: Any = None
    error: DiscordError | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in."""

    match: Match
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: Body
    address: str


class Pipeline:
    """Judges requests and applies them to the world."""

    def __init__(self, world: World, limiter: Limiter, addresses: Addresses) -> None:
        self.world = world
        self._limiter = limiter
        self._addresses = addresses

    def answer(self, received: Received, record: RecordedRequest) -> Answer:
        """The answer; everything found is noted in `record`."""
        headers: dict[str, str] = {}
        try:
            answer = self._before_discord(received) or self._by_discord(received, record, headers)
        except DiscordError as error:
            answer = Answer(error.status, error.as_json())
        except Exception:
            log.exception("the sandbox failed on %s %s", record.method, record.path)
            record.problems.append("the sandbox itself failed: see its log")
            answer = Answer(500, bare_refusal(500, "Internal Server Error").as_json())
        answer.headers = headers | answer.headers
        return answer

    def authorization(self, headers: Mapping[str, str]) -> str:
        """`bot` for the right credential, else `none` or `wrong`."""
        given = headers.get("Authorization")
        if given is None:
            return "none"
        return "bot" if given == f"Bot {self.world.options.token}" else "wrong"

    def _before_discord(self, received: Received) -> Answer | None:
        if self._addresses.blocks(received.address):
            return cloudflare_429()
        if not USER_AGENT.match(received.headers.get("User-Agent", "")):
            return Answer(403, refusal(JsonCode.CLOUDFLARE_BLOCK).as_json(), via=False)
        return None

    def _by_discord(self, received: Received, record: RecordedRequest, headers: dict[str, str]) -> Answer:
        match = received.match
        if match.problem is not None:
            record.problems.append(match.problem)
        if match.route is None:
            raise match.error or bare_refusal(404, "Not Found")
        self._require_credential(match.route, record)
        refused = self._limited(match, record, headers)
        if refused is not None:
            return refused
        _require_snowflakes(match.params, record.problems)
        call = Call(
            world=self.world,
            params=match.params,
            query=received.query,
            body=_fields(received, match.route, record.problems),
            reason=read_reason(received.headers.get("X-Audit-Log-Reason"), record.problems),
            problems=record.problems,
        )
        answer = match.route.endpoint(call)
        record.applied = True
        return answer

    def _require_credential(self, route: Route, record: RecordedRequest) -> None:
        if route.bot_only and record.authorization != "bot":
            raise bare_refusal(401, "Unauthorized")
        if not route.bot_only and record.authorization != "none":
            record.problems.append("Authorization sent to a webhook: its token is the credential there")

    def _limited(self, match: Match, record: RecordedRequest, headers: dict[str, str]) -> Answer | None:
        route = match.route
        claim = route.claim(self.world, match.params) if route and route.claim else None
        admission = self._limiter.admit(claim, counts_globally=bool(route and route.bot_only))
        headers.update(admission.headers)
        record.limited, record.limited_by = admission.scope, admission.refused_by
        return admission.refused


def _fields(received: Received, route: Route, problems: list[str]) -> dict[str, Any]:
    """The fields of the body. Raises 50035 (media type, shape), 50109 (broken JSON), 40005 (too long)."""
    body = received.body
    if not body.size and body.error is None and not (route.takes_body and _claims_json(received.headers)):
        return {}
    if not _claims_json(received.headers):
        raise _form_refused("CONTENT_TYPE_INVALID", f'Expected "Content-Type" header to be one of {{{JSON_TYPE!r}}}.')
    if not route.takes_body:
        problems.append("this route takes no body")
        return {}
    if not body.size or body.error is not None:
        raise body.error or refusal(JsonCode.INVALID_JSON)
    if not isinstance(body.value, dict):
        raise _form_refused("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    return body.value


def _claims_json(headers: Mapping[str, str]) -> bool:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower() == JSON_TYPE


def read_body(raw_body: bytes, *, too_large: bool = False) -> Body:
    """Strict JSON in UTF-8: no NaN, no lone surrogates."""
    if too_large:
        return Body(0, error=refusal(JsonCode.REQUEST_TOO_LARGE))
    if not raw_body:
        return Body(0)
    try:
        value = json.loads(raw_body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Body(len(raw_body), error=refusal(JsonCode.INVALID_JSON))
    if b"\\u" in raw_body and LONE_SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        return Body(len(raw_body), error=refusal(JsonCode.INVALID_JSON))
    return Body(len(raw_body), value)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _form_refused(code: str, message: str) -> DiscordError:
    violations = Violations()
    violations.add((), code, message)
    return refusal(JsonCode.INVALID_FORM, violations.tree)


def _require_snowflakes(params: Mapping[str, str], problems: list[str]) -> None:
    """Raises 50035 for an id that is no number, 500 for one beyond 63 bits (discord-api-docs issue 5159)."""
    violations = Violations()
    for name, value in params.items():
        if not name.endswith("_id") or is_snowflake(value):
            continue
        problems.append(f"{name} {value[:50]!r} is no snowflake")
        if value.isascii() and value.isdigit() and value[0] != "0":
            raise bare_refusal(500, "Internal Server Error")
        violations.add((name,), "NUMBER_TYPE_COERCE", f'Value "{value[:100]}" is not snowflake.')
    violations.raise_if_any()
