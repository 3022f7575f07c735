"""Looks through every file of the repository for secrets, with detect-secrets: `python -m tools.secret_scan`.

What is made up (tests, examples) is listed in `.secrets.baseline`, by a hash; everything else fails the check.
`--write` makes the list anew: read what it adds before committing it. In tests a value only counts when it has the form
of a real credential, because words such as `password="x"` are all over them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from detect_secrets.core import scan
from detect_secrets.settings import transient_settings

ROOT: Final = Path(__file__).parent.parent
BASELINE: Final = ROOT / ".secrets.baseline"
MADE_BY_TOOLS: Final = (
    "requirements.txt",
    "requirements-dev.txt",
    "proto/discord_action_pb2",
    "tools/buf/package-lock.json",
    ".secrets.baseline",
)
TESTS: Final = ("tests/", "bench/")
NOT_OURS: Final = frozenset({".git", ".venv", "node_modules", "vendor"})
LARGEST_BYTES: Final = 2 * 1024 * 1024

FORMS: Final = (
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
"""What services' credentials look like."""

SUSPICIONS: Final = (
    {"name": "BasicAuthDetector"},
    {"name": "KeywordDetector"},
    {"name": "Base64HighEntropyString", "limit": 4.5},
    {"name": "HexHighEntropyString", "limit": 3.0},
)
"""What looks like a credential wherever there should be none."""

FILTERS: Final = [
    {"path": f"detect_secrets.filters.{name}"}
    for name in (
        "allowlist.is_line_allowlisted",
        "heuristic.is_indirect_reference",
        "heuristic.is_likely_id_string",
        "heuristic.is_not_alphanumeric_string",
        "heuristic.is_potential_uuid",
        "heuristic.is_sequential_string",
        "heuristic.is_templated_secret",
    )
]

type Finding = tuple[str, str, str]
"""The file, the kind, and the hash of the value."""


def files() -> list[str]:
    """What is or could be committed; without Git, what is no cache."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 -- whichever Git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.splitlines() if listed.returncode == 0 else list(_walked())
    return sorted(name for name in names if _is_scanned(name))


def findings(names: Sequence[str]) -> dict[Finding, int]:
    """What was found, and in which line."""
    plain = [{"name": name} for name in FORMS]
    in_tests = [name for name in names if name.startswith(TESTS)]
    elsewhere = [name for name in names if not name.startswith(TESTS)]
    return _scanned(in_tests, plain) | _scanned(elsewhere, [*plain, *SUSPICIONS])


def main(arguments: Sequence[str]) -> int:
    """Returns 1 when there is something that is not on the list."""
    seen = findings(files())
    if "--write" in arguments:
        BASELINE.write_text(json.dumps(sorted(seen), indent=1) + "\n")
    known = {(name, kind, value) for name, kind, value in json.loads(BASELINE.read_text())}
    new = sorted((name, line, kind) for (name, kind, value), line in seen.items() if (name, kind, value) not in known)
    for name, line, kind in new:
        print(f"{name}:{line}: {kind}")
    return 1 if new else 0


def _scanned(names: Sequence[str], plugins: Sequence[dict[str, Any]]) -> dict[Finding, int]:
    with transient_settings({"plugins_used": list(plugins), "filters_used": FILTERS}):
        return {
            (name, secret.type, secret.secret_hash): secret.line_number
            for name in names
            for secret in scan.scan_file(str(ROOT / name))
        }


def _walked() -> Iterator[str]:
    for folder, folders, names in ROOT.walk():
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith("_cache")]
        yield from (str((folder / name).relative_to(ROOT)) for name in names)


def _is_scanned(name: str) -> bool:
    path = ROOT / name
    is_ours = not name.startswith(MADE_BY_TOOLS) and NOT_OURS.isdisjoint(Path(name).parts)
    return is_ours and path.is_file() and path.stat().st_size <= LARGEST_BYTES


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
