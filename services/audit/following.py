"""Rows as they are written, for whoever watches.

Ids are given in the order rows are written, but not seen in it: of two replicas, the one that took its ids first may
commit last. So every look goes back OVERLAP ids and passes over those it has seen.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from services.audit.reader import AuditReader
from services.audit.selection import ids_query, newest_id, rows_by_id
from services.database import Session
from services.ports import ActionFilter, ActionRow

OVERLAP: Final = 2_000
MOST_IDS: Final = 2 * OVERLAP
MOST_AT_ONCE: Final = 200


class Follower:
    """What matches a filter and is written after `begin`, each row once."""

    def __init__(self, reader: AuditReader, wanted: ActionFilter) -> None:
        self._reader = reader
        self._wanted = wanted
        self._from_id = 0
        self._seen: set[int] = set()

    async def begin(self) -> None:
        """Counts every row there is as seen. Raises AuditUnavailable."""
        self._from_id = max(await self._reader.read(newest_id) - OVERLAP, 0)
        self._seen = set(await self._reader.read(partial(_ids, wanted=self._wanted, after_id=self._from_id)))

    def note(self, rows: Iterable[ActionRow]) -> None:
        """Counts these rows as seen."""
        self._seen |= {row.id for row in rows}

    async def written(self) -> list[ActionRow]:
        """At most MOST_AT_ONCE rows that were not seen yet, in the order they were written. Raises AuditUnavailable."""
        newest = await self._reader.read(newest_id)
        ids = await self._reader.read(partial(_ids, wanted=self._wanted, after_id=self._from_id))
        unseen = [row_id for row_id in ids if row_id not in self._seen]
        rows = await self._reader.read(partial(rows_by_id, ids=unseen[:MOST_AT_ONCE]))
        self.note(rows)
        if len(unseen) <= MOST_AT_ONCE:
            self._forget_before(newest if len(ids) < MOST_IDS else ids[-1])
        return rows

    def _forget_before(self, reached_id: int) -> None:
        self._from_id = max(self._from_id, reached_id - OVERLAP)
        self._seen = {row_id for row_id in self._seen if row_id > self._from_id}


def _ids(session: Session, wanted: ActionFilter, after_id: int) -> list[int]:
    return [int(found[0]) for found in session.rows(*ids_query(wanted, after_id, MOST_IDS))]
