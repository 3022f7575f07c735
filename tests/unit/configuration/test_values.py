"""The bounds of every variable, and what the messages say."""

import pytest

from tests.unit.configuration.loading import load, problems_of


@pytest.mark.parametrize(
    ("variable", "value", "detail"),
    [
        ("GRPC_PORT", "65536", "from 0 to 65535"),
        ("REST_PORT", "50051", "must differ from GRPC_PORT"),
        ("HOST", "http://0.0.0.0", "address or a host name"),
        ("HOST", "[::]", "without brackets"),
        ("HOST", "0.0.0.0:80", "and port"),
        ("HOST", "localhost:80", "and port"),
        ("HOST", "256.0.0.1", "address or a host name"),
        ("HOST", "a\x00b", "address or a host name"),
        ("DISCORD_API_VERSION", "9", "must be 10"),
        ("JWT_ALGORITHM", "none", "HS256, HS384 or HS512"),
        ("JWT_EXPIRATION_SECONDS", "0", "from 1 to 31536000"),
        ("MODULE_NAME", "../x", "letters, digits"),
        ("MODULE_NAME", "a\nb", "letters, digits"),
        ("MODULE_VERSION", "v" * 65, "1 to 64 characters"),
        ("MODULE_VERSION", "1.0\r\nX: y", "printable ASCII"),
        ("MODULE_VERSION", "1.0\n", "printable ASCII"),
        ("MODULE_VERSION", "1.0 ", "without blanks around it"),
        ("MODULE_VERSION", "v1.ö", "printable ASCII"),
        ("MAX_CONCURRENT_REQUESTS", "0", "from 1 to 10000"),
        ("REQUEST_TIMEOUT", "nan", "a number from 0.1 to 3600"),
        ("REQUEST_TIMEOUT", "301", "MAX_WAIT, which is 300"),
        ("MAX_WAIT", "inf", "from 0.1 to 3600"),
        ("RETRY_DELAY", "61", "from 0 to 60"),
        ("DISCORD_RATE_LIMIT_GLOBAL", "0", "from 1 to"),
        ("DISCORD_RATE_LIMIT_PER_CHANNEL", "many", "whole number"),
        ("LOG_LEVEL", "verbose", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        ("LOG_FORMAT", "xml", "json or text"),
        ("AUDIT_RETENTION_DAYS", "0", "from 1 to 36500"),
        ("GRPC_REFLECTION", "perhaps", "true or false"),
        ("SYSLOG_PORT", "0", "from 1 to 65535"),
        ("SYSLOG_FACILITY", "LOCAL8", "syslog facility"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_what_it_must_be(variable: str, value: str, detail: str) -> None:
    problems = problems_of({variable: value})
    assert list(problems) == [variable]
    assert detail in problems[variable]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOST", "::"),
        ("HOST", "::1"),
        ("HOST", "10.0.0.1"),
        ("HOST", "localhost"),
        ("SYSLOG_HOST", "log_server"),
        ("SYSLOG_HOST", "logs.4chan.example."),
        ("MODULE_VERSION", "2.0.0-rc.1+build (a b)"),
        ("MODULE_VERSION", "v" * 64),
        ("MODULE_NAME", "discord-action.2"),
        ("LOG_DIR", "~/logs of mine"),
    ],
)
def test_an_unusual_value_is_a_value(variable: str, value: str) -> None:
    told = " ".join(load({variable: value, "ENABLE_SYSLOG": "true"}).summary().split())
    assert value.removeprefix("~") in told.partition(f"{variable}=")[2].partition(", ")[0]


def test_a_default_that_another_variable_rules_out_is_reported_as_what_it_is() -> None:
    problems = problems_of({"MAX_WAIT": "10", "GRPC_PORT": "8070"})
    assert problems == {
        "REST_PORT": "must differ from GRPC_PORT, both are 8070 (not set, it is 8070)",
        "REQUEST_TIMEOUT": "must not be more than MAX_WAIT, which is 10 (not set, it is 30)",
    }


def test_the_home_of_nobody_is_a_problem_of_each_path() -> None:
    path = "~nosuchuser/x"
    names = {"TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CLIENT_CA_FILE", "LOG_DIR", "JOURNAL_DIR"}
    problems = problems_of(dict.fromkeys(names, path) | {"REDIS_URL_FILE": path})
    assert problems.keys() == names | {"REDIS_URL_FILE"}
    assert all(detail.startswith(f"names a home folder that is not known here: {path}") for detail in problems.values())


def test_a_path_with_a_control_character_is_a_problem() -> None:
    problems = problems_of({"JOURNAL_DIR": "/j\x00", "REDIS_URL_FILE": "/r\x00"})
    assert problems == dict.fromkeys(("JOURNAL_DIR", "REDIS_URL_FILE"), "must be a path without control characters")
