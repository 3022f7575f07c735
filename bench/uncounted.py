"""The module without metrics, to measure what they cost: `python -m bench.uncounted` serves as `python app.py` does.

Everything that counts does nothing here, and the lag of the loop is not measured. There is no such setting: an operator
has no use for it.
"""

import sys
from contextlib import nullcontext

import app
from services.lifecycle import build
from services.telemetry import Metrics

COUNTING = (
    "action_finished",
    "rejected_request",
    "auth_failed",
    "replayed",
    "discord_reply",
    "retried",
    "rate_limited",
    "limit_waited",
    "limit_refused",
    "limit_paused",
    "audit_written",
    "audit_failed",
)


def main() -> int:
    """Serve, and count nothing."""
    for name in COUNTING:
        assert callable(getattr(Metrics, name))
        setattr(Metrics, name, lambda *_, **__: None)
    setattr(build, "loop_lag_measured", lambda _: nullcontext())  # noqa: B010  # the type checker sees no such swap
    return app.main([])


if __name__ == "__main__":
    sys.exit(main())
