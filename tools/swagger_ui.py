"""Renews Swagger UI, which /docs serves: `python -m tools.swagger_ui 5.36.0`, or `--check`.

Takes the files from the npm package swagger-ui-dist without installing it, so that nothing of it runs here, and writes
down beside them which version they are and their SHA-256.
"""

import argparse
import hashlib
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from config import ROOT

FOLDER: Final = ROOT / "services" / "rest_api" / "vendor" / "swagger_ui"
README: Final = FOLDER / "README.md"
FILES: Final = ("LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css")
TEXT: Final = """# Swagger UI {version}

From the npm package `swagger-ui-dist`, as published; Apache License 2.0 ([LICENSE](LICENSE), [NOTICE](NOTICE)). What it
brings along is listed in `swagger-ui-bundle.js.LICENSE.txt`. Do not edit the files: a test compares their SHA-256.

To renew them (needs npm): `.venv/bin/python -m tools.swagger_ui VERSION`, then look at /docs.

| file | SHA-256 |
| --- | --- |
{rows}
"""


def renew(version: str) -> None:
    """Puts the files of a published version in place of those that are there."""
    with tempfile.TemporaryDirectory() as folder:
        package = f"swagger-ui-dist@{version}"
        packing = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, package]
        subprocess.run(packing, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        for name in FILES:
            (FOLDER / name).write_bytes((Path(folder) / "package" / name).read_bytes())
    rows = "\n".join(f"| `{name}` | `{digest(FOLDER / name)}` |" for name in FILES)
    README.write_text(TEXT.format(version=version, rows=rows))


def changed() -> list[str]:
    """Gives the files that are not what was written down."""
    known = dict(re.findall(r"^\| `(\S+)` \| `([0-9a-f]{64})` \|$", README.read_text(), re.MULTILINE))
    return [name for name in FILES if known.get(name) != digest(FOLDER / name)]


def digest(path: Path) -> str:
    """Gives the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Renews the files, or says whether they are as published; 1 when they are not."""
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("version", nargs="?", help="the version of swagger-ui-dist to take")
    choice.add_argument("--check", action="store_true", help="fail when a file is not as it was published")
    wanted = parser.parse_args()
    if wanted.version:
        renew(wanted.version)
    found = changed()
    print("Swagger UI: " + (f"changed by hand: {', '.join(found)}" if found else "as published"))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
