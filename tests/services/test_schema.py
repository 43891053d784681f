"""The schema on both databases: migrations, and what they forbid."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from leeward.domain.record import Evidence
from leeward.errors import StorageError
from leeward.storage import schema
from leeward.storage.derivatives import SqlDerivatives
from leeward.storage.engine import driver_error, make_engine
from leeward.storage.schema import REVISIONS, migrate
from leeward.storage.tables import METADATA
from made_derivatives import Numbers, facts, sighting
from patience import PATIENCE_SECONDS
from services_fixtures import START, Exchanges, MakeStore, SetClock, blocked, firing


def test_the_code_knows_exactly_the_migrations_that_there_are() -> None:
    config = Config()
    config.set_main_option("script_location", "leeward.storage:migrations")
    config.set_main_option("path_separator", "os")

    scripts = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert tuple(reversed(scripts)) == REVISIONS


def test_migrations_give_the_tables_that_the_code_uses(database_url: str) -> None:
    migrate(database_url)
    engine = make_engine(database_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()

    assert differences == []


def test_a_second_migration_has_nothing_to_do(database_url: str) -> None:
    assert (migrate(database_url), migrate(database_url)) == (True, False)


def test_a_start_without_a_migration_does_not_import_alembic(database_url: str) -> None:
    migrate(database_url)
    program = (
        "import sys; from leeward.storage import migrate; "
        "assert not migrate(sys.argv[1]); assert 'alembic' not in sys.modules"
    )

    command = [sys.executable, "-W", "error", "-c", program, database_url]
    done = subprocess.run(command, check=False, timeout=PATIENCE_SECONDS)

    assert done.returncode == 0


def test_workers_that_start_at_once_migrate_once(database_url: str) -> None:
    program = "import sys; from leeward.storage import migrate; print(migrate(sys.argv[1]))"
    starts = [
        subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    said = sorted(start.communicate(timeout=PATIENCE_SECONDS)[0].strip() for start in starts)

    assert said == ["False", "False", "False", "True"]


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    migrate(database_url)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(StorageError, match=r"schema 9999.*newest: " + schema.HEAD):
        migrate(database_url)


@pytest.mark.parametrize(
    "forbidden",
    [
        "UPDATE exchange_opened SET tenant = 'other'",
        "DELETE FROM exchange_opened",
        "UPDATE exchange_closed SET disposition = 0",
        "DELETE FROM exchange_closed",
        "UPDATE exchange_unfinished SET at = 0",
        "DELETE FROM exchange_unfinished",
        "UPDATE evidence SET kept_until = 0",
        "UPDATE evidence SET nonce = NULL, ciphertext = NULL, erased_at = 1, digest = 'x'",
        "DELETE FROM evidence",
        "UPDATE api_keys SET tenant = 'other'",
        "UPDATE api_keys SET revoked_at = 1, declared_use = '{}' || ' '",
        "DELETE FROM api_keys",
        "UPDATE licence_derivative_history SET why = 'other'",
        "DELETE FROM licence_derivative_history",
        "DELETE FROM licence_derivatives",
    ],
)
async def test_what_was_recorded_cannot_be_changed(
    database_url: str, make_store: MakeStore, exchanges: Exchanges, forbidden: str
) -> None:
    store = make_store(database_url)
    store.start()
    opened, left_open = exchanges.opened(), exchanges.opened()
    await store.open_record(opened)
    await store.open_record(left_open)
    evidence = Evidence(id=opened.id, kept_until=START, content=b"text", rule="RULE-MIST-001")
    store.close_record(exchanges.closed(opened, blocked(firing())), [evidence])
    store.keys.create("acme")
    SqlDerivatives(store.engine, SetClock(), Numbers()).record([sighting(facts())], "scan by ada", 0.0)
    store.close()

    with (
        pytest.raises(sa.exc.DBAPIError, match=r"append-only|erased, not|revoked, not|closed, not") as caught,
        store.engine.begin() as connection,
    ):
        connection.execute(sa.text(forbidden))

    assert isinstance(caught.value.orig, driver_error(store.engine))


@pytest.mark.parametrize(
    "table",
    [
        "exchange_opened", "exchange_closed", "exchange_unfinished", "evidence", "api_keys",
        "licence_derivatives", "licence_derivative_history",
    ],
)  # fmt: skip
def test_postgresql_refuses_to_empty_a_table(postgres: object, make_store: MakeStore, table: str) -> None:
    store = make_store(postgres.database())  # type: ignore[attr-defined]

    with (
        pytest.raises(sa.exc.DBAPIError, match=r"append-only|erased, not|revoked, not|closed, not"),
        store.engine.begin() as connection,
    ):
        connection.execute(sa.text(f"TRUNCATE {table}"))


async def test_sqlite_refuses_to_replace_a_record(
    tmp_path_factory: pytest.TempPathFactory, make_store: MakeStore, exchanges: Exchanges
) -> None:
    store = make_store(f"sqlite:///{tmp_path_factory.mktemp('db') / 'records.db'}")
    store.start()
    await store.open_record(exchanges.opened())
    store.close()

    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.engine.begin() as connection:
        connection.execute(sa.text("INSERT OR REPLACE INTO exchange_opened SELECT * FROM exchange_opened"))
