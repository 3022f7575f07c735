import pytest

from services.database.address import Address


def test_everything_in_the_url_reaches_the_driver() -> None:
    address = Address.parse(
        "postgresql://u%40x:p%3A%2F%40w@db.example:6432/actions?sslmode=verify-full&sslrootcert=/ca.pem"
    )

    assert address.uri == "postgres3://u%40x:p%3A%2F%40w@db.example:6432/actions"
    assert address.driver_args["sslmode"] == "verify-full"
    assert address.driver_args["sslrootcert"] == "/ca.pem"
    assert not address.is_sqlite


def test_a_raw_special_character_is_encoded_for_pydal() -> None:
    assert Address.parse("postgres://u:a$b+c@h/d").uri == "postgres3://u:a%24b%2Bc@h:5432/d"


def test_a_missing_password_is_left_to_libpq() -> None:
    assert Address.parse("postgresql://u@h/d").uri == "postgres3://u:@h:5432/d"


def test_a_missing_user_is_the_one_we_run_as(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "operator")
    assert Address.parse("postgresql://h/d").uri == "postgres3://operator:@h:5432/d"


def test_an_ipv6_host_is_connected_to_by_its_address() -> None:
    address = Address.parse("postgresql://u@[::1]:5433/d")
    assert address.uri == "postgres3://u:@[::1]:5433/d"
    assert address.driver_args["hostaddr"] == "::1"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@/d?host=/run/pg&port=5433",
        "postgresql://u@/d?unix_socket=/run/pg/.s.PGSQL.5433",
    ],
)
def test_a_unix_socket_is_found_by_its_folder_and_port(url: str) -> None:
    address = Address.parse(url)
    assert address.uri == "postgres3://u:@/d?unix_socket=/run/pg/.s.PGSQL.5433"
    assert address.driver_args["port"] == 5433


def test_liveness_settings_can_be_overridden_by_the_url() -> None:
    assert Address.parse("postgresql://u@h/d").driver_args["connect_timeout"] == 3
    assert Address.parse("postgresql://u@h/d?connect_timeout=9").driver_args["connect_timeout"] == "9"


def test_a_path_after_three_slashes_is_a_file() -> None:
    address = Address.parse("sqlite:////var/lib/actions.db")
    assert address.is_sqlite
    assert address.uri == "sqlite:///var/lib/actions.db"


def test_no_secret_is_shown() -> None:
    address = Address.parse("postgresql://u:hunter2@h/d?sslpassword=hunter3")
    assert "hunter" not in f"{address} {address.shown}"


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="must start with postgresql://"):
        Address.parse("mysql://u@h/d")
