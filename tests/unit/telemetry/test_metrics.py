import platform
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.telemetry import Metrics
from services.telemetry.metrics import Stages


@pytest.fixture
def counted() -> Metrics:
    return Metrics("module", "1.2.3")


def value(counted: Metrics, sample: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(counted.render().decode()):
        for found in family.samples:
            if found.name == sample and found.labels == labels:
                return float(found.value)
    return None


def test_actions(counted: Metrics) -> None:
    counted.watch("in_flight", lambda: 3)
    counted.action_finished("ban_user", "grpc", "delivered", "ok", 0.2)
    counted.action_finished("ban_user", "grpc", "rejected", "discord_unknown_member", 0.4)
    ended = {"action": "ban_user", "protocol": "grpc", "outcome": "delivered", "code": "ok"}
    assert value(counted, "discord_action_in_flight") == 3
    assert value(counted, "discord_action_actions_total", **ended) == 1
    assert value(counted, "discord_action_action_seconds_count", action="ban_user", protocol="grpc") == 2
    seconds = value(counted, "discord_action_action_seconds_sum", action="ban_user", protocol="grpc")
    assert seconds == pytest.approx(0.6)


def test_requests_replies_and_limits(counted: Metrics) -> None:
    counted.rejected_request("rest", "unauthenticated")
    counted.discord_reply("/channels/{channel_id}/messages", "2xx", 0.1)
    counted.rate_limited("shared")
    counted.rate_limited("shared")
    reply = {"route": "/channels/{channel_id}/messages", "status_class": "2xx"}
    assert value(counted, "discord_action_rejected_requests_total", protocol="rest", code="unauthenticated") == 1
    assert value(counted, "discord_action_discord_reply_seconds_count", **reply) == 1
    assert value(counted, "discord_action_rate_limited_total", scope="shared") == 2


def test_the_record(counted: Metrics) -> None:
    counted.watch("audit_queue_rows", lambda: 7)
    counted.watch("journal_damages", lambda: 2)
    counted.audit_written(5)
    counted.audit_failed(2)
    counted.audit_refused(1)
    assert value(counted, "discord_action_audit_queue_rows") == 7
    assert value(counted, "discord_action_journal_damages_total") == 2
    assert value(counted, "discord_action_audit_rows_total", result="refused") == 1
    assert value(counted, "discord_action_audit_rows_total", result="written") == 5
    assert value(counted, "discord_action_audit_rows_total", result="failed") == 2


def test_the_release_is_named(counted: Metrics) -> None:
    python = platform.python_version()
    assert value(counted, "discord_action_build_info", module="module", version="1.2.3", python=python) == 1


def test_two_instances_do_not_share_counts(counted: Metrics) -> None:
    counted.rate_limited("user")
    assert value(Metrics("other", "1"), "discord_action_rate_limited_total", scope="user") == 0


def test_labels_that_escape_their_closed_set_stop_at_a_bound(counted: Metrics) -> None:
    for number in range(10_000):
        counted.retried(f"reason{number}")
        counted.discord_reply(f"/route/{number}", "2xx", 0.1)
        counted.rejected_request("rest", f"code{number}")
        counted.action_finished(f"action{number}", "rest", "rejected", f"code{number}", 0.1)
    assert value(counted, "discord_action_retries_total", reason="reason299") == 1
    assert value(counted, "discord_action_retries_total", reason="reason300") is None
    assert value(counted, "discord_action_retries_total", reason="other") == 9_700
    assert counted.render().count(b"\n") < 20_000


def test_how_the_limits_stand(counted: Metrics) -> None:
    counted.limit_waited(0.2, "bulk")
    counted.limit_refused("overloaded")
    counted.limit_paused("token")
    counted.watch("limit_waiting", lambda: 7)
    counted.watch("circuit_open", lambda: True, "outage")
    counted.watch("circuit_open", lambda: False, "bot_token")
    assert value(counted, "discord_action_limit_wait_seconds_count", priority="bulk") == 1
    assert value(counted, "discord_action_limit_refusals_total", reason="overloaded") == 1
    assert value(counted, "discord_action_limit_pauses_total", scope="token") == 1
    assert value(counted, "discord_action_limit_waiting") == 7
    assert value(counted, "discord_action_circuit_open", circuit="outage") == 1
    assert value(counted, "discord_action_circuit_open", circuit="bot_token") == 0


def test_where_the_time_of_an_action_went(counted: Metrics) -> None:
    counted.action_finished("ban_user", "grpc", "delivered", "ok", 0.6, Stages(0.3, 0.2, 0.1))
    sums = [value(counted, "discord_action_stage_seconds_sum", stage=stage) for stage in ("waiting", "discord", "ours")]
    assert sums == pytest.approx([0.3, 0.2, 0.1])


def test_what_nobody_lets_us_watch_is_not_shown(counted: Metrics) -> None:
    assert value(counted, "discord_action_dependency_up", dependency="redis") is None
    counted.watch("dependency_up", lambda: 0, "redis")
    assert value(counted, "discord_action_dependency_up", dependency="redis") == 0
    with pytest.raises(KeyError):
        counted.watch("unheard_of", lambda: 0)


def test_names_follow_the_conventions(counted: Metrics) -> None:
    names = [definition.name for definition in counted.definitions]
    assert len(names) == len(set(names))
    for definition in counted.definitions:
        assert re.fullmatch(r"discord_action_[a-z_]+[a-z]", definition.name)
        assert definition.meaning.endswith(".")
        assert definition.kind != "histogram" or definition.name.endswith("_seconds")
        assert not definition.name.endswith("_total")  # prometheus-client adds it to counters
        assert not any(label in {"client", "client_id", "path", "channel", "guild"} for label in definition.labels)
