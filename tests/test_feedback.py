"""Feedback through the whole service, as processes and over HTTP where it matters: FAULTS group H."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import structlog
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from cds_service.access.store import Shown, Store
from cds_service.app import create_app
from cds_service.hooks.card_id import CardId, write_card_id
from cds_service.settings import DEVELOPMENT_KEY, Settings, SettingsError

from . import databases
from .ehr import AS_OF, METHOTREXATE, Json, cards, draft, issue, request, weekly

SERVICE = "myositis-order-sign"
FEEDBACK = f"/cds-services/{SERVICE}/feedback"
CARD = write_card_id(
    CardId(number=5, severity="warning", hook="order-sign", version="0123abcd", day=AS_OF),
    key=DEVELOPMENT_KEY.encode(),
    entropy=7,
)
OVERRIDDEN: Json = {
    "card": CARD,
    "outcome": "overridden",
    "outcomeTimestamp": "2026-03-04T09:30:00Z",
    "overrideReason": {
        "reason": {"code": "record-out-of-date", "system": "https://cds-service.org/CodeSystem/override-reason"},
        "userComment": "Ms Weekly told me so",
    },
}
ACCEPTED: Json = {
    "card": CARD,
    "outcome": "accepted",
    "outcomeTimestamp": "2026-03-04T09:31:00Z",
    "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
}
CALL = request("order-sign", drafts=[draft(METHOTREXATE, "draft-1", weekly(15, "mon"))])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file that feedback is kept in."""
    return tmp_path / "feedback.db"


def service(path: Path, **settings: Any) -> FlaskClient:
    """A client of the service on this file."""
    told = {"as_of": AS_OF, "log_level": "error", "database_url": f"sqlite:///{path}", **settings}
    return create_app(Settings(**told)).test_client()


@pytest.fixture
def client(path: Path) -> FlaskClient:
    """A client of a development service."""
    return service(path)


def give(client: FlaskClient, *entries: Json, to: str = FEEDBACK) -> tuple[int, Any]:
    response = client.post(to, json={"feedback": entries})
    return response.status_code, json.loads(response.data)


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in a file."""
    return databases.rows(f"sqlite:///{path}", query)


# What is kept


def test_feedback_on_a_card_of_ours_is_kept_by_rule_severity_hook_version_service_and_day(
    client: FlaskClient, path: Path
) -> None:
    assert give(client, OVERRIDDEN) == (200, {"new": 1})
    assert rows(path, "SELECT service, card, rule, severity, hook, knowledge, day, outcome FROM cds_feedback") == [
        (SERVICE, CARD, 5, "warning", "order-sign", "0123abcd", "2026-03-04", "overridden")
    ]


def test_a_card_that_the_service_gave_is_attributed_to_its_rule(client: FlaskClient, path: Path) -> None:
    response = client.post(f"/cds-services/{SERVICE}", json=CALL)
    (card,) = (each for each in cards(response) if each["source"]["topic"]["code"] == "MTX-05")
    assert give(client, {**OVERRIDDEN, "card": card["uuid"].upper()}) == (200, {"new": 1})
    ((rule, severity, day),) = rows(path, "SELECT rule, severity, day FROM cds_feedback")
    assert (rule, severity, day) == (_number_of("MTX-05"), "warning", AS_OF.isoformat())


def _number_of(rule: str) -> int:
    from cds_service.cli.knowledge import entry_of, load_knowledge
    from cds_service.mapping.terminology import Terminology

    return entry_of(load_knowledge(Terminology.load()), rule).rule.row.number


def test_120_feedback_on_an_unknown_card_is_kept_as_unknown(client: FlaskClient, path: Path) -> None:
    foreign = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
    forged = CARD[:-1] + ("0" if CARD[-1] != "0" else "1")
    assert give(client, *({**OVERRIDDEN, "card": card} for card in (foreign, forged))) == (200, {"new": 2})
    assert rows(path, "SELECT DISTINCT rule, severity, hook, knowledge FROM cds_feedback") == [(None,) * 4]
    assert {card for (card,) in rows(path, "SELECT card FROM cds_feedback")} == {foreign, forged}


def test_120_a_card_of_another_key_is_unknown(path: Path) -> None:
    give(service(path, card_key="another key altogether"), OVERRIDDEN)
    assert rows(path, "SELECT rule FROM cds_feedback") == [(None,)]


def test_an_id_that_could_hold_anything_is_kept_as_a_digest_alone(client: FlaskClient, path: Path) -> None:
    assert give(client, {**OVERRIDDEN, "card": "Wilma Weekly 1968-03-14"})[0] == 200
    assert give(client, {**OVERRIDDEN, "card": "Wilma Weekly 1968-03-14"}) == (200, {"new": 0})
    ((card,),) = rows(path, "SELECT card FROM cds_feedback")
    assert len(card) == 64
    assert b"Wilma" not in path.read_bytes()


def test_120_an_unknown_service_is_not_found(client: FlaskClient) -> None:
    status, outcome = give(client, OVERRIDDEN, to="/cds-services/other/feedback")
    assert (status, outcome["issue"][0]["diagnostics"]) == (404, "There is no such service")


@pytest.mark.parametrize(
    ("change", "place"),
    [({"outcome": "ignored"}, "feedback[0].outcome"), ({"outcomeTimestamp": None}, "feedback[0].outcomeTimestamp")],
)
def test_121_a_bad_outcome_or_no_timestamp_is_a_400(client: FlaskClient, change: Json, place: str) -> None:
    told = issue(client.post(FEEDBACK, json={"feedback": [{**OVERRIDDEN, **change}]}), 400)
    assert told["expression"] == [place]
    assert "Weekly" not in json.dumps(told)


def test_122_of_a_thousand_entries_with_a_bad_one_nothing_is_kept(client: FlaskClient, path: Path) -> None:
    many = [{**OVERRIDDEN, "card": f"c{number}"} for number in range(1000)]
    told = issue(client.post(FEEDBACK, json={"feedback": [*many[:-1], {**many[-1], "outcome": "?"}]}), 400)
    assert told["expression"] == ["feedback[999].outcome"]
    assert rows(path, "SELECT count(*) FROM cds_feedback") == [(0,)]
    assert give(client, *many) == (200, {"new": 1000})


def test_123_the_same_feedback_twice_is_kept_once(client: FlaskClient, path: Path) -> None:
    assert give(client, OVERRIDDEN, OVERRIDDEN) == (200, {"new": 1})
    assert give(client, OVERRIDDEN, ACCEPTED) == (200, {"new": 1})
    assert rows(path, "SELECT outcome FROM cds_feedback ORDER BY outcome_at") == [("overridden",), ("accepted",)]


def test_def_14_an_empty_list_is_taken(client: FlaskClient) -> None:
    assert give(client) == (200, {"new": 0})


def test_128_a_comment_is_kept_only_where_the_setting_says_so(path: Path, tmp_path: Path) -> None:
    give(service(path), OVERRIDDEN)
    assert rows(path, "SELECT comment FROM cds_feedback") == [(None,)]
    assert b"Ms Weekly" not in path.read_bytes()
    kept = tmp_path / "kept.db"
    give(service(kept, feedback_comments=True), OVERRIDDEN)
    assert rows(kept, "SELECT comment FROM cds_feedback") == [("Ms Weekly told me so",)]


@pytest.mark.parametrize("text", ["'); DROP TABLE cds_feedback; --", "a\x00b", "x" * 1_000_000, "\u202eabc\r\n"])
def test_128_free_text_is_borne(path: Path, text: str) -> None:
    client = service(path, feedback_comments=True)
    assert give(client, {**OVERRIDDEN, "overrideReason": {"code": text, "system": text, "userComment": text}})[0] == 200
    ((comment,),) = rows(path, "SELECT comment FROM cds_feedback")
    assert len(comment) <= 1000
    assert "\x00" not in comment


def test_128_comments_are_never_logged(path: Path) -> None:
    client = service(path, feedback_comments=True, log_level="debug")
    with capture_logs() as lines:
        give(client, OVERRIDDEN)
        give(client, {**OVERRIDDEN, "outcome": "?"})
        path.unlink()
        assert give(client, OVERRIDDEN)[0] == 503
    structlog.reset_defaults()
    assert [line["event"] for line in lines] == ["refused", "feedback was not kept", "refused"]
    assert "Weekly" not in str(lines)


def test_the_example_of_the_page_is_taken(client: FlaskClient) -> None:
    page = (Path(__file__).parents[1] / "docs" / "feedback.md").read_text(encoding="utf-8")
    example = page.split("```http")[1].split("```")[0]
    assert example.startswith(f"\nPOST {FEEDBACK}\n")
    response = client.post(FEEDBACK, data=example[example.index("{") :].encode(), content_type="application/json")
    assert response.get_json() == {"new": 1}


def test_the_page_tells_how_old_feedback_is_deleted(client: FlaskClient, path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "feedback.md").read_text(encoding="utf-8")
    script = page.split("```sql")[1].split("```")[0].replace("2026-01-01", "2026-03-05")
    give(client, OVERRIDDEN, {**OVERRIDDEN, "card": "123456", "outcomeTimestamp": "2026-03-05T00:00:00Z"})
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.executescript(script)
    connection.close()
    assert rows(path, "SELECT day FROM cds_feedback") == [("2026-03-05",)]
    assert rows(path, "SELECT count(*) FROM cds_override_reason") == [(1,)]


# When the store cannot be used


def retry_after(client: FlaskClient) -> str:
    response = client.post(FEEDBACK, json={"feedback": [OVERRIDDEN]})
    assert response.status_code == 503
    return response.headers["Retry-After"]


def advises(client: FlaskClient) -> bool:
    return "MTX-05" in [
        card["source"]["topic"]["code"] for card in cards(client.post(f"/cds-services/{SERVICE}", json=CALL))
    ]


def not_ready(client: FlaskClient) -> str:
    response = client.get("/health/ready")
    assert (response.status_code, response.get_json()["status"]) == (503, "not ready")
    told: str = response.get_json()["feedback"]
    return told


def test_124_a_full_store_is_a_507_and_hooks_still_answer(
    client: FlaskClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def without_room(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    monkeypatch.setattr("cds_service.access.store.place.sqlite3.connect", without_room)
    many = [{**OVERRIDDEN, "card": f"c{number}"} for number in range(2000)]
    told = issue(client.post(FEEDBACK, json={"feedback": many}), 507)
    assert (told["code"], told["severity"]) == ("no-store", "fatal")
    assert told["diagnostics"] == "There is no room to keep feedback; nothing of it was kept"
    assert advises(client)
    monkeypatch.undo()
    assert rows(path, "SELECT count(*) FROM cds_feedback") == [(0,)]
    assert give(client, *many) == (200, {"new": 2000})


def test_125_a_locked_store_is_a_503_with_retry_after_and_hooks_still_answer(client: FlaskClient, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told = issue(client.post(FEEDBACK, json={"feedback": [OVERRIDDEN]}), 503)
    assert (told["code"], told["diagnostics"]) == ("lock-error", "The feedback store is busy; nothing was kept")
    assert retry_after(client) == "2"
    assert advises(client)
    assert client.get("/health/ready").status_code == 200
    other.close()
    assert give(client, OVERRIDDEN) == (200, {"new": 1})


def test_126_without_its_file_the_service_is_not_ready_and_hooks_still_answer(client: FlaskClient, path: Path) -> None:
    path.unlink()
    assert not_ready(client) == "missing"
    assert retry_after(client) == "60"
    assert advises(client)
    assert client.get("/health/live").status_code == 200
    assert not path.exists()


def test_126_a_corrupt_file_at_the_start_is_left_alone_and_hooks_still_answer(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 300)
    before = path.read_bytes()
    client = service(path)
    assert not_ready(client) == "corrupt"
    assert retry_after(client) == "60"
    assert advises(client)
    assert path.read_bytes() == before


def test_126_an_older_schema_is_not_wiped_and_hooks_still_answer(client: FlaskClient, path: Path) -> None:
    give(client, OVERRIDDEN)
    other = sqlite3.connect(path)
    with other:
        other.execute("DELETE FROM cds_schema")
    other.close()
    assert not_ready(client) == "schema"
    assert not_ready(service(path)) == "schema"
    assert advises(client)
    assert rows(path, "SELECT outcome FROM cds_feedback") == [("overridden",)]


def test_126_a_store_that_comes_back_is_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.write_text("a file is in the way")
    client = service(folder / "feedback.db")
    assert not_ready(client) == "missing"
    folder.unlink()
    assert client.get("/health/ready").status_code == 200
    assert give(client, OVERRIDDEN) == (200, {"new": 1})


def test_an_address_that_is_none_stops_the_start(path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^CDS_DATABASE_URL: not an address like "):
        service(path, database_url="postgresql://u:p@h:secret/d")


def test_without_the_driver_a_server_stops_the_start_in_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    told = r"^CDS_DATABASE_URL: PostgreSQL needs its driver, cds-service\[postgresql\]$"
    with pytest.raises(SettingsError, match=told):
        service(path, database_url="postgresql://cds@127.0.0.1:9/none")


def test_a_trial_in_this_process_keeps_nothing() -> None:
    client = create_app(Settings(as_of=AS_OF, log_level="error"), feedback=False).test_client()
    assert give(client, OVERRIDDEN)[0] == 404
    assert client.get("/health/ready").status_code == 200


def test_a_preflight_for_feedback_needs_nothing(client: FlaskClient) -> None:
    response = client.options(
        FEEDBACK, headers={"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    )
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"


def test_metrics_count_feedback_apart_from_calls(client: FlaskClient) -> None:
    give(client, OVERRIDDEN)
    page = client.get("/metrics").get_data(as_text=True)
    assert f'cds_requests_total{{service="{SERVICE}/feedback",status="200"}} 1.0' in page
    assert f'cds_requests_total{{service="{SERVICE}",status="200"}}' not in page


# As processes


class Running:
    """The service as an operator runs it, with two workers."""

    def __init__(self, address: str, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.base = f"http://127.0.0.1:{port}"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
        environ |= {"PYTHONPATH": str(Path(__file__).parents[1]), "CDS_DATABASE_URL": address}
        command = [sys.executable, "-m", "cds_service.cli", "serve", "--port", str(port), "--as-of", AS_OF.isoformat()]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        for _ in range(400):
            try:
                if requests.get(f"{self.base}/health/live", timeout=5).status_code == 200:
                    return
            except requests.ConnectionError:
                assert self.process.poll() is None
            time.sleep(0.05)
        raise AssertionError("the service does not answer")

    def post(self, path: str, body: Json) -> requests.Response:
        """What comes back."""
        return requests.post(self.base + path, json=body, timeout=30)

    def workers(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if not children.exists():
            pytest.skip("skipped, because this system does not show the children of a process")
        return [int(child) for child in children.read_text().split()]


@contextmanager
def running(address: str, log: Path) -> Iterator[Running]:
    """A service that is stopped in the end."""
    server = Running(address, log)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.terminate()
            server.process.wait(timeout=30)


@pytest.mark.slow
def test_what_was_shown_is_counted_by_every_worker_and_written_at_the_stop(address: str, tmp_path: Path) -> None:
    calls = 30
    with running(address, tmp_path / "log") as server:
        answers = [server.post(f"/cds-services/{SERVICE}", CALL) for _ in range(calls)]
        shown = [len(answer.json()["cards"]) for answer in answers]
        server.process.terminate()
        assert server.process.wait(timeout=30) == 0
    counts = Store(address).shown()
    (of_rule,) = (each for each in counts if each.rule == _number_of("MTX-05"))
    version = of_rule.knowledge
    assert of_rule == Shown(
        day=AS_OF,
        rule=of_rule.rule,
        severity="warning",
        hook="order-sign",
        service=SERVICE,
        knowledge=version,
    )
    assert counts[of_rule] == calls
    assert len(version) == 8
    assert sum(counts.values()) == sum(shown)


@pytest.mark.slow
def test_127_workers_and_master_that_are_killed_lose_no_feedback_that_was_acknowledged(
    address: str, tmp_path: Path
) -> None:
    acknowledged: set[str] = set()
    enough = threading.Event()
    over = threading.Event()

    def send(server: Running, name: str) -> None:
        number = 0
        while not over.is_set():
            pair = [f"00000000-0000-4000-8000-{name}{number:06d}{half:05d}" for half in (0, 1)]
            try:
                response = server.post(FEEDBACK, {"feedback": [{**OVERRIDDEN, "card": card} for card in pair]})
            except requests.RequestException:
                continue
            if response.status_code == 200:
                acknowledged.update(pair)
            if len(acknowledged) > 100:
                enough.set()
            number += 1

    with running(address, tmp_path / "log") as server:
        senders = [threading.Thread(target=send, args=(server, str(name))) for name in range(4)]
        for sender in senders:
            sender.start()
        assert enough.wait(60)
        os.kill(server.workers()[0], signal.SIGKILL)
        enough.clear()
        assert enough.wait(60)
        workers = server.workers()
        for victim in (server.process.pid, *workers):
            os.kill(victim, signal.SIGKILL)
        over.set()
        for sender in senders:
            sender.join()
        assert server.process.wait(30) == -9
    kept = {str(card) for (card,) in databases.rows(address, "SELECT card FROM cds_feedback")}
    assert acknowledged <= kept
    assert {card[:-1] for card in kept if card.endswith("0")} == {card[:-1] for card in kept if card.endswith("1")}
    with running(address, tmp_path / "log") as server:
        assert requests.get(f"{server.base}/health/ready", timeout=10).status_code == 200


@pytest.mark.slow
def test_two_workers_keep_the_same_feedback_once(address: str, tmp_path: Path) -> None:
    with running(address, tmp_path / "log") as server:
        answers = [server.post(FEEDBACK, {"feedback": [OVERRIDDEN, ACCEPTED]}).json()["new"] for _ in range(12)]
    assert sum(answers) == 2
    log = (tmp_path / "log").read_text()
    assert [told for told in ("Weekly", CARD) if told in log] == []
    assert databases.rows(address, "SELECT count(*) FROM cds_feedback") == [(2,)]


@pytest.mark.slow
def test_129_with_a_full_log_disk_requests_are_answered(path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("skipped, because this system has no /dev/full")
    with running(f"sqlite:///{path}", full) as server:
        assert server.post(FEEDBACK, {"feedback": [OVERRIDDEN]}).json() == {"new": 1}
        assert server.post(FEEDBACK, {"feedback": [{}]}).status_code == 400
        assert server.post(f"/cds-services/{SERVICE}", {}).status_code == 400
        assert server.post(f"/cds-services/{SERVICE}", CALL).status_code == 200
