"""The journal: what becomes of an action is on the local disk before anything depends on it.

    intent     before anything is sent           one file after another, each record with a checksum
    attempt    just before bytes leave           on the way to the page cache: survives the end of the process
    outcome    before the caller is answered     synced by a thread within 100 ms: survives the end of the machine

`Journal` writes, in a directory of its own (`Folder`, locked) in files that are allocated ahead: a `Store` of a `Chain`
of `Segment`s, of which the `Upkeep` does what has to wait for the disk.
Rows go to the table from memory, or by way of the `Backlog` where memory has no room. `Adopter` brings in what
other processes left behind (`Replay`).
"""

from services.audit.journal.adopter import Adopter
from services.audit.journal.backlog import Backlog
from services.audit.journal.disk import Disk
from services.audit.journal.folder import Folder, orphans
from services.audit.journal.journal import Journal, JournalHealth
from services.audit.journal.replay import Replay
from services.audit.journal.row import Lot, Origin, Row

__all__ = [
    "Adopter",
    "Backlog",
    "Disk",
    "Folder",
    "Journal",
    "JournalHealth",
    "Lot",
    "Origin",
    "Replay",
    "Row",
    "orphans",
]
