import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.telemetry import Metrics, metrics


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
    counted.watch_in_flight(lambda: 3)
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
    counted.audit_queue(7)
    counted.audit_written(5)
    counted.audit_failed(2)
    assert value(counted, "discord_action_audit_queue") == 7
    assert value(counted, "discord_action_audit_rows_total", result="written") == 5
    assert value(counted, "discord_action_audit_rows_total", result="failed") == 2


def test_the_release_is_named(counted: Metrics) -> None:
    assert value(counted, "discord_action_build", module="module", version="1.2.3") == 1


def test_two_instances_do_not_share_counts(counted: Metrics) -> None:
    counted.rate_limited("user")
    assert value(Metrics("other", "1"), "discord_action_rate_limited_total", scope="user") is None


def test_labels_that_escape_their_closed_set_stop_at_a_bound(counted: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_SERIES", 3)
    for number in range(10):
        counted.rate_limited(f"scope{number}")
    assert value(counted, "discord_action_rate_limited_total", scope="scope2") == 1
    assert value(counted, "discord_action_rate_limited_total", scope="scope3") is None
    assert value(counted, "discord_action_rate_limited_total", scope="other") == 7


def test_how_the_limits_stand(counted: Metrics) -> None:
    counted.limit_waited(0.2, "bulk")
    counted.limit_refused("overloaded")
    counted.limit_paused("token")
    counted.limits_shared(3, is_shared=True)
    counted.watch_limits({"waiting": lambda: 7})
    counted.watch_circuits({"outage": lambda: True})
    assert value(counted, "discord_action_limit_wait_seconds_count", priority="bulk") == 1
    assert value(counted, "discord_action_limit_refusals_total", reason="overloaded") == 1
    assert value(counted, "discord_action_limit_pauses_total", scope="token") == 1
    assert value(counted, "discord_action_limit_replicas") == 3
    assert value(counted, "discord_action_limits_shared") == 1
    assert value(counted, "discord_action_limit_state", what="waiting") == 7
    assert value(counted, "discord_action_circuit_open", circuit="outage") == 1
