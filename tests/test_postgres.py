"""The tests' PostgreSQL server: real transactions, a password, and its own data.

It is fully removed afterwards.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from tests import postgres

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres.postgres() as address:
        yield address


def ask(url: str, statement: str) -> object:
    """One value, over a connection of its own."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return connection.execute(text(statement)).scalar()


def write(url: str, *statements: str) -> None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_connection_sees_only_committed_rows(url):
    write(url, "create table seen (number int)", "insert into seen values (1)")
    with create_engine(url).begin() as connection:
        connection.execute(text("insert into seen values (2)"))
        assert ask(url, "select count(*) from seen") == 1
    assert ask(url, "select count(*) from seen") == 2


def test_locked_row_is_skipped(url):
    write(url, "create table queue (number int)", "insert into queue values (1), (2)")
    take = "select number from queue order by number limit 1 for update skip locked"
    with create_engine(url).begin() as connection:
        assert connection.execute(text(take)).scalar() == 1
        assert ask(url, take) == 2


@pytest.mark.parametrize("password", ["", "wrong"])
def test_rejects_missing_or_wrong_password(url, password):
    with pytest.raises(OperationalError):
        ask(make_url(url).set(password=password), "select 1")


def test_concurrent_servers_are_isolated(url):
    with postgres.postgres() as other:
        write(other, "create table mine (number int)")
        assert ask(url, "select to_regclass('mine')") is None
        assert ask(url, "show data_directory") != ask(other, "show data_directory")


def test_server_and_data_are_removed_after_failed_test():
    with suppress(ZeroDivisionError), postgres.postgres() as url:
        connection = create_engine(url).connect()
        data = Path(connection.execute(text("show data_directory")).scalar_one())
        assert running(data)
        _ = 1 / 0
    connection.invalidate()
    assert not data.parent.exists()
    assert running(data) == []
    with pytest.raises(OperationalError):
        ask(url, "select 1")


def running(data: Path) -> list[int]:
    """The processes of the server that has this data: each works in that folder."""
    return [
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cwd") if links(path) == data
    ]


def links(path: Path) -> Path | None:
    try:
        return path.readlink()
    except OSError:  # it has ended since, or belongs to somebody else
        return None


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_missing_postgresql_skips_locally_and_fails_in_ci(tmp_path, monkeypatch, ci, outcome):
    monkeypatch.setattr(postgres, "INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="PostgreSQL"), postgres.postgres():
        pass
