"""How many actions a client may have done in a minute."""

from services.auth.windows import Windows
from services.errors import RateLimited
from services.ports import Caller


class ClientQuotas:
    """Fulfils `services.ports.Quotas`. A caller without a quota costs nothing here."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows

    async def take(self, caller: Caller) -> None:
        if caller.quota_per_minute is None:
            return
        wait_seconds = await self._windows.take(f"quota:{caller.client_id}", caller.quota_per_minute)
        if wait_seconds:
            detail = f"The client's quota of {caller.quota_per_minute} actions a minute is used up."
            raise RateLimited(detail, retry_after_seconds=wait_seconds)
