"""What many tests need: the shipped terminology and knowledge, loaded once."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from cds_service.knowledge.loader import Knowledge, load
from cds_service.mapping.terminology import Terminology

from .databases import Postgresql, postgresql

ROOT = Path(__file__).parent.parent

# No test, nor a process that it starts, keeps feedback among the files of whoever runs it.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="cds-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_DATA_HOME"], ignore_errors=True)

# No property asserts a time: a busy machine is no fault.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_unconfigure() -> None:
    """Nothing is logged after the closing line: stores that tests have spoilt are flushed when the process ends."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture(autouse=True)
def _log_apart_from_answers() -> None:
    """The log of a service whose test is over goes where that of a running one does, not among what a command prints."""
    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


@pytest.fixture(scope="session")
def terminology() -> Terminology:
    """The terminology as shipped."""
    return Terminology.load()


@pytest.fixture(scope="session")
def knowledge(terminology: Terminology) -> Knowledge:
    """The knowledge as shipped."""
    return load(terminology.name_of, terminology.ingredients, terminology.procedures)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with data that others published; a test that needs it is skipped where it is not there."""
    folder = Path(os.environ.get("CDS_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("skipped, because the folder of published data is not here (CDS_SHARED)")
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[Postgresql]:
    """A PostgreSQL server of our own."""
    with postgresql() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that holds nothing yet, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'feedback.db'}"
    server: Postgresql = request.getfixturevalue("server")
    return server.new_database()
