"""A token counts once, whichever process it comes to, and never where that cannot be told."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from cds_service.access.replay import SWEEP_EACH, ReplayStore, StoreFailure

NOW = 1_772_600_000.0
LATER = NOW + 360


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "used.sqlite3"


@pytest.fixture
def store(file: Path) -> Iterator[ReplayStore]:
    """An empty store."""
    store = ReplayStore(file)
    yield store
    store.close()


def _rows(file: Path) -> int:
    connection = sqlite3.connect(file)
    try:
        count: int = connection.execute("SELECT count(*) FROM used").fetchone()[0]
        return count
    finally:
        connection.close()


def _spend(file: Path, tokens: range) -> int:
    """How many of these tokens were new to a process with a store of its own."""
    store = ReplayStore(file)
    return sum(store.use(b"%d" % number, until=LATER, now=NOW) for number in tokens)


def test_a_token_is_new_once(store: ReplayStore) -> None:
    assert [store.use(b"a", until=LATER, now=NOW) for _ in range(3)] == [True, False, False]
    assert store.use(b"b", until=LATER, now=NOW)


def test_of_two_processes_one_alone_sees_a_token_as_new(file: Path) -> None:
    # Both spend the same thousand at the same time: each token is new to one of them, so the counts add up to 1000.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        new = processes.map(_spend, [file, file], [range(1000)] * 2)
        assert sum(new) == 1000
    assert _rows(file) == 1000


def test_of_many_threads_one_alone_sees_a_token_as_new(store: ReplayStore) -> None:
    with ThreadPoolExecutor(16) as threads:
        new = threads.map(lambda number: store.use(b"%d" % (number % 50), until=LATER, now=NOW), range(800))
        assert sum(new) == 50


def test_a_forked_worker_knows_what_was_used_before_it_began(store: ReplayStore) -> None:
    store.use(b"a", until=LATER, now=NOW)
    parents = store._own_connection()
    worker = os.fork()
    if worker == 0:
        new = [store.use(token, until=LATER, now=NOW) for token in (b"a", b"b")]
        # SQLite forbids to carry a connection over a fork.
        os._exit(0 if new == [False, True] and store._own_connection() is not parents else 1)
    assert os.waitpid(worker, 0)[1] == 0
    assert not store.use(b"b", until=LATER, now=NOW)


def test_what_was_used_is_known_after_a_restart(file: Path, store: ReplayStore) -> None:
    store.use(b"a", until=LATER, now=NOW)
    store.close()
    assert not ReplayStore(file).use(b"a", until=LATER, now=NOW)


def test_expired_tokens_are_forgotten_in_time_and_others_are_not(file: Path, store: ReplayStore) -> None:
    for number in range(SWEEP_EACH - 2):
        store.use(b"old %d" % number, until=LATER, now=NOW)
    store.use(b"young", until=LATER + 1, now=NOW)
    assert _rows(file) == SWEEP_EACH - 1
    store.use(b"the one that sweeps", until=LATER + 360, now=LATER)
    assert _rows(file) == 2
    assert not store.use(b"young", until=LATER + 1, now=LATER)


def test_no_token_itself_is_kept(file: Path, store: ReplayStore) -> None:
    columns = sqlite3.connect(file).execute("SELECT name FROM pragma_table_info('used')").fetchall()
    assert columns == [("token",), ("until",)]


def test_it_is_made_for_speed_that_a_crash_of_the_machine_may_cost_a_little(file: Path, store: ReplayStore) -> None:
    store.use(b"a", until=LATER, now=NOW)
    connection = store._own_connection()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (0,)


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StoreFailure, match=r"^FileNotFoundError$"):
        ReplayStore(tmp_path / "nowhere" / "used.sqlite3")


def test_a_file_that_is_no_database_stops_the_start_and_is_left_as_it_is(file: Path) -> None:
    file.write_bytes(b"what somebody else wrote" * 100)
    with pytest.raises(StoreFailure, match=r"^DatabaseError$"):
        ReplayStore(file)
    assert file.read_bytes() == b"what somebody else wrote" * 100


def test_a_file_that_was_taken_away_is_not_begun_anew(file: Path, store: ReplayStore) -> None:
    store.use(b"a", until=LATER, now=NOW)
    store.close()
    for each in file.parent.iterdir():
        each.unlink()
    with pytest.raises(StoreFailure, match=r"^OperationalError$"):
        store.use(b"a", until=LATER, now=NOW)
    assert not file.exists()


def test_a_check_remembers_nothing_and_notices_a_damaged_file(file: Path, store: ReplayStore) -> None:
    store.check()
    assert _rows(file) == 0
    store.close()
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreFailure, match=r"^DatabaseError$"):
        store.check()


def test_a_store_that_another_holds_is_waited_for_and_then_given_up(file: Path, store: ReplayStore) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFailure, match=r"^OperationalError$"):
        store.use(b"a", until=LATER, now=NOW)
    other.execute("ROLLBACK")
    assert store.use(b"a", until=LATER, now=NOW)


def test_threads_that_find_the_store_held_are_all_given_up_in_time(file: Path, store: ReplayStore) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def fault(number: int) -> str:
        with pytest.raises(StoreFailure) as caught:
            store.use(b"%d" % number, until=LATER, now=NOW)
        return str(caught.value)

    # One waits for the other writer and those behind it for their turn; nobody waits for them all.
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(fault, range(8))) <= {"OperationalError", "Busy"}
    other.execute("ROLLBACK")
    assert store.use(b"0", until=LATER, now=NOW)


def test_the_file_is_its_owner_s_alone(file: Path, store: ReplayStore) -> None:
    store.use(b"a", until=LATER, now=NOW)
    assert {each.stat().st_mode & 0o777 for each in file.parent.iterdir()} == {0o600}


def test_a_damaged_store_lets_nobody_through(file: Path, store: ReplayStore) -> None:
    for number in range(500):
        store.use(b"%d" % number, until=LATER, now=NOW)
    store.close()
    with file.open("r+b") as damaged:
        damaged.write(b"\0" * file.stat().st_size)
    with pytest.raises(StoreFailure):
        store.use(b"7", until=LATER, now=NOW)


def test_a_path_with_signs_of_a_url_is_a_path(tmp_path: Path) -> None:
    file = tmp_path / "a?mode=memory&b#c%20d.sqlite3"
    assert ReplayStore(file).use(b"a", until=LATER, now=NOW)
    assert file.is_file()
