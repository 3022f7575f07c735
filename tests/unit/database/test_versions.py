"""Which databases are too old."""

import pytest

from services.database import Address, Session, versions
from services.database.versions import DatabaseTooOld, check_version, postgresql_version


def checked(url: str) -> None:
    session = Session(Address.parse(url), "test", statement_seconds=10)
    try:
        session.perform(check_version)
    finally:
        session.close()


def test_the_databases_of_these_tests_are_new_enough(database_url: str) -> None:
    checked(database_url)


def test_an_older_one_is_named_with_what_is_needed(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "OLDEST_POSTGRESQL", (99,))
    monkeypatch.setattr(versions, "OLDEST_SQLITE", (99, 1))
    with pytest.raises(DatabaseTooOld, match=r" [\d.]+ is too old: 99(\.1)? or later is needed"):
        checked(database_url)


@pytest.mark.parametrize(
    ("number", "version"),
    [(130000, (13, 0)), (120022, (12, 22)), (180001, (18, 1)), (90624, (9, 6, 24)), (100023, (10, 23))],
)
def test_a_number_of_postgresql_is_read(number: int, version: tuple[int, ...]) -> None:
    assert postgresql_version(number) == version
    assert (version < versions.OLDEST_POSTGRESQL) == (number < 130000)
