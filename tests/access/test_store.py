"""The feedback store, on a real SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

import datetime as dt
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import structlog
from msgspec.structs import replace
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from cds_service.access.store import (
    BadAddress,
    Busy,
    Full,
    Outcomes,
    Reason,
    Reported,
    Shown,
    Store,
    StoreError,
    Tally,
    Unusable,
    default_address,
)
from cds_service.access.store.errors import read_error
from cds_service.access.store.schema import HEAD
from cds_service.access.store.tables import METADATA

from ..databases import Postgresql, engine_of, rows

DAY = dt.date(2026, 3, 4)
AT = dt.datetime(2026, 3, 4, 9, 30, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 3, 4, 10, 0, tzinfo=dt.UTC)
SERVICE = "myositis-order-sign"
OUTDATED = Reason(system="https://cds-service.org/CodeSystem/override-reason", code="record-out-of-date")

ACCEPTED = Reported(
    service=SERVICE,
    card="c1",
    rule=5,
    severity="warning",
    hook="order-sign",
    knowledge="0123abcd",
    day=DAY,
    outcome="accepted",
    at=AT,
    suggestions=("s1",),
)
OVERRIDDEN = replace(ACCEPTED, outcome="overridden", suggestions=(), reasons=(OUTDATED,))
SHOWN = Shown(day=DAY, rule=5, severity="warning", hook="order-sign", service=SERVICE, knowledge="0123abcd")


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """A store that is ready."""
    made = Store(address)
    made.prepare()
    yield made
    made._engine.dispose()


def ended(store: Store) -> list[tuple[str, int]]:
    return [(each.outcome, each.count) for each in store.outcomes()]


def problem(work: object) -> str:
    """The problem that the store tells of."""
    assert callable(work)
    with pytest.raises(StoreError) as caught:
        work()
    return caught.value.problem


# What is kept


def test_an_outcome_is_kept_with_all_that_the_card_says(store: Store, address: str) -> None:
    assert store.keep([OVERRIDDEN], now=NOW) == 1
    counted = Outcomes(
        day=DAY,
        rule=5,
        severity="warning",
        hook="order-sign",
        knowledge="0123abcd",
        service=SERVICE,
        outcome="overridden",
        count=1,
    )
    assert store.outcomes() == [counted]
    assert store.reasons() == [replace(counted, reason=OUTDATED)]
    assert rows(address, "SELECT suggestions, comment FROM cds_feedback") == [(0, None)]


def test_of_suggestions_only_the_count_is_kept(store: Store, address: str) -> None:
    store.keep([replace(ACCEPTED, suggestions=("s1", "s2"))], now=NOW)
    assert rows(address, "SELECT suggestions FROM cds_feedback") == [(2,)]


def test_an_unknown_card_is_kept_as_unknown(store: Store) -> None:
    unknown = Reported(service=SERVICE, card="123456", day=DAY, outcome="accepted", at=AT)
    assert store.keep([unknown], now=NOW) == 1
    (kept,) = store.outcomes()
    assert (kept.rule, kept.severity, kept.hook, kept.knowledge, kept.count) == (None, None, None, None, 1)


def test_123_the_same_outcome_again_is_kept_once(store: Store) -> None:
    assert store.keep([ACCEPTED, OVERRIDDEN, ACCEPTED], now=NOW) == 2
    assert store.keep([OVERRIDDEN, ACCEPTED], now=NOW + dt.timedelta(hours=1)) == 0
    assert store.keep([replace(ACCEPTED, at=AT + dt.timedelta(seconds=1)), ACCEPTED], now=NOW) == 1


def test_123_the_order_of_suggestions_and_reasons_makes_no_difference(store: Store) -> None:
    other = Reason(display="Not now")
    store.keep([replace(ACCEPTED, suggestions=("s1", "s2"))], now=NOW)
    assert store.keep([replace(ACCEPTED, suggestions=("s2", "s1"))], now=NOW) == 0
    later = replace(OVERRIDDEN, at=AT + dt.timedelta(minutes=1))
    store.keep([replace(later, reasons=(OUTDATED, other))], now=NOW)
    assert store.keep([replace(later, reasons=(other, OUTDATED))], now=NOW) == 0
    assert {each.reason: each.count for each in store.reasons()} == {OUTDATED: 1, other: 1}


def test_no_feedback_is_nothing_to_keep(store: Store) -> None:
    assert store.keep([], now=NOW) == 0


def test_a_card_counts_once_by_its_latest_outcome(store: Store) -> None:
    later = replace(OVERRIDDEN, at=AT + dt.timedelta(minutes=5))
    store.keep([later], now=NOW)
    store.keep([ACCEPTED], now=NOW + dt.timedelta(hours=1))  # it comes later, but happened before
    assert ended(store) == [("overridden", 1)]
    store.keep([replace(ACCEPTED, at=AT + dt.timedelta(minutes=9))], now=NOW)
    assert ended(store) == [("accepted", 1)]
    assert store.reasons() == []


def test_of_two_outcomes_of_one_moment_the_later_received_counts(store: Store) -> None:
    store.keep([OVERRIDDEN], now=NOW + dt.timedelta(seconds=1))
    store.keep([ACCEPTED], now=NOW)
    assert ended(store) == [("overridden", 1)]


def test_days_are_taken_from_and_to_both_included(store: Store) -> None:
    for offset in range(3):
        day = DAY + dt.timedelta(days=offset)
        store.keep([replace(OVERRIDDEN, card=f"c{offset}", day=day)], now=NOW)
        store.add_shown({replace(SHOWN, day=day): 1 + offset})
    middle = DAY + dt.timedelta(days=1)
    assert [each.day for each in store.outcomes(middle, middle)] == [middle]
    assert [each.count for each in store.reasons(DAY, middle)] == [1, 1]
    assert store.shown(since=middle) == {
        replace(SHOWN, day=middle): 2,
        replace(SHOWN, day=DAY + dt.timedelta(days=2)): 3,
    }


def test_128_what_a_client_wrote_is_a_value_and_never_a_statement(store: Store, address: str) -> None:
    evil = "'); DROP TABLE cds_feedback; --"
    kept = replace(OVERRIDDEN, card=evil, reasons=(Reason(system=evil, code=evil, display=evil),), comment=evil)
    assert store.keep([kept], now=NOW) == 1
    assert rows(address, "SELECT card, comment FROM cds_feedback") == [(evil, evil)]


def test_a_moment_is_kept_in_utc(store: Store, address: str) -> None:
    store.keep([replace(ACCEPTED, at=AT.astimezone(dt.timezone(dt.timedelta(hours=5))))], now=NOW)
    ((kept,),) = rows(address, "SELECT outcome_at FROM cds_feedback")
    assert str(kept)[:16] == "2026-03-04 09:30"


# All or nothing


def test_122_of_a_batch_all_is_kept_or_nothing(store: Store) -> None:
    batch = [replace(ACCEPTED, card=f"c{number}") for number in range(999)]
    bad = replace(ACCEPTED, card="c999", outcome="lost")
    with pytest.raises(StoreError):
        store.keep([*batch, bad], now=NOW)
    assert store.outcomes() == []
    assert store.keep(batch, now=NOW) == 999


def test_a_batch_of_the_largest_size_is_kept(store: Store) -> None:
    batch = [replace(OVERRIDDEN, card=f"c{number}") for number in range(10_000)]
    assert store.keep(batch, now=NOW) == 10_000
    assert [(each.reason, each.count) for each in store.reasons()] == [(OUTDATED, 10_000)]


def test_a_card_overridden_without_a_reason_is_counted_as_such(store: Store) -> None:
    store.keep([replace(OVERRIDDEN, reasons=()), replace(OVERRIDDEN, card="c2"), replace(ACCEPTED, card="c3")], now=NOW)
    assert [(each.reason, each.count) for each in store.reasons()] == [(Reason(), 1), (OUTDATED, 1)]


def test_many_threads_with_the_same_cards_keep_each_once(store: Store) -> None:
    batches = [[replace(OVERRIDDEN, card=f"c{(start + number) % 40}") for number in range(40)] for start in range(16)]
    with ThreadPoolExecutor(16) as pool:
        new = list(pool.map(lambda batch: store.keep(batch, now=NOW), batches))
    assert sum(new) == 40
    assert ended(store) == [("overridden", 40)]


# Counts


def test_counts_of_cards_are_added_up(store: Store) -> None:
    critical = replace(SHOWN, severity="critical")
    store.add_shown({SHOWN: 2, critical: 1})
    store.add_shown({SHOWN: 3})
    store.add_shown({})
    assert store.shown() == {SHOWN: 5, critical: 1}


def test_counts_of_many_threads_are_added_up(store: Store) -> None:
    others = [replace(SHOWN, rule=number) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda turn: store.add_shown({each: 1 for each in others[:: (-1) ** turn]}), range(24)))
    assert set(store.shown().values()) == {24}


def test_a_tally_writes_nothing_until_it_is_told(store: Store) -> None:
    tally = Tally(store.add_shown)
    for _ in range(3):
        tally.add(SHOWN)
    assert store.shown() == {}
    tally.flush()
    tally.flush()
    assert store.shown() == {SHOWN: 3}


def test_a_tally_writes_by_itself_after_a_while() -> None:
    written: list[dict[Shown, int]] = []
    done = threading.Event()

    def write(counts: object) -> None:
        assert isinstance(counts, dict)
        written.append(dict(counts))
        done.set()

    tally = Tally(write, every_s=0.05)
    tally.add(SHOWN)
    assert done.wait(30)
    assert written == [{SHOWN: 1}]


def test_counts_that_cannot_be_written_are_kept_for_the_next_time(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.write_text("a file is in the way")
    store = Store(f"sqlite:///{folder / 'feedback.db'}")
    tally = Tally(store.add_shown)
    tally.add(SHOWN)
    structlog.reset_defaults()
    with capture_logs() as lines:
        tally.flush()
    assert lines == [{"event": "shown cards are not counted yet", "log_level": "warning", "problem": "missing"}]
    folder.unlink()
    store.check()
    tally.add(SHOWN)
    tally.flush()
    assert store.shown() == {SHOWN: 2}


# The tables


def test_the_steps_make_just_the_tables_that_are_used(store: Store, address: str) -> None:
    found = inspect(engine_of(address))
    assert set(found.get_table_names()) == {*METADATA.tables, "cds_schema"}
    for name, table in METADATA.tables.items():
        made = {column["name"]: column["nullable"] for column in found.get_columns(name)}
        assert made == {column.name: column.nullable for column in table.columns}
    assert rows(address, "SELECT version_num FROM cds_schema") == [(HEAD,)]


def test_a_second_start_changes_nothing(store: Store, address: str) -> None:
    store.keep([ACCEPTED], now=NOW)
    again = Store(address)
    again.prepare()
    assert ended(again) == [("accepted", 1)]


def test_several_starts_at_once_make_the_tables_once(address: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: Store(address).prepare(), range(6)))
    assert rows(address, "SELECT version_num FROM cds_schema") == [(HEAD,)]


def test_a_store_that_was_not_prepared_prepares_itself(address: str) -> None:
    store = Store(address)
    assert store.keep([ACCEPTED], now=NOW) == 1
    store.check()


def test_126_an_older_schema_is_brought_up_at_the_start_and_a_fault_until_then(store: Store, address: str) -> None:
    store.keep([ACCEPTED], now=NOW)
    with engine_of(address).begin() as connection:
        connection.execute(text("DELETE FROM cds_schema"))
        connection.execute(text("DROP TABLE cds_override_reason"))
    assert problem(store.check) == "schema"
    assert problem(lambda: store.keep([OVERRIDDEN], now=NOW)) == "schema"
    # Tables that stand in the way are not wiped: the start fails as well, and the row is still there.
    assert problem(Store(address).prepare) == "schema"
    assert rows(address, "SELECT outcome FROM cds_feedback") == [("accepted",)]


def test_a_schema_of_a_later_program_is_used_as_long_as_it_has_what_is_needed(store: Store, address: str) -> None:
    with engine_of(address).begin() as connection:
        connection.execute(text("UPDATE cds_schema SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE cds_feedback ADD COLUMN later VARCHAR(10)"))
    later = Store(address)
    later.prepare()
    later.check()
    assert later.keep([ACCEPTED], now=NOW) == 1
    assert rows(address, "SELECT version_num FROM cds_schema") == [("9999",)]


# Faults of a file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of `on_file` is."""
    return tmp_path / "kept" / "feedback.db"


@pytest.fixture
def on_file(path: Path) -> Store:
    """A store in a file, with one row."""
    made = Store(f"sqlite:///{path}")
    made.prepare()
    made.keep([ACCEPTED], now=NOW)
    return made


def test_a_file_is_its_owners_alone(on_file: Store, path: Path) -> None:
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"


def test_127_a_file_is_written_ahead_and_a_commit_waits_for_the_disk(on_file: Store) -> None:
    with on_file._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_126_a_file_that_was_taken_away_is_noticed_and_not_made_again(on_file: Store, path: Path) -> None:
    path.unlink()
    assert problem(on_file.check) == "missing"
    assert problem(lambda: on_file.keep([OVERRIDDEN], now=NOW)) == "missing"
    assert not path.exists()


@pytest.mark.parametrize("garbage", [b"This is no database. " * 300, b"SQLite format 3\x00" + b"\xff" * 8000])
def test_126_a_corrupt_file_is_noticed_and_left_as_it_is(on_file: Store, path: Path, garbage: bytes) -> None:
    path.write_bytes(garbage)
    assert problem(on_file.check) == "corrupt"
    assert problem(lambda: on_file.keep([OVERRIDDEN], now=NOW)) == "corrupt"
    assert problem(Store(f"sqlite:///{path}").prepare) == "corrupt"
    assert path.read_bytes() == garbage


def test_126_a_page_that_is_corrupt_is_noticed_at_the_start(on_file: Store, path: Path) -> None:
    on_file.keep([replace(ACCEPTED, card=f"c{number}") for number in range(500)], now=NOW)
    whole = path.read_bytes()
    broken = whole[:8192] + b"\xaa" * 4096 + whole[12288:]
    path.write_bytes(broken)
    assert problem(Store(f"sqlite:///{path}").prepare) == "corrupt"
    assert path.read_bytes() == broken


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who owns nothing: to root, a file is never read-only."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_126_a_file_that_may_not_be_written_is_noticed(open_folder: Path) -> None:
    path = open_folder / "feedback.db"
    store = Store(f"sqlite:///{path}")
    store.prepare()
    store.keep([ACCEPTED], now=NOW)
    path.chmod(0o444)
    open_folder.chmod(0o555)
    with nobody():
        assert problem(store.check) == "read-only"
        assert problem(lambda: store.keep([OVERRIDDEN], now=NOW)) == "read-only"
        assert problem(Store(f"sqlite:///{path}").prepare) == "missing"
    open_folder.chmod(0o755)
    assert ended(store) == [("accepted", 1)]


def test_124_a_full_disk_is_told_and_nothing_is_half_written(on_file: Store) -> None:
    pages: list[int] = []

    def no_more_pages(connection: sqlite3.Connection, _: object) -> None:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
        pages.append(count)
        connection.execute(f"PRAGMA max_page_count={count}")

    event.listen(on_file._engine, "connect", no_more_pages)
    batch = [replace(OVERRIDDEN, card=f"c{number}") for number in range(2000)]
    with pytest.raises(Full):
        on_file.keep(batch, now=NOW)
    event.remove(on_file._engine, "connect", no_more_pages)
    assert pages
    assert ended(on_file) == [("accepted", 1)]
    assert on_file.keep(batch, now=NOW) == 2000


def test_124_a_disk_without_any_room_left_is_told(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("skipped, because no file system may be mounted here")
    try:
        store = Store(f"sqlite:///{tmp_path / 'feedback.db'}")
        store.prepare()
        store.keep([ACCEPTED], now=NOW)
        with pytest.raises(Full):
            store.keep([replace(ACCEPTED, card=f"c{number}") for number in range(5000)], now=NOW)
        with (tmp_path / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(b"x" * 1024)
        assert problem(store.check) == "full"
        assert problem(lambda: store.keep([OVERRIDDEN], now=NOW)) == "full"
        (tmp_path / "filler").unlink()
        assert ended(store) == [("accepted", 1)]
        assert store.keep([OVERRIDDEN], now=NOW) == 1
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_125_a_lock_that_is_held_too_long_is_told(on_file: Store, path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            on_file.keep([OVERRIDDEN], now=NOW)
        on_file.check()  # busy is not broken
        other.execute("ROLLBACK")
    assert on_file.keep([OVERRIDDEN], now=NOW) == 1


def test_125_a_lock_that_is_given_back_in_time_is_waited_for(on_file: Store, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    release.start()
    assert on_file.keep([OVERRIDDEN], now=NOW) == 1
    release.join()
    other.close()


def test_a_report_reads_while_others_write(on_file: Store, path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert ended(on_file) == [("accepted", 1)]


# Faults of a server


@pytest.fixture
def on_server(server: Postgresql) -> Iterator[Store]:
    """A store on the server, with one row."""
    made = Store(server.new_database())
    made.prepare()
    made.keep([ACCEPTED], now=NOW)
    yield made
    made._engine.dispose()


def database_of(store: Store) -> str:
    return store.address.rpartition("/")[2]


def test_125_a_row_that_others_hold_too_long_is_told(server: Postgresql, on_server: Store) -> None:
    with server.connect(database_of(on_server)) as other, other.transaction():
        other.execute("LOCK TABLE cds_feedback")
        with pytest.raises(Busy):
            on_server.keep([OVERRIDDEN], now=NOW)
    assert on_server.keep([OVERRIDDEN], now=NOW) == 1


def test_126_a_server_that_only_reads_is_noticed(server: Postgresql, on_server: Store) -> None:
    with server.connect() as other:
        other.execute(f"ALTER DATABASE {database_of(on_server)} SET default_transaction_read_only = on".encode())
    on_server._engine.dispose()
    assert problem(on_server.check) == "read-only"
    assert problem(lambda: on_server.keep([OVERRIDDEN], now=NOW)) == "read-only"


def test_126_a_database_that_was_taken_away_is_noticed(server: Postgresql, on_server: Store) -> None:
    on_server._engine.dispose()
    with server.connect() as other:
        other.execute(f"DROP DATABASE {database_of(on_server)} WITH (FORCE)".encode())
    assert problem(on_server.check) == "unreachable"


def test_126_a_server_that_is_not_there_is_noticed() -> None:
    store = Store("postgresql://cds@127.0.0.1:9/none")
    assert problem(store.prepare) == "unreachable"
    assert problem(store.check) == "unreachable"


def test_126_many_callers_do_not_wait_one_after_the_other_for_a_server_that_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(f"postgresql://cds@127.0.0.1:{silent.getsockname()[1]}/none")
        assert problem(store.prepare) == "unreachable"
        attempts: list[str] = []
        event.listen(store._engine, "do_connect", lambda *_: attempts.append("tried"), insert=True)
        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda _: problem(lambda: store.keep([ACCEPTED], now=NOW)), range(40)))
    assert set(told) == {"unreachable"}
    assert attempts == []


def test_126_a_server_that_stands_still_is_given_up_and_used_again_when_it_goes_on(
    server: Postgresql, on_server: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.access.store.place._WRITING_S", 1)
    on_server.keep([OVERRIDDEN], now=NOW)
    with server.standing_still():
        assert problem(lambda: on_server.keep([replace(ACCEPTED, card="c2")], now=NOW)) == "unreachable"
        assert problem(on_server.check) == "unreachable"
    assert on_server.keep([replace(ACCEPTED, card="c2")], now=NOW) == 1


def test_127_a_server_that_loses_its_power_has_every_row_that_was_acknowledged(
    server: Postgresql, on_server: Store
) -> None:
    for number in range(20):
        on_server.keep([replace(ACCEPTED, card=f"c{number}", at=AT + dt.timedelta(seconds=1))], now=NOW)
    server.stop()
    assert problem(on_server.check) == "unreachable"
    server.start()
    on_server.check()  # and a connection that was lost is opened anew
    assert sum(count for _, count in ended(on_server)) == 20


@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        (psycopg.errors.DiskFull(), "full"),  # 124
        (psycopg.errors.DeadlockDetected(), "busy"),
        (psycopg.errors.TooManyConnections(), "busy"),
        (psycopg.errors.QueryCanceled(), "busy"),
        (psycopg.errors.InsufficientPrivilege(), "forbidden"),
        (psycopg.errors.InvalidPassword(), "forbidden"),
        (psycopg.errors.UndefinedColumn(), "schema"),
        (psycopg.errors.DataCorrupted(), "corrupt"),
        (psycopg.OperationalError("no such host"), "unreachable"),
    ],
)
def test_what_a_server_says_by_a_code_is_told_apart(cause: psycopg.Error, meaning: str) -> None:
    assert read_error(OperationalError("INSERT", {}, cause)).problem == meaning


# Two processes

WRITER = """
import datetime as dt, sys
from cds_service.access.store import Reported, Store

address, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store(address)
store.prepare()
at = dt.datetime(2026, 3, 4, 9, 30, tzinfo=dt.UTC)
for number in range(count):
    cards = [
        Reported(service="s", card=f"{name}-{number}-{half}", day=at.date(), outcome="accepted", at=at)
        for half in "ab"
    ]
    store.keep(cards, now=at)
    print(number, flush=True)
"""


def writer(address: str, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, address, name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


FORKING = """
import datetime as dt, os, sys
from cds_service.access.store import Reported, Store

store = Store(sys.argv[1])
store.prepare()
at = dt.datetime(2026, 3, 4, 9, 30, tzinfo=dt.UTC)
children = []
for child in range(4):
    pid = os.fork()
    if pid == 0:
        for number in range(20):
            card = f"{child}-{number}"
            store.keep([Reported(service="s", card=card, day=at.date(), outcome="accepted", at=at)], now=at)
        os._exit(0)
    children.append(pid)
sys.exit(any([os.waitpid(pid, 0)[1] for pid in children]))
"""


def test_a_store_that_was_prepared_may_be_shared_with_processes_that_are_forked_then(address: str) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", FORKING, address], env=environ, check=True, timeout=120)
    assert ended(Store(address)) == [("accepted", 80)]


def test_two_processes_write_side_by_side(address: str) -> None:
    with writer(address, "x", 50) as first, writer(address, "y", 50) as second:
        assert first.wait(120) == 0
        assert second.wait(120) == 0
    assert ended(Store(address)) == [("accepted", 200)]


def test_127_a_process_that_is_killed_loses_no_row_that_was_acknowledged_and_leaves_no_half_batch(address: str) -> None:
    acknowledged: set[int] = set()
    with writer(address, "x", 1_000_000) as process:
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged.add(int(line))
            if len(acknowledged) == 30:
                process.kill()
        assert process.wait(60) == -9
    kept = {str(card) for (card,) in rows(address, "SELECT card FROM cds_feedback")}
    assert {f"x-{number}-{half}" for number in acknowledged for half in "ab"} <= kept
    assert {card[:-1] + "a" for card in kept} == {card[:-1] + "a" for card in kept if card.endswith("b")}
    assert len(kept) % 2 == 0


# Where it is


def test_the_file_of_a_user_lies_in_the_users_data_folder_whatever_folder_one_is_in() -> None:
    assert default_address({"XDG_DATA_HOME": "/data"}) == "sqlite:////data/cds-service/feedback.db"
    expected = Path.home() / ".local" / "share" / "cds-service" / "feedback.db"
    assert default_address({}) == f"sqlite:///{expected}"
    assert default_address({"XDG_DATA_HOME": "relative"}) == f"sqlite:///{expected}"


@pytest.mark.parametrize("address", ["", "secret", "mysql://u:secret@h/d", "sqlite://", "postgresql://u:p@h:secret/d"])
def test_what_is_no_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(BadAddress) as caught:
        Store(address)
    assert str(caught.value) == "not the address of a database"


def test_an_address_is_shown_without_its_password() -> None:
    shown = Store("postgresql://cds:secret@db.example.org/cds").address
    assert shown == "postgresql+psycopg://cds:***@db.example.org/cds"


def test_an_error_repeats_nothing_of_what_was_to_be_stored(on_file: Store, path: Path) -> None:
    path.unlink()
    with pytest.raises(Unusable) as caught:
        on_file.keep([replace(OVERRIDDEN, comment="Ms Weekly")], now=NOW)
    assert str(caught.value) == "the feedback store: missing"
    assert caught.value.__suppress_context__
