"""The routes served, and which one a request line means.

Discord versions its API in the path. Without a version it falls back to the retired v6; the sandbox knows v10
alone and refuses the rest, because an unversioned call is a mistake even where Discord lets it pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from sandbox.call import Answer, Call
from sandbox.endpoints import guilds, members, messages, reactions, webhooks
from sandbox.errors import DiscordError, JsonCode, bare_refusal, refusal
from sandbox.limits.claims import Claimant, message_deletion, per, webhook_execution

API_VERSION = "v10"
Endpoint = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """`bot_only` False: the token in the path is the credential. `takes_body`: Discord reads a body."""

    method: str
    template: str
    endpoint: Endpoint
    claim: Claimant | None
    bot_only: bool = True
    takes_body: bool = False


MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = MESSAGES + "/{message_id}"
REACTION = MESSAGE + "/reactions/{emoji}/@me"
CHANNEL_WEBHOOKS = "/channels/{channel_id}/webhooks"
WEBHOOK = "/webhooks/{webhook_id}"
OPEN_WEBHOOK = WEBHOOK + "/{webhook_token}"
GUILD = "/guilds/{guild_id}"
MEMBER = GUILD + "/members/{user_id}"
MEMBER_ROLE = MEMBER + "/roles/{role_id}"
BAN = GUILD + "/bans/{user_id}"


def _in_channel(rule: str) -> Claimant:
    return per(rule, "channel_id")


def _in_guild(rule: str) -> Claimant:
    return per(rule, "guild_id")


def _with_token(method: str, endpoint: Endpoint, claim: Claimant, *, takes_body: bool = False) -> Route:
    return Route(method, OPEN_WEBHOOK, endpoint, claim, bot_only=False, takes_body=takes_body)


ROUTES: tuple[Route, ...] = (
    Route("POST", MESSAGES, messages.create, _in_channel("messages.create"), takes_body=True),
    Route("GET", MESSAGES, messages.page, _in_channel("messages.page")),
    Route("GET", MESSAGE, messages.get, _in_channel("messages.get")),
    Route("PATCH", MESSAGE, messages.edit, _in_channel("messages.edit"), takes_body=True),
    Route("DELETE", MESSAGE, messages.delete, message_deletion),
    Route("PUT", REACTION, reactions.add, _in_channel("reactions")),
    Route("DELETE", REACTION, reactions.remove, _in_channel("reactions")),
    Route("POST", CHANNEL_WEBHOOKS, webhooks.create, _in_channel("webhooks.create"), takes_body=True),
    Route("GET", CHANNEL_WEBHOOKS, webhooks.of_channel, _in_channel("webhooks.channel")),
    Route("GET", WEBHOOK, webhooks.get, per("webhooks.get", "webhook_id")),
    Route("DELETE", WEBHOOK, webhooks.delete, per("webhooks.delete", "webhook_id")),
    _with_token("GET", webhooks.get_with_token, per("webhooks.get", "webhook_id", "webhook_token")),
    _with_token("DELETE", webhooks.delete_with_token, per("webhooks.delete", "webhook_id", "webhook_token")),
    _with_token("POST", webhooks.execute, webhook_execution, takes_body=True),
    Route("GET", GUILD, guilds.get, _in_guild("guilds.get")),
    Route("GET", GUILD + "/channels", guilds.channels, _in_guild("guilds.channels")),
    Route("GET", GUILD + "/roles", guilds.roles, _in_guild("guilds.roles")),
    Route("GET", MEMBER, members.get, _in_guild("members.get")),
    Route("PATCH", MEMBER, members.modify, _in_guild("members.modify"), takes_body=True),
    Route("DELETE", MEMBER, members.kick, _in_guild("members.kick")),
    Route("PUT", MEMBER_ROLE, members.add_role, _in_guild("members.role")),
    Route("DELETE", MEMBER_ROLE, members.remove_role, _in_guild("members.role")),
    Route("PUT", BAN, members.ban, _in_guild("bans.put"), takes_body=True),
    Route("GET", BAN, members.get_ban, _in_guild("bans.get")),
    Route("DELETE", BAN, members.unban, _in_guild("bans.delete"), takes_body=True),
    Route("GET", "/channels/{channel_id}", guilds.channel, _in_channel("channels.get")),
    Route("GET", "/users/@me", guilds.own_user, None),
    Route("GET", "/gateway/bot", guilds.gateway, per("gateway")),
)


@dataclass(slots=True)
class Match:
    """Where a request line leads: to a route, or to the error that says why not."""

    template: str | None = None
    route: Route | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    error: DiscordError | None = None
    problem: str | None = None


@dataclass(slots=True)
class _Node:
    """A place in the tree of templates: fixed next segments, or one parameter."""

    fixed: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    template: str | None = None
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class Router:
    """Finds the route of a raw path in as many steps as it has segments."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES) -> None:
        self._root = _Node()
        for route in routes:
            self._plant(route)

    def _plant(self, route: Route) -> None:
        node = self._root
        names: list[str] = []
        for segment in route.template.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.template = route.template
        node.routes[route.method] = (route, tuple(names))

    def match(self, method: str, raw_path: str) -> Match:
        """`raw_path` is the request target as received, without its query: nothing in it is normalised."""
        segments = raw_path.split("/")[1:]
        if segments[:1] != ["api"] or len(segments) == 1:
            return Match(error=bare_refusal(404, "Not Found"))
        if segments[1] != API_VERSION:
            return _wrong_version(segments[1])
        node, values = self._walk(segments[2:])
        if node is None or node.template is None:
            return Match(error=bare_refusal(404, "Not Found"), problem=f"no such route: {raw_path}")
        if method not in node.routes:
            error = bare_refusal(405, "Method Not Allowed")
            return Match(node.template, error=error, problem=f"{method} is not allowed here")
        route, names = node.routes[method]
        return Match(node.template, route, dict(zip(names, values, strict=True)))

    def _walk(self, segments: list[str]) -> tuple[_Node | None, list[str]]:
        node: _Node | None = self._root
        values: list[str] = []
        for segment in segments:
            if node is None:
                break
            following = node.fixed.get(unquote(segment))
            if following is None and segment not in {"", ".", ".."}:
                following = node.parameter
                values.append(unquote(segment, errors="replace"))
            node = following
        return node, values


def _wrong_version(segment: str) -> Match:
    is_version = segment[:1] == "v" and segment[1:].isdigit()
    problem = (
        f"API version {segment} instead of {API_VERSION}"
        if is_version
        else "no API version in the path: Discord would answer with its retired default, v6"
    )
    return Match(error=refusal(JsonCode.INVALID_API_VERSION), problem=problem)
