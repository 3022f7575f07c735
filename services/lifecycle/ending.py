"""The end of the process, whatever hangs.

The stop has its budget on the event loop. What could hold the process longer holds the loop itself, or comes after it:

- The destructor of a gRPC server waits for gRPC's own thread, and that one for connections that are still shaking
  hands: as long as the other side likes. It runs wherever the last reference falls, and since the server is part of a
  cycle, that is wherever the search for garbage happens to run, on the loop as well. So what was built is kept, and the
  process ends without the interpreter's own end, which would let go of it after all.
- The loop waits for a look-up of a name when it closes.
- Whatever else blocks the loop once a stop is asked for is ended from a thread of C, which needs neither the loop nor
  the interpreter. It prints where every thread was, because that is a defect.
"""

import faulthandler
import gc
import os
import sys
import threading
from typing import Final, NoReturn

END_SECONDS: Final = 1.0
LOG_SECONDS: Final = 5.0
"""What the log may take for its last lines when its sink hangs."""


class Ending:
    """Belongs to the one process that serves; tests that only build the house have none."""

    def __init__(self) -> None:
        self._kept: list[object] = []

    def keep(self, built: object) -> None:
        """Lets go of it only with the process."""
        self._kept.append(built)

    def expect_within(self, stop_seconds: float) -> None:
        """The stop began and has so long. Beyond it, and what comes after it, the process ends with 1."""
        faulthandler.dump_traceback_later(stop_seconds + LOG_SECONDS + 2 * END_SECONDS, exit=True)

    def begin(self, status: int) -> None:
        """Nothing is left to do but to end: within END_SECONDS, even when closing the loop hangs."""
        last_resort = threading.Timer(END_SECONDS, os._exit, (status,))
        last_resort.daemon = True
        last_resort.start()

    def end(self, status: int) -> NoReturn:
        """Ends the process, once the loop is closed."""
        gc.collect()  # what was leaked is still reported
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
