"""The record: rows of finished actions written in batches, and read back page by page."""

from services.audit.reader import AuditReader
from services.audit.writer import AuditWriter, RefusedRow, WriterHealth

__all__ = ["AuditReader", "AuditWriter", "RefusedRow", "WriterHealth"]
