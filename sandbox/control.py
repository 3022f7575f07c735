"""The sandbox's own routes, `/_sandbox/…`: everything a test can do in process, over HTTP and in JSON.

Mistakes are answered with 400 and {"error": …}, pages of other sites with 403; nothing here is part of Discord.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.faults import Fault
from sandbox.guard import Handler, guarded
from sandbox.options import Options, SettingError
from sandbox.permissions import parse_permissions
from sandbox.snapshot import snapshot

if TYPE_CHECKING:
    from sandbox.server import Sandbox

PREFIX = "/_sandbox"
FIXED_OPTIONS = frozenset({"host", "port", "recorded_requests", "max_body_bytes"})
SECONDS_UNFIT = "seconds must be a number, not negative"
BODY_UNFIT = "the body must be a JSON object"
NUMBER_UNFIT = "must be a number: "
Body = dict[str, Any]


def control_routes(sandbox: "Sandbox") -> list[web.RouteDef]:
    """The routes, bound to one sandbox."""
    control = Control(sandbox)
    routes: list[tuple[str, str, Handler]] = [
        ("GET", "/state", control.state),
        ("GET", "/requests", control.requests),
        ("DELETE", "/requests", control.forget_requests),
        ("GET", "/buckets", control.buckets),
        ("GET", "/stats", control.stats),
        ("GET", "/faults", control.faults),
        ("POST", "/faults", control.add_fault),
        ("DELETE", "/faults", control.clear_faults),
        ("DELETE", "/faults/{fault_id:[0-9]+}", control.remove_fault),
        ("GET", "/settings", control.settings),
        ("PUT", "/settings", control.change_settings),
        ("POST", "/settings", control.change_settings),
        ("POST", "/clock", control.advance_clock),
        ("POST", "/reset", control.reset),
    ]
    own_name = sandbox.options.host
    return [web.route(method, PREFIX + path, guarded(handler, own_name)) for method, path, handler in routes]


class Control:
    """One method per route."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    async def state(self, request: web.Request) -> web.Response:
        """GET state; `messages=N` keeps the last N messages of each channel (default 50)."""
        return _json(snapshot(self._sandbox, _number(request, "messages", 50)))

    async def requests(self, request: web.Request) -> web.Response:
        """GET requests, oldest first.

        `method`, `template`, `after` (a record's number) and `limit` narrow them.
        """
        query = request.query
        found = self._sandbox.received(query.get("method"), query.get("template"))
        after, limit = _number(request, "after", 0), _number(request, "limit", 1_000)
        chosen = [record.as_json() for record in found if record.number > after]
        chosen = chosen[:limit] if "after" in query else chosen[max(0, len(chosen) - limit) :]
        return _json({"total": self._sandbox.requests.total, "requests": chosen})

    async def forget_requests(self, _request: web.Request) -> web.Response:
        self._sandbox.requests.clear()
        return _json({})

    async def buckets(self, _request: web.Request) -> web.Response:
        return _json({"buckets": self._sandbox.limiter.buckets()})

    async def stats(self, _request: web.Request) -> web.Response:
        return _json(self._sandbox.stats())

    async def faults(self, _request: web.Request) -> web.Response:
        return _json({"faults": [fault.as_json() for fault in self._sandbox.faults]})

    async def add_fault(self, request: web.Request) -> web.Response:
        """POST a fault: the fields of `Fault`."""
        body = await _object(request)
        with _complaints():
            fault: Fault = self._sandbox.faults.add(body.pop("kind", ""), **body)
        return _json(fault.as_json(), status=201)

    async def clear_faults(self, _request: web.Request) -> web.Response:
        self._sandbox.faults.clear()
        return _json({})

    async def remove_fault(self, request: web.Request) -> web.Response:
        try:
            fault = self._sandbox.faults.remove(int(request.match_info["fault_id"]))
        except KeyError:
            raise web.HTTPNotFound(text=_text({"error": "no such fault"}), content_type=_TYPE) from None
        return _json(fault.as_json())

    async def settings(self, _request: web.Request) -> web.Response:
        """GET settings: the options and the rules of the limits."""
        rules = {
            name: None if rule is None else {**asdict(rule), "bucket_hash": rule.bucket_hash}
            for name, rule in self._sandbox.limiter.rules.items()
        }
        return _json({"options": asdict(self._sandbox.options), "rules": rules})

    async def change_settings(self, request: web.Request) -> web.Response:
        """PUT or POST settings; every part is optional.

        `options`: {name: value}; `rules`: {name: {limit, period_seconds, kind} or null};
        `permissions`: [{guild_id, channel_id?, grant: [name], revoke: [name]}].
        """
        body = await _object(request)
        with _complaints():
            unknown = body.keys() - {"options", "rules", "permissions"}
            if unknown:
                raise SettingError.unknown(unknown)
            self._change_options(body.get("options", {}))
            for name, changes in body.get("rules", {}).items():
                self._sandbox.limiter.change_rule(name, changes)
            for change in body.get("permissions", []):
                self._change_permissions(change)
        return await self.settings(request)

    def _change_options(self, changes: Body) -> None:
        types = {each.name: each.type for each in fields(Options) if each.name not in FIXED_OPTIONS}
        for name, value in changes.items():
            accepted = (int, float) if types[name] is float else types[name]
            if not isinstance(value, accepted):  # type: ignore[arg-type]
                raise SettingError.unfit(name, types[name])
            setattr(self._sandbox.options, name, value)
        if changes:
            self._sandbox.limiter.forget_counts()

    def _change_permissions(self, change: Body) -> None:
        self._sandbox.world.change_bot_permissions(
            change["guild_id"],
            channel_id=change.get("channel_id"),
            grant=parse_permissions(change.get("grant", [])),
            revoke=parse_permissions(change.get("revoke", [])),
        )

    async def advance_clock(self, request: web.Request) -> web.Response:
        """POST {"seconds": n}: skip time."""
        seconds = (await _object(request)).get("seconds")
        if not isinstance(seconds, (int, float)) or seconds < 0:
            raise _complaint(SECONDS_UNFIT)
        self._sandbox.clock.advance(seconds)
        return _json({"monotonic": self._sandbox.clock.monotonic(), "wall": self._sandbox.clock.wall()})

    async def reset(self, _request: web.Request) -> web.Response:
        self._sandbox.reset()
        return _json({})


_TYPE = "application/json"
Route = Callable[[web.Request], Awaitable[web.Response]]


class _complaints:  # noqa: N801 - reads as a statement
    """Turns a wrong setting into a 400 that says which."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (KeyError, ValueError, TypeError, AttributeError)):
            raise _complaint(f"unknown: {error}" if isinstance(error, KeyError) else str(error)) from error


def _complaint(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=_text({"error": text}), content_type=_TYPE)


async def _object(request: web.Request) -> Body:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _complaint(BODY_UNFIT)
    return body


def _number(request: web.Request, name: str, default: int) -> int:
    value = request.query.get(name, str(default))
    if not value.isdecimal():
        raise _complaint(NUMBER_UNFIT + name)
    return int(value)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(text=_text(value), status=status, content_type=_TYPE)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)
