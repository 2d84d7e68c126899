"""Every request that others published, to the service of its hook: refused with a reason or judged, never a failure."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.mapping.reads import READS
from cds_service.settings import Settings

from .ehr import HOOKS, Json, without
from .hooks.published import published

KEY_OF = {read.resource_type: read.key for read in READS}


@cache
def client() -> FlaskClient:
    """A service in production: it reads no server of these requests, whatever runs on this machine."""
    settings = Settings(
        profile="production", public_url="https://cds.example.org", card_key="a key for tests", log_level="error"
    )
    return create_app(settings).test_client()


def requests() -> Iterator[Json]:
    """Every published hook request; the other files are responses and discovery documents."""
    for path in published("cds"):
        body = json.loads(path.read_bytes())
        if isinstance(body, dict) and "hook" in body:
            yield body


def answer(hook: str, raw: bytes) -> tuple[int, Json]:
    response = client().post(f"/cds-services/myositis-{hook}", data=raw, content_type="application/json")
    told: Json = json.loads(response.data)
    if response.status_code == 200:
        assert isinstance(told["cards"], list)
    else:
        assert told["resourceType"] == "OperationOutcome"
        assert told["issue"][0]["diagnostics"]
    return response.status_code, told


def resources(value: object) -> Iterator[Json]:
    """Every resource in a prefetch value, whatever it is wrapped in."""
    if isinstance(value, dict):
        if value.get("resourceType") not in (None, "Bundle"):
            yield value
            return
        for each in value.values():
            yield from resources(each)
    elif isinstance(value, list):
        for each in value:
            yield from resources(each)


def under_our_keys(body: Json) -> Json:
    """The same request with its resources where we ask for them; a key without any is null."""
    lists: dict[str, Json | None] = dict.fromkeys(KEY_OF.values())
    for found in resources(body.get("prefetch")):
        key = KEY_OF.get(found["resourceType"])
        if key is not None:
            held = lists[key] or {"resourceType": "Bundle", "entry": []}
            held["entry"].append({"resource": found})
            lists[key] = held
    return {**body, "prefetch": lists}


def statuses(written: Callable[[Json], Json]) -> Counter[tuple[str, int]]:
    """How many requests of each of our hooks get which status."""
    return Counter(
        (body["hook"], answer(body["hook"], json.dumps(written(body)).encode())[0])
        for body in requests()
        if body["hook"] in HOOKS
    )


def test_as_published_each_is_told_why_it_cannot_be_judged() -> None:
    """None of them uses our prefetch keys, so that everything would have to be read."""
    assert statuses(lambda body: body) == {
        # one without a patient, one whose FHIR server has no address
        ("patient-view", 400): 2,
        # a FHIR server that is not configured
        ("patient-view", 403): 26,
        ("order-select", 403): 15,
        ("order-sign", 403): 20,
        # no FHIR server (two of Fimea, two of CRD, one of HAPI), or a token that cannot be used
        ("patient-view", 412): 2,
        ("order-select", 412): 1,
        ("order-sign", 412): 3,
    }


def test_with_their_resources_under_our_keys_they_are_judged() -> None:
    assert statuses(under_our_keys) == {
        ("patient-view", 200): 12,
        ("order-select", 200): 16,
        ("order-sign", 200): 22,
        # the same file without a patient
        ("patient-view", 400): 1,
        # sixteen of AHRQ and one of the opioid guideline hold another patient's resources, one CRD draft is another's
        ("patient-view", 403): 17,
        ("order-sign", 403): 1,
    }


def alone(body: Json) -> Json:
    """The request with nothing but the resources that it holds, under our keys, and no server to ask for the rest."""
    held = {key: value for key, value in under_our_keys(body)["prefetch"].items() if value is not None}
    return {**without(body, "fhirServer", "fhirAuthorization"), "prefetch": held}


def reviewed() -> dict[str, Json]:
    """The reviewed table, by file."""
    table = tomllib.loads((Path(__file__).parent / "published_requests.toml").read_text(encoding="utf-8"))
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
    ("column", "written"), [("published", dict), ("alone", alone), ("completed", under_our_keys)], ids=lambda each: ""
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


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_we_do_not_offer_is_refused(hook: str) -> None:
    refused = [answer(hook, json.dumps(body).encode()) for body in requests() if body["hook"] not in HOOKS]
    assert len(refused) == 19
    for status, told in refused:
        assert status == 400
        assert told["issue"][0]["expression"] == ["hook"]
        assert told["issue"][0]["diagnostics"] == "The hook is not supported by this service"


@pytest.mark.parametrize("hook", HOOKS)
def test_what_is_not_valid_json_is_refused_by_every_service(hook: str) -> None:
    for path in published("cds-malformed"):
        assert answer(hook, path.read_bytes())[0] == 400, path
