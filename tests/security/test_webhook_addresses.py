"""A webhook's address is a caller's text. It is read, never dialled: only its id, its token and its thread count."""

from sandbox import Sandbox
from sandbox.seeds import WEBHOOK_ID, WEBHOOK_TOKEN
from tests.conformance.faces import Face
from tests.security.conftest import ForeignHost
from tests.support.module import token

PATH = f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}"
GOOD = f"https://discord.com{PATH}"

OTHER_HOSTS = (
    "127.0.0.1:{port}",
    "localhost:{port}",
    "[::ffff:127.0.0.1]:{port}",
    "2130706433:{port}",
    "0x7f000001:{port}",
    "0177.0.0.1:{port}",
    "127.1:{port}",
    "discord.com@127.0.0.1:{port}",
    "discord.com:443@127.0.0.1:{port}",
    "discord.com%40127.0.0.1:{port}",
    "127.0.0.1:{port}#@discord.com",
    "127.0.0.1:{port}?@discord.com",
    "127.0.0.1:{port}\\@discord.com",
    "127.0.0.1:{port}\\.discord.com",
    "127.0.0.1:{port}/.discord.com",
    "discord.com.127.0.0.1.nip.io:{port}",
    "discord.com.localhost:{port}",
    "discord.com:{port}",
    "discord.com:80",
    "discord.com:0443",
    "discord.com:",
    "discord.com:443:443",
    "discord.com:４４３",
    "discord.com:+443",
    "discord.com.",
    ".discord.com",
    "evil-discord.com",
    "discord.com.evil.org",
    "discordapp.com.evil.org",
    "discord.co",
    "discord.com%00.evil.org",
    "discord.com%2eevil.org",
    "discord.com\x00.evil.org",
    "discord.com\r\nHost: evil.org",
    "discord.com\t",
    "dis\ncord.com",
    "ｄiscord.com",
    "dіscord.com",
    "discord。com",
    "discord.com\u200b",
    "xn--discord-.com",
    "www.discord.com",
    "api.discord.com",
    "cdn.discordapp.com",
    "media.discordapp.net",
    "gateway.discord.gg",
    "user@discord.com",
    "user:password@discord.com",
    ":@discord.com",
    "@discord.com",
    "[discord.com]",
    "[::1]",
    "169.254.169.254",
    "metadata.google.internal",
    "",
)
OTHER_SCHEMES = (
    "http://discord.com",
    "HTTP://discord.com",
    "ftp://discord.com",
    "file://",
    "gopher://127.0.0.1:{port}",
    "javascript://discord.com",
    "data:text/plain,",
    "//discord.com",
    "://discord.com",
    "https:discord.com",
    "https:/discord.com",
    "https:///discord.com",
    "https:\\\\discord.com",
    "https://https://discord.com",
    "ht\ntps://discord.com",
    "",
)
OTHER_PATHS = (
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}/../../../users/@me",
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}/messages/1",
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}/slack",
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}/github",
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}%2fslack",
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN};x=y",
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}%0d%0aX: y",
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}\r\nX: y",
    f"/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}//",
    f"/api/webhooks/{WEBHOOK_ID}/..",
    f"/api/webhooks/{WEBHOOK_ID}/.",
    f"/api/webhooks/{WEBHOOK_ID}/%2e%2e",
    f"/api/webhooks/{WEBHOOK_ID}/{'a' * 257}",
    f"/api/webhooks/{WEBHOOK_ID}",
    f"/api/webhooks/../channels/123/{WEBHOOK_TOKEN}",
    f"/api/webhooks/@me/{WEBHOOK_TOKEN}",
    f"/api/webhooks/0{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    f"/api/webhooks/-{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    f"/api/webhooks/９/{WEBHOOK_TOKEN}",
    f"/api/webhooks/9223372036854775808/{WEBHOOK_TOKEN}",
    f"/api/v/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    f"/api/v100/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    f"/api/v10/../v9/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    f"/API/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    f"//api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    f"/x/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    "/api/channels/123/messages",
    "",
)
OTHER_ENDS = (
    "?thread_id=1&thread_id=2",
    "?thread_id=1/../../2",
    "?thread_id=1%26wait=false",
    "?thread_id=0",
    "?thread_id=9223372036854775808",
    "?thread_id=1%00",
    "#fragment",
    "?a=1#@127.0.0.1:{port}",
    "?" + "a=1&" * 20,
    "?" + "a" * 2048,
)

TRICKS = (
    *(f"https://{host}{PATH}" for host in OTHER_HOSTS),
    *(f"{scheme}{PATH}" for scheme in OTHER_SCHEMES),
    *(f"https://discord.com{path}" for path in OTHER_PATHS),
    *(f"{GOOD}{end}" for end in OTHER_ENDS),
)
HARMLESS = (
    GOOD,
    f"  {GOOD}/ ",
    f"HTTPS://DISCORD.COM:443{PATH}",
    f"https://discord.com/api/v10/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}",
    f"https://ptb.discord.com{PATH}",
    f"https://canary.discordapp.com{PATH}",
    f"{GOOD}?wait=false&with_components=true&username=x&url=http://127.0.0.1:{{port}}/",
)


async def test_a_tricky_address_is_refused_and_nobody_is_dialled(
    face: Face, sandbox: Sandbox, foreign_host: ForeignHost
) -> None:
    assert len(set(TRICKS)) >= 60
    answers = {}
    for trick in TRICKS:
        address = trick.replace("{port}", str(foreign_host.port))
        heard = await face.perform("SendWebhook", {"webhook_url": address, "content": "hi"}, token())
        answers[trick] = heard.code, heard.outcome, heard.fields
    told = ("invalid_argument", "not_sent", ("webhook_url",))

    assert {trick: answer for trick, answer in answers.items() if answer != told} == {}
    assert [request.path for request in sandbox.requests] == []
    assert foreign_host.visitors == []


async def test_of_a_good_address_the_id_and_the_token_alone_are_taken(
    face: Face, sandbox: Sandbox, foreign_host: ForeignHost
) -> None:
    for harmless in HARMLESS:
        address = harmless.replace("{port}", str(foreign_host.port))
        heard = await face.perform("SendWebhook", {"webhook_url": address, "content": "hi"}, token())
        assert heard.code == "ok", harmless

    arrived = [(request.method, request.path, request.query) for request in sandbox.requests]
    assert arrived == [("POST", f"/api/v10/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}", {"wait": "true"})] * len(HARMLESS)
    assert {request.authorization for request in sandbox.requests} == {"none"}
    assert {frozenset(request.body) for request in sandbox.requests} == {frozenset({"content", "allowed_mentions"})}
    assert foreign_host.visitors == []
