from services.errors import AuditUnavailable
from services.ports import AuditEntry, Verdict


class MemoryAuditLog:
    """The record in a list; refuses when told to."""

    def __init__(self) -> None:
        self.begun: list[AuditEntry] = []
        self.attempted: list[str] = []
        self.ended: list[tuple[AuditEntry, Verdict]] = []
        self.is_full = False

    async def begin(self, entry: AuditEntry) -> None:
        if self.is_full:
            raise AuditUnavailable(retry_after_seconds=1)
        self.begun.append(entry)

    async def attempt(self, entry: AuditEntry) -> None:
        self.attempted.append(entry.action_id)

    async def end(self, entry: AuditEntry, verdict: Verdict) -> None:
        self.ended.append((entry, verdict))

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for _, verdict in self.ended]
