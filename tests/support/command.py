"""`python app.py` by the environment it is given alone, whatever `.env` stands in this folder: run this file instead.

A developer's `.env`, such as `./setup.sh run` writes, must not decide how tests end, nor lead them to a real service.
Asked with a signal, the program says on stderr what each of its threads is at.
LOOP_WATCH names a file: what holds the event loop up is written there.
"""

import faulthandler
import os
import runpy
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WHERE_ARE_YOU = signal.SIGUSR2


def without_env_file(_path: Path | None) -> tuple[dict[str, str], list[object]]:
    return {}, []


if __name__ == "__main__":
    faulthandler.register(WHERE_ARE_YOU)
    sys.path[0] = str(ROOT)  # where `python app.py` looks first
    from configuration import sources

    sources._read_env_file = without_env_file  # type: ignore[assignment]
    if watched := os.environ.get("LOOP_WATCH"):
        from tests.support.loop_watch import watch_into

        watch_into(Path(watched))
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
