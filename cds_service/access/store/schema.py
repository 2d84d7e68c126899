"""The tables brought up to what this program needs, and the question whether they are."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select

from .errors import Unusable
from .tables import TABLES, VERSION_TABLE

_FOLDER = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 4_372_640_331
"""Any number that nobody else uses in a database that we may share."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


_STEPS = ScriptDirectory.from_config(_config())
_KNOWN = frozenset(step.revision for step in _STEPS.walk_revisions())
HEAD = _STEPS.get_current_head()
"""The last step that this program knows."""


def migrate(connection: Connection) -> None:
    """Takes the steps that are missing, in the transaction of `connection`; nothing is ever taken away.

    Others who start at the same time must wait. A database that took steps of a later program is left as it is.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
    if _revision(connection) in {None, *_KNOWN}:
        command.upgrade(_config(connection), "head")


def check(connection: Connection) -> None:
    """Raises Unusable where the tables are not those that this program, or a later one, made."""
    revision = _revision(connection)
    if revision is None or (revision in _KNOWN and revision != HEAD):
        raise Unusable("schema")
    for table in TABLES:
        connection.execute(select(table).limit(0))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
