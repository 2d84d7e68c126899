"""Every request that others published, to the service of its hook: refused with a reason or judged, never a failure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.mapping.reads import READS
from cds_service.settings import Settings

from .callers import EHR, PUBLIC, signing, write_clients
from .ehr import HOOKS, Json
from .hooks.published import published

KEY_OF = {read.resource_type: read.key for read in READS}


@cache
def client() -> FlaskClient:
    """A service in production: it reads no server of these requests, whatever runs on this machine."""
    with TemporaryDirectory() as folder:
        settings = Settings(
            profile="production",
            public_url=PUBLIC,
            clients_file=str(write_clients(Path(folder), ehr={"issuer": EHR})),
            card_key="a key for tests",
            log_level="error",
        )
        return signing(create_app(settings).test_client())


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
        ("order-select", 200): 11,
        ("order-sign", 200): 19,
        # the same file without a patient, and a draft of Fimea in the form of R5
        ("patient-view", 400): 1,
        ("order-select", 400): 1,
        # six of PDDI-CDS hold STU3 conditions and orders, one of CQF Ruler an STU3 order
        ("order-select", 412): 4,
        ("order-sign", 412): 3,
        # sixteen of AHRQ and one of the opioid guideline hold another patient's resources, one CRD draft is another's
        ("patient-view", 403): 17,
        ("order-sign", 403): 1,
    }


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
