"""The record: an action goes into the journal as it happens, as a row into the table, and is read back."""

from services.audit.handover import AuditLines, Handover
from services.audit.journal import Journal
from services.audit.reader import AuditReader
from services.audit.refused import RefusedRow
from services.audit.shelf import RedisShelf
from services.audit.writer import AuditWriter, WriterHealth

__all__ = [
    "AuditLines",
    "AuditReader",
    "AuditWriter",
    "Handover",
    "Journal",
    "RedisShelf",
    "RefusedRow",
    "WriterHealth",
]
