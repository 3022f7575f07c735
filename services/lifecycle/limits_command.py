"""`limits`: what the running module knows of Discord's limits, as a table for a person at a terminal."""

import argparse
import json
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from config import AuthSettings, ServerSettings
from services.auth import operator_token
from services.exits import EXIT_OK, failed
from services.ports import Scope

ANSWER_SECONDS: Final = 5.0
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound  # nosec B104
COLUMNS: Final = ("method", "route", "major", "kind", "left", "waiting", "in flight", "full in", "paused")


def run(arguments: argparse.Namespace, servers: ServerSettings, auth: AuthSettings) -> int:
    """Asks the running module. Returns the exit code: 0, or 1 with the reason on stderr."""
    url = (arguments.url or _url(servers)).rstrip("/") + "/api/v1/limits"
    if not url.startswith(("http://", "https://")):
        return failed("--url must start with http:// or https://")
    token = operator_token(auth, Scope.LIMITS_READ)
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 -- see above
    try:
        with _opener(servers).open(request, timeout=ANSWER_SECONDS) as answer:
            state = json.load(answer)
    except (OSError, ValueError) as exc:
        return failed(f"{url}: {getattr(exc, 'reason', exc)}. Does the module run there?")
    sys.stdout.write(json.dumps(state, indent=2) + "\n" if arguments.json else table(state))
    return EXIT_OK


def table(state: Mapping[str, Any]) -> str:
    """The state as lines for a person."""
    return "".join(f"{line}\n" for line in (*_summary(state), "", *_lanes(state["lanes"])))


def _summary(state: Mapping[str, Any]) -> Iterator[str]:
    shared = {
        "in_process": "kept by this process alone (no REDIS_URL)",
        "shared": f"shared by {state.get('replicas')} replicas through Redis",
        "alone": f"kept alone, 1/{state.get('replicas')} of the allowance: Redis is away "
        f"({state.get('redis', {}).get('reason')})",
    }
    of_token, invalid, pauses = state["global"], state["invalid_requests"], state["pauses"]
    yield f"limits    {shared[state['state']]}"
    yield f"token     {of_token['used']} of {of_token['limit']} places of a second taken"
    yield f"invalid   {invalid['used']} of {invalid['limit']} in ten minutes" + _alert(invalid["alert_percent"])
    paused = [f"{name.removesuffix('_seconds')} for {left:g} s" for name, left in pauses.items() if _is_on(name, left)]
    yield f"pauses    {', '.join(paused) or 'none'}"
    guards = state.get("discord", {})
    for name in ("outage", "bot_token"):
        if name in guards:
            yield f"circuit   {name}: {guards[name]['state']}"
    yield f"webhooks  {guards.get('quarantined_webhooks', 0)} in quarantine"
    yield f"waiting   {state['waiting']} requests; {state['lane_count']} lanes, {state['channel_count']} channels"


def _is_on(name: str, left: float) -> bool:
    return name.endswith("_seconds") and left > 0


def _alert(percent: int) -> str:
    return f" (alert: {percent} %)" if percent else ""


def _lanes(lanes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = [COLUMNS, *(_row(lane) for lane in lanes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(lane: Mapping[str, Any]) -> tuple[str, ...]:
    left = f"{lane['remaining']}/{lane['limit']}" if "limit" in lane else "-"
    route = f"{lane['route']} {lane['variant']}".rstrip()
    full_in, paused = (f"{lane.get(name, 0):.1f} s" for name in ("full_in_seconds", "paused_seconds"))
    counts = str(lane["waiting"]), str(lane["in_flight"])
    return lane["method"], route, lane["major"], lane["kind"], left, *counts, full_in, paused


def _url(servers: ServerSettings) -> str:
    host = ANYWHERE.get(servers.host, servers.host)
    scheme = "http" if servers.tls is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{servers.rest_port}"


def _opener(servers: ServerSettings) -> urllib.request.OpenerDirector:
    """Asks by itself: a proxy of the environment would see the token, and its 127.0.0.1 is another."""
    direct = urllib.request.ProxyHandler({})
    return urllib.request.build_opener(direct, urllib.request.HTTPSHandler(context=_tls(servers)))


def _tls(servers: ServerSettings) -> ssl.SSLContext | None:
    """The module's own certificate is trusted, whatever name it bears: we speak to this machine."""
    if servers.tls is None:
        return None
    context = ssl.create_default_context(cafile=str(servers.tls.cert_file))
    context.check_hostname = False
    return context
