"""What an idempotency key means for an action, when everything goes well and when a process or the store is gone.

                              SAME_EFFECT, ALREADY_DONE    WITH_NONCE                            NEVER
    first                     runs                         runs                                  runs
    answered before           the same answer              the same answer                       the same answer
    orphaned: its process     runs again ("done already"   sent again with the same nonce while  outcome_unknown
      died without an end     counts as done)              Discord remembers it, else unknown
    no clear end before       runs again                   as if orphaned                        outcome_unknown
    the store is away         runs, unprotected            refused, not sent                     refused, not sent

A message that is sent again in place of an orphan is settled by a success alone: a refusal says nothing of the first
attempt. Its key then stays an orphan, so that a further repeat may settle it while the nonce holds.

What waits for a limit may lose its key meanwhile, to another replica that took this process for dead. That is looked at
once more before each attempt: what could act twice is not sent without its key.
"""

from typing import Final

from services.discord_service.run import Run
from services.errors import Failure, KeysUnavailable, OutcomeUnknown
from services.ports import NONCE_SECONDS, Answer, Clock, Ending, IdempotencyStore, Orphaned, Repeat, Replay, Unprotected

RETRY_SOON_SECONDS: Final = 1.0
ORPHANED: Final = (
    "The first request with this idempotency key was cut off: nobody knows whether Discord carried it out."
)


class Keys:
    """Takes and leaves keys, for actions that bring one."""

    def __init__(self, store: IdempotencyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def enter(self, run: Run) -> Answer | None:
        """None: the action runs. An Answer: it, or what it repeats, ran before.

        Raises IdempotencyMismatch, IdempotencyInProgress, KeysUnavailable, Overloaded.
        """
        if run.claim is None:
            return None
        begun = await self._store.begin(run.claim, run.stamp.action_id, run.request.deadline)
        match begun:
            case Replay(answer):
                return answer
            case Unprotected(reason):
                _refuse_unless_harmless(run, reason)
                return None
        run.holds_key = True
        return await self._inherit(run, begun) if isinstance(begun, Orphaned) else None

    def check_held(self, run: Run) -> None:
        """Raises KeysUnavailable when the action could act twice because another may hold its key by now."""
        if run.claim is None or not run.holds_key or self._store.holds(run.claim, run.stamp.action_id):
            return
        _refuse_unless_harmless(run, "the key's lease ran out")

    async def leave(self, run: Run, ending: Ending) -> None:
        """Remembers the answer, or leaves the key as it was found. Once is enough, even if that once is cancelled."""
        if run.claim is not None and run.holds_key:
            run.holds_key = False
            await self._store.finish(run.claim, run.stamp.action_id, ending)

    async def _inherit(self, run: Run, orphan: Orphaned) -> Answer | None:
        """The action repeats one whose process died."""
        run.inherited = orphan
        if run.action.repeat.is_safe_for_callers:
            return None
        nonce_holds_seconds = NONCE_SECONDS - orphan.age_seconds
        if run.action.repeat is Repeat.WITH_NONCE and 0 < nonce_holds_seconds <= NONCE_SECONDS:
            run.delivery.deadline = min(run.delivery.deadline, self._clock.monotonic() + nonce_holds_seconds)
            return None
        answer = Answer(orphan.action_id, failure=_unknown(orphan))
        await self.leave(run, answer)
        return answer


def _refuse_unless_harmless(run: Run, reason: str) -> None:
    if not run.action.repeat.is_safe_for_callers:
        detail = f"The idempotency key cannot be kept ({reason}), and without it the action could happen twice."
        raise KeysUnavailable(detail, retry_after_seconds=RETRY_SOON_SECONDS)


def _unknown(orphan: Orphaned) -> Failure:
    unknown = OutcomeUnknown(ORPHANED)
    unknown.action_id = orphan.action_id
    return unknown.failure
