"""The tables of the event store, and what makes them of those that an earlier release wrote."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.stores.event_store_sorting import PORTION, add_days, sum_days_anew, writing_columns

if TYPE_CHECKING:
    import duckdb

LAYOUT: Final = 4
"""The version of the tables below.

Layout 1 had neither revisions nor enrichments; layouts 1 and 2 had a table `usage` whose facts named organisation,
account and meter themselves; layout 3 had no sums of days. Each becomes this one when it is opened.
"""

_WITHOUT_DAYS: Final = 3

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS event (
    organisation VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    event_id VARCHAR,
    key UBIGINT NOT NULL,
    schema_name VARCHAR NOT NULL,
    schema_version INTEGER,
    account_ref VARCHAR NOT NULL,
    account_id VARCHAR,
    customer_id VARCHAR,
    event_at TIMESTAMP NOT NULL,
    received_at TIMESTAMP NOT NULL,
    source VARCHAR NOT NULL,
    attributes VARCHAR NOT NULL,
    dimensions VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    status_description VARCHAR,
    filtered_out VARCHAR,
    enrichments VARCHAR
);
ALTER TABLE event ADD COLUMN IF NOT EXISTS enrichments VARCHAR;
CREATE TABLE IF NOT EXISTS series (
    series INTEGER NOT NULL,
    organisation VARCHAR NOT NULL,
    account_id VARCHAR NOT NULL,
    meter_id VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS fact_arrived (
    series INTEGER NOT NULL,
    meter_version INTEGER NOT NULL,
    event_at TIMESTAMP NOT NULL,
    value DECIMAL(38, 12) NOT NULL,
    position BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS fact_sorted (
    series INTEGER NOT NULL,
    meter_version INTEGER NOT NULL,
    event_at TIMESTAMP NOT NULL,
    value DECIMAL(38, 12) NOT NULL,
    position BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS fact_day (
    series INTEGER NOT NULL,
    day DATE NOT NULL,
    value DECIMAL(38, 12) NOT NULL
);
CREATE VIEW IF NOT EXISTS fact AS FROM fact_sorted UNION ALL FROM fact_arrived;
CREATE VIEW IF NOT EXISTS usage AS
SELECT organisation, account_id, meter_id, meter_version, event_at, value, position
FROM fact JOIN series USING (series);
CREATE TABLE IF NOT EXISTS revision (
    organisation VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    number BIGINT NOT NULL,
    revised_at TIMESTAMP NOT NULL,
    status VARCHAR NOT NULL,
    status_description VARCHAR,
    before_reverting VARCHAR,
    schema_version INTEGER,
    account_id VARCHAR,
    customer_id VARCHAR,
    filtered_out VARCHAR,
    enrichments VARCHAR
);
CREATE VIEW IF NOT EXISTS judged AS
SELECT event.* REPLACE (
    CASE WHEN latest.position IS NULL THEN event.status ELSE latest.status END AS status,
    CASE WHEN latest.position IS NULL THEN event.status_description ELSE latest.status_description END
        AS status_description,
    CASE WHEN latest.position IS NULL THEN event.schema_version ELSE latest.schema_version END AS schema_version,
    CASE WHEN latest.position IS NULL THEN event.account_id ELSE latest.account_id END AS account_id,
    CASE WHEN latest.position IS NULL THEN event.customer_id ELSE latest.customer_id END AS customer_id,
    CASE WHEN latest.position IS NULL THEN event.filtered_out ELSE latest.filtered_out END AS filtered_out,
    CASE WHEN latest.position IS NULL THEN event.enrichments ELSE latest.enrichments END AS enrichments
), latest.before_reverting
FROM event LEFT JOIN (
    SELECT position, unnest(max_by(outcome, number)) FROM (
        SELECT position, number, struct_pack(status, status_description, before_reverting, schema_version, account_id,
            customer_id, filtered_out, enrichments) AS outcome FROM revision
    ) GROUP BY position
) AS latest ON latest.position = event.position;
CREATE TABLE IF NOT EXISTS progress (through_row BIGINT NOT NULL, received_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS identity (id VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);
"""
_NAMED: Final = "usage_before_series"
"""The table `usage` of layouts 1 and 2, as long as facts of it have to be moved."""

_BEGIN_MOVING: Final = f"""
ALTER TABLE usage RENAME TO {_NAMED};
{_TABLES}
INSERT INTO series
SELECT row_number() OVER (ORDER BY organisation, account_id, meter_id) - 1, * FROM (
    SELECT DISTINCT organisation, account_id, meter_id FROM {_NAMED}
);
"""  # noqa: S608 - constants
_GIVEN_SERIES: Final = f"""
SELECT series, meter_version, event_at, value, position
FROM (FROM {_NAMED} WHERE rowid >= $first AND rowid < $behind) JOIN series USING (organisation, account_id, meter_id)
"""  # noqa: S608 - constants
_SORT: Final = f"INSERT INTO fact_sorted {_GIVEN_SERIES} ORDER BY series, event_at"
_LET_ARRIVE: Final = f"INSERT INTO fact_arrived {_GIVEN_SERIES} ORDER BY position"


def laid_out(database: duckdb.DuckDBPyConnection, name: str) -> None:
    """See to it that the file in use has the tables of this layout; `name` is that of the file.

    Raises:
        BillingError: of kind BROKEN, when a newer release wrote it.
    """
    version = _version(database)
    if version > LAYOUT:
        reason = f"{name} has layout {version}, this release knows {LAYOUT}: use the release that wrote it"
        raise BillingError(Kind.BROKEN, "event_store_version", Problem("", reason))
    database.begin()
    try:
        database.execute(_BEGIN_MOVING if _exists(database, "usage", "BASE TABLE") else _TABLES)
        if version == _WITHOUT_DAYS:
            sum_days_anew(database)
        database.execute("DELETE FROM schema_version WHERE version <> ?", [LAYOUT])
        database.execute("INSERT INTO schema_version SELECT ? WHERE NOT EXISTS (FROM schema_version)", [LAYOUT])
        database.execute("INSERT INTO identity SELECT ? WHERE NOT EXISTS (FROM identity)", [secrets.token_hex(16)])
        database.execute("INSERT INTO progress SELECT 0, NULL WHERE NOT EXISTS (FROM progress)")
        database.commit()
    except BaseException:
        database.rollback()
        raise
    if _exists(database, _NAMED, "BASE TABLE"):
        _move_named(database)


def _version(database: duckdb.DuckDBPyConnection) -> int:
    if not _exists(database, "schema_version", "BASE TABLE"):
        return 0
    rows = database.execute("SELECT version FROM schema_version").fetchall()
    return int(rows[0][0]) if rows else 0


def _exists(database: duckdb.DuckDBPyConnection, name: str, kind: str) -> bool:
    query = """
        SELECT count(*) FROM information_schema.tables
        WHERE table_catalog = current_database() AND table_name = ? AND table_type = ?
    """
    return bool(database.execute(query, [name, kind]).fetchall()[0][0])


def _move_named(database: duckdb.DuckDBPyConnection) -> None:
    """Give the facts of an earlier layout their series, a portion in each transaction; a start that died goes on.

    Nothing was ever deleted there, so that a fact's row is its place, and as many were moved as there are now.
    """
    with writing_columns(database):
        while True:
            (moved,) = _counts(database, "fact")
            (count,) = _counts(database, _NAMED)
            if moved == count:
                break
            portion = {"first": moved, "behind": moved + PORTION}
            database.begin()
            if count - moved >= PORTION:
                database.execute(_SORT, portion)
                add_days(database, _GIVEN_SERIES, portion)
            else:
                database.execute(_LET_ARRIVE, portion)
            database.commit()
    database.execute(f"DROP TABLE {_NAMED}")
    database.execute("CHECKPOINT")


def _counts(database: duckdb.DuckDBPyConnection, table: str) -> tuple[int]:
    counts: tuple[int] = database.execute(f"SELECT count(*) FROM {table}").fetchall()[0]  # noqa: S608 - constants
    return counts
