"""What Prometheus reads: actions, Discord's replies, limits, the record, the process.

A `Metrics` owns its registry; there is no global one, so that every test and every instance has its own. Each subject
is a module here, which defines its metrics in one place with their meaning; the table in docs/operations.md is made
from these definitions.

Names follow https://prometheus.io/docs/practices/naming/: `discord_action_`, what is counted, its unit, and `_total`
for what only grows.
"""

from services.telemetry.metrics.actions import Stages
from services.telemetry.metrics.definitions import Definition
from services.telemetry.metrics.metrics import CONTENT_TYPE, Metrics

__all__ = ["CONTENT_TYPE", "Definition", "Metrics", "Stages"]
