"""Odd values, drawn from a seeded source so that a run can be repeated."""

from random import Random
from typing import Any, Final

from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN

TEXTS: Final = (
    "",
    " ",
    "\x00",
    "\t\r\n",
    "0",
    "-1",
    "00123",
    "9223372036854775807",
    "9223372036854775808",
    "1e3",
    "²",
    "१२३",
    "null",
    "true",
    "NaN",
    "@everyone <@&7> <@42>",
    "'; DROP TABLE discord_actions; --",
    "{{7*7}} ${7*7} %s %(a)s {0}",
    "../../../etc/passwd",
    "%00%2e%2e%2f",
    "</script><script>alert(1)</script>",
    "\u202e\u2066\ufeff\u200b",
    "e\u0301" * 40,
    "👨‍👩‍👧‍👦" * 20,
    "𒐫" * 100,
    "x" * 257,
    "x" * 2001,
    "x" * 70_000,
    "https://discord.com.evil.example/api/webhooks/1/a",
    f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}?thread_id=x#y",
    "http://[::1",
    "javascript:alert(1)",
    "👍",
    "<a:party:1>",
    "Bearer x",
    "\r\nX-Injected: 1",
)
NUMBERS: Final = (0, -1, 1, 7, 8, 600, 2**31 - 1, -(2**31), 2**53, 2**63, 10**400, 1.5, -0.0, 1e308, 600.0)
SOUND: Final[dict[str, Any]] = {
    "guild_id": "1",
    "channel_id": "123",
    "message_id": "789",
    "user_id": "42",
    "role_id": "7",
    "emoji": "👍",
    "content": "hello",
    "name": "News",
    "reason": "spam",
    "action": "remove",
    "webhook_url": f"https://discord.com/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    "delete_message_days": 1,
    "duration_seconds": 600,
    "embed": {"title": "News", "fields": [{"name": "a", "value": "b"}]},
    "embeds": [{"description": "News"}],
    "allowed_mentions": ["users"],
}
SOUND_IN_EMBEDS: Final[dict[str, Any]] = {
    "color": "5865F2",
    "timestamp": "2026-01-31T12:00:00Z",
    **dict.fromkeys(
        ("url", "thumbnail_url", "image_url", "footer_icon_url", "author_url", "author_icon_url"),
        "https://example.com/a.png",
    ),
}


class Oddities:
    """A source of values. The same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def happens(self, share: float) -> bool:
        return self.random.random() < share

    def text(self) -> str:
        """One of the known troublemakers, or a few random characters."""
        if self.happens(0.7):
            return self.random.choice(TEXTS)
        return "".join(chr(self._code_point()) for _ in range(self.random.randrange(20)))

    def json(self, depth: int = 3) -> Any:
        """Anything JSON can hold."""
        kind = self.random.randrange(7 if depth else 5)
        if kind < 2:
            return self.text()
        if kind < 4:
            return self.random.choice((*NUMBERS, None, True, False))
        if kind == 4:
            return self.random.choice(tuple(SOUND.values()))
        if kind == 5:
            return [self.json(depth - 1) for _ in range(self.random.randrange(5))]
        return {self.text(): self.json(depth - 1) for _ in range(self.random.randrange(5))}

    def bent(self, raw: bytes) -> bytes:
        """`raw` with some of its bytes changed, lost or doubled."""
        bent = bytearray(raw)
        for _ in range(self.random.randint(1, 4)):
            place = self.random.randrange(len(bent) + 1)
            way = self.random.randrange(4)
            if way == 0:
                bent[place:place] = self.random.randbytes(self.random.randint(1, 8))
            elif way == 1:
                del bent[place : place + self.random.randint(1, 8)]
            elif way == 2:
                bent[place : place + 1] = bytes([self.random.randrange(256)])
            else:
                bent[place:place] = bent[: self.random.randint(0, 40)]
        return bytes(bent)

    def headers(self) -> dict[str, str]:
        """Some of the headers that both protocols read, sound or odd, always printable."""
        odd = {
            "idempotency-key": ("k", "k" * 255, "k" * 256, "a b", ""),
            "x-priority": ("bulk", "normal", "urgent", ""),
            "x-request-id": ("r", "r" * 500, '"', "%0a"),
            "x-correlation-id": ("c",),
            "traceparent": ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-0-0-0", "x" * 200),
        }
        return {name: self.random.choice(values) for name, values in odd.items() if self.happens(0.15)}

    def _code_point(self) -> int:
        point = self.random.choice((self.random.randrange(128), self.random.randrange(0x11_0000)))
        return point if not 0xD800 <= point <= 0xDFFF else 0xFFFD
