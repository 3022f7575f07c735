"""`audit refused`: rows that the database would not take, from the file in JOURNAL_DIR."""

import argparse
import sys
from typing import Any

import orjson

from config import RecordSettings
from services.audit.journal.disk import reason_of
from services.audit.listing import printable
from services.audit.refused import FILE, refused_rows
from services.exits import EXIT_OK, failed


def run(arguments: argparse.Namespace, settings: RecordSettings) -> int:
    """Lists them, oldest first. Returns the exit code: 0, or 1 with the reason on stderr."""
    count = 0
    try:
        for kept in refused_rows(settings.journal_dir):
            text = orjson.dumps(kept).decode() if arguments.json else _line(kept)
            sys.stdout.buffer.write(f"{text}\n".encode())
            count += 1
        sys.stdout.flush()
    except BrokenPipeError:
        return EXIT_OK
    except OSError as exc:
        return failed(f"{settings.journal_dir / FILE}: {reason_of(exc)}")
    if not count:
        sys.stderr.write(f"No row was refused: there is none in {settings.journal_dir / FILE}.\n")
    return EXIT_OK


def _line(kept: dict[str, Any]) -> str:
    row = kept["row"]
    told = (kept["refused_at"], row.get("action_type"), row["action_id"], row.get("outcome"), kept["reason"])
    return "  ".join(printable(str(value)) for value in told)
