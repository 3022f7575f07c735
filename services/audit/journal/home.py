"""The directory one process writes: its lock and its mark, made anew should somebody delete it."""

from contextlib import suppress
from pathlib import Path

from services.audit.journal.folder import Folder
from services.audit.journal.mark import Position, ShippedMark


class Home:
    """Under `root`. Its owner calls `leave`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder: Folder | None = None
        self._mark: ShippedMark | None = None

    @property
    def path(self) -> Path:
        """Raises FileNotFoundError while there is none."""
        if self._folder is None:
            raise FileNotFoundError("the journal has no directory")
        return self._folder.path

    def move_in(self) -> bool:
        """Makes a directory unless there is one; whether it did. Raises OSError."""
        if self._folder is not None and self._folder.exists:
            return False
        self.leave()
        self._folder = Folder.create(self.root)
        self._mark = ShippedMark(self._folder.path)
        return True

    def move_mark(self, position: Position) -> None:
        """Remembers how far the table has the rows, if it can: else rows will be sent once more."""
        if self._mark is not None:
            with suppress(OSError):
                self._mark.move(position)

    def leave(self, *, is_done: bool = False) -> None:
        """Lets go of the directory; removes it when nothing in it is needed."""
        if self._mark is not None:
            self._mark.close()
        if self._folder is not None:
            if is_done:
                self._folder.remove()
            self._folder.release()
        self._mark = self._folder = None
