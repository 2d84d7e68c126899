"""What every published request gets, by a reviewed table: a status with its reason, and never a silent empty list."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..ehr import HOOKS, Json, without
from ..hooks.published import published
from ..test_published_requests import KEY_OF, answer, under_our_keys


def alone(body: Json) -> Json:
    """The request with nothing but the resources that it holds, under our keys, and no server to ask for the rest."""
    held = {key: value for key, value in under_our_keys(body)["prefetch"].items() if value is not None}
    return {**without(body, "fhirServer", "fhirAuthorization"), "prefetch": held}


def reviewed() -> dict[str, Json]:
    """The reviewed table, by file."""
    table = tomllib.loads((Path(__file__).parent / "published.toml").read_text(encoding="utf-8"))
    return {row["file"]: row for row in table["request"]}


def named_requests() -> Iterator[tuple[str, Json]]:
    """Every published hook request with its file."""
    for path in published("cds"):
        body = json.loads(path.read_bytes())
        if isinstance(body, dict) and "hook" in body:
            yield path.as_posix().partition("/data/cds/")[2], body


def said(told: Json) -> list[str]:
    """What fires, and what was not checked, on the cards of an answer."""
    notes = [note for card in told["cards"] for note in card["extension"]["org.cds-service.findings"]]
    unmade = [f"{check['rule']}: {check['missing']}" for note in notes for check in note.get("notChecked", ())]
    return unmade + [note["rule"] for note in notes if note["outcome"] == "fires"]


def test_every_request_is_in_the_reviewed_table_and_no_other() -> None:
    assert sorted(reviewed()) == sorted(name for name, _ in named_requests())
    assert all(row["why"] for row in reviewed().values())


@pytest.mark.parametrize(
    ("column", "written"),
    [("published", dict), ("alone", alone), ("completed", under_our_keys)],
    ids=["published", "alone", "completed"],
)
def test_each_gets_the_status_of_the_reviewed_table(column: str, written: Callable[[Json], Json]) -> None:
    rows, found = reviewed(), {}
    for name, body in named_requests():
        if column in rows[name]:
            service = body["hook"] if body["hook"] in HOOKS else "patient-view"
            status, told = answer(service, json.dumps(written(body)).encode())
            found[name] = status, said(told) if status == 200 else []
    expected = {name: (row[column], row.get("says", [])) for name, row in rows.items() if column in row}
    assert found == {name: (status, says if status == 200 else []) for name, (status, says) in expected.items()}


def test_an_empty_list_is_given_only_where_every_key_was_answered_and_every_order_was_seen() -> None:
    for name, body in named_requests():
        if body["hook"] not in HOOKS:
            continue
        for written in (dict, alone, under_our_keys):
            sent = written(body)
            status, told = answer(body["hook"], json.dumps(sent).encode())
            if status == 200 and told["cards"] == []:
                assert set(sent["prefetch"]) >= set(KEY_OF.values()), name
                assert body["hook"] == "patient-view" or "draftOrders" in body["context"], name
