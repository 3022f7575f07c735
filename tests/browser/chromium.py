"""Which Chromium drives the browser tests: the machine's own, never a downloaded one.

`python -m tests.browser.chromium` prints its path, or exits with 1.
"""

import os
import shutil
import sys

VARIABLE = "CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "/usr/bin/chromium")
MISSING = f"no Chromium: none of {', '.join(NAMES)}, and {VARIABLE} names none (Debian: apt-get install chromium)"

# Chromium makes requests of its own (updates, sync, field trials); none may leave, nor may any of a page's.
LAUNCH_ARGUMENTS = (
    "--no-sandbox",  # as root, in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def find() -> str | None:
    """The path of a Chromium: the one `CHROMIUM` names, else the first that the machine has."""
    names = (named,) if (named := os.environ.get(VARIABLE)) else NAMES
    return next((path for name in names if (path := shutil.which(name))), None)


def is_required() -> bool:
    """Whether a run without a browser is a failure."""
    return os.environ.get("REQUIRE_BROWSER") == "1"


def main() -> int:
    path = find()
    sys.stdout.write(f"{path or MISSING}\n")
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
