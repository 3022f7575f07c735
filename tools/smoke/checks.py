"""The checks. Each says in a sentence what it saw, or raises.

`ORDER` lets them clean up after each other: what was posted is edited, reacted to and deleted; a role is given and
taken; a member is timed out before being kicked, and kicked before being banned.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from tools.smoke.answers import Face, Fields, Refused, Unreachable, Wrong
from tools.smoke.report import Report
from tools.smoke.rest import RestFace

ORDER: Final = ("health", "message", "embed", "edit", "reaction", "role", "webhook", "delete", "timeout", "kick", "ban")
MODERATION: Final = ("timeout", "kick", "ban")
TEXT: Final = "Smoke test of the Discord action module; this message goes away by itself."
REASON: Final = "smoke test"
WEBHOOK_NAME: Final = "smoke test"
SHORTEST_TIMEOUT_SECONDS: Final = 1

Check = Callable[[], str]


class Checks:
    """The checks over one face. `rest` is where audit rows are read, or None where REST is left out."""

    def __init__(self, face: Face, rest: RestFace | None, options: argparse.Namespace, report: Report) -> None:
        self._face = face
        self._rest = rest
        self._options = options
        self._report = report
        self._posted: list[str] = []
        self._action_id = ""
        self._webhook_url = ""
        self._is_down = False

    def run(self, test: str) -> None:
        """Runs the checks `test` stands for; none once nobody answers, and none after one that failed."""
        for title, check in self._steps(test):
            if self._is_down or not self._passes(title, check):
                return

    def clean_up(self) -> None:
        """Deletes what was posted and is still there."""
        while self._posted and not self._is_down and self._passes("clean up", self._delete_own):
            pass

    def _passes(self, title: str, check: Check) -> bool:
        try:
            return self._report.check(self._face.name, title, check)
        except Unreachable:
            self._is_down = True
            return False

    def _steps(self, test: str) -> list[tuple[str, Check]]:
        if test == "health":
            return self._health_steps()
        if test == "message":
            return [("message", self._send_message), *self._record_steps()]
        if test == "role":
            return [
                ("role add", lambda: self._manage_role("add")),
                ("role remove", lambda: self._manage_role("remove")),
            ]
        if test == "webhook":
            given = bool(self._options.webhook_url)
            made = [] if given else [("webhook", self._create_webhook)]
            return [*made, ("webhook send", self._send_webhook)]
        single: dict[str, Check] = {
            "embed": self._send_embed,
            "edit": self._edit,
            "reaction": self._react,
            "delete": self._delete,
            "timeout": self._time_out,
            "kick": self._kick,
            "ban": self._ban,
        }
        return [(test, single[test])]

    # ── the door ──

    def _health_steps(self) -> list[tuple[str, Check]]:
        stranger = [("wrong secret", self._rest.check_credentials)] if self._face is self._rest else []
        steps = [("health", self._face.check_health), *stranger, ("no token", self._refuses_no_token)]
        if self._options.token:
            return [*steps, ("bad request", self._names_the_bad_field)]
        self._report.skip(self._face.name, "bad request", "needs --secret-key")
        return steps

    def _refuses_no_token(self) -> str:
        refused = self._refusal({"channel_id": self._options.channel_id, "content": TEXT}, token="")
        if refused.code != "unauthenticated":
            raise refused
        return f"{refused.status}: an action without a token is refused"

    def _names_the_bad_field(self) -> str:
        refused = self._refusal({"channel_id": "not-an-id", "content": TEXT}, self._options.token)
        if refused.code != "invalid_argument" or not any("channel_id" in field for field in refused.fields):
            raise refused
        return f"{refused.status} names the bad field: {', '.join(refused.fields)}"

    def _refusal(self, fields: Fields, token: str) -> Refused:
        try:
            answer = self._face.perform("SendMessage", fields, token)
        except Refused as exc:
            return exc
        raise Wrong(f"a request that must be refused was carried out: {answer}")

    # ── messages ──

    def _send_message(self) -> str:
        answer = self._perform("SendMessage", channel_id=self._options.channel_id, content=TEXT)
        return f"message {self._note_posted(answer)} in channel {self._options.channel_id}"

    def _record_steps(self) -> list[tuple[str, Check]]:
        rest = self._rest
        return [] if rest is None else [("audit row", lambda: rest.check_record(self._action_id, self._options.token))]

    def _send_embed(self) -> str:
        embed = {"title": "Smoke test", "description": TEXT, "color": "2ECC71"}
        embed["footer_text"] = "test_api.py"
        answer = self._perform("SendEmbed", channel_id=self._options.channel_id, embed=embed)
        return f"message {self._note_posted(answer)} with an embed"

    def _edit(self) -> str:
        message_id = self._target("edit")
        self._perform(
            "EditMessage", channel_id=self._options.channel_id, message_id=message_id, content=f"{TEXT} (edited)"
        )
        return f"message {message_id} has a new text"

    def _react(self) -> str:
        message_id, emoji = self._options.message_id or self._own_message(), self._options.emoji
        self._perform("AddReaction", channel_id=self._options.channel_id, message_id=message_id, emoji=emoji)
        return f"{emoji} on message {message_id}"

    def _delete(self) -> str:
        return self._delete_one(self._target("delete"))

    def _delete_own(self) -> str:
        return self._delete_one(self._posted[-1])

    def _delete_one(self, message_id: str) -> str:
        self._perform("DeleteMessage", channel_id=self._options.channel_id, message_id=message_id)
        self._posted = [id_ for id_ in self._posted if id_ != message_id]
        return f"message {message_id} is gone"

    def _target(self, test: str) -> str:
        """The message somebody named for just this test, else one of our own."""
        if self._options.message_id and test in self._options.test:
            return str(self._options.message_id)
        return self._own_message()

    def _own_message(self) -> str:
        if not self._posted:
            self._send_message()
        return self._posted[-1]

    def _note_posted(self, answer: Fields) -> str:
        message_id = str(answer.get("message_id") or "")
        if not message_id:
            raise Wrong(f"the answer names no message: {answer}")
        self._posted.append(message_id)
        return message_id

    # ── roles and webhooks ──

    def _manage_role(self, action: str) -> str:
        self._perform("ManageRole", **self._member(), role_id=self._options.role_id, action=action)
        return f"role {self._options.role_id}, member {self._options.user_id}"

    def _create_webhook(self) -> str:
        answer = self._perform("CreateWebhook", channel_id=self._options.channel_id, name=WEBHOOK_NAME)
        self._webhook_url = str(answer.get("webhook_url") or "")
        if not self._webhook_url:
            raise Wrong("the answer has no webhook_url")
        return f"{WEBHOOK_NAME!r} in channel {self._options.channel_id}; it stays, delete it in the channel's settings"

    def _send_webhook(self) -> str:
        url = self._options.webhook_url or self._webhook_url
        self._perform("SendWebhook", webhook_url=url, content=TEXT.replace("goes away by itself", "stays"))
        return f"posted through webhook {url.split('/')[-2]}; the message stays"

    # ── people ──

    def _time_out(self) -> str:
        seconds = SHORTEST_TIMEOUT_SECONDS
        self._perform("TimeoutUser", **self._member(), duration_seconds=seconds, reason=REASON)
        return f"member {self._options.user_id}, for {seconds} s"

    def _kick(self) -> str:
        """The second protocol finds nobody left; that it is told so shows as much."""
        try:
            self._perform("KickUser", **self._member(), reason=REASON)
        except Refused as exc:
            if exc.code == "discord_unknown_member" and self._options.user_id in self._options.kicked:
                return f"member {self._options.user_id} is gone already: {exc.status} {exc.code}"
            raise
        self._options.kicked.add(self._options.user_id)
        return f"member {self._options.user_id} is out of guild {self._options.guild_id}"

    def _ban(self) -> str:
        self._perform("BanUser", **self._member(), reason=REASON, delete_message_days=0)
        return f"user {self._options.user_id} is banned from guild {self._options.guild_id}"

    def _member(self) -> Fields:
        return {"guild_id": self._options.guild_id, "user_id": self._options.user_id}

    def _perform(self, rpc: str, **fields: object) -> Fields:
        answer = self._face.perform(rpc, fields, self._options.token)
        self._action_id = str(answer.get("action_id") or "")
        if not self._action_id:
            raise Wrong(f"the answer names no action_id: {answer}")
        return answer
