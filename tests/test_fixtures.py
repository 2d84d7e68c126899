"""The synthetic patients: valid R4, consistent, never stale, and answered with exactly the cards that they promise."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service._fixtures import fixtures_folder
from cds_service.app import create_app
from cds_service.cli.dates import shift_dates, weeks_until
from cds_service.cli.faults import UnknownFixture
from cds_service.cli.fixtures import fixture_names, load_fixture
from cds_service.mapping.reads import READS
from cds_service.mapping.terminology import Terminology
from cds_service.settings import Settings

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

NAMES = fixture_names()
WRITTEN = dt.date(2026, 11, 23)
LATER = WRITTEN + dt.timedelta(weeks=61)


def test_there_are_patients_enough() -> None:
    assert len(NAMES) >= 10


def test_every_folder_is_a_patient_and_tells_its_day() -> None:
    folders = sorted(folder.name for folder in fixtures_folder().iterdir() if folder.is_dir())
    assert folders == list(NAMES)
    for name in NAMES:
        assert sorted(file.name for file in (fixtures_folder() / name).iterdir()) == [
            "expected.json",
            "fixture.json",
            "request.json",
        ]
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", written(name, "fixture.json")["as_of"])


def test_the_readme_names_every_patient() -> None:
    readme = (fixtures_folder() / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .* \(`([a-z-]+)`\) \| ([a-z-]+) \|", readme, re.MULTILINE)
    assert sorted(rows) == [
        (name, fixture.patient_id, fixture.hook) for name in NAMES for fixture in [load_fixture(name, WRITTEN)]
    ]


# The cards


@cache
def answers(as_of: dt.date) -> dict[str, str]:
    """What the service says about every patient on a day when their records are as fresh as can be on that day."""
    client = create_app(Settings(as_of=as_of, log_level="error")).test_client()
    said = {}
    for name in NAMES:
        fixture = load_fixture(name, as_of)
        response = client.post(
            f"/cds-services/myositis-{fixture.hook}", data=fixture.request, content_type="application/json"
        )
        assert response.status_code == 200, (name, response.data)
        said[name] = response.get_data(as_text=True)
    return said


def stated(response: str) -> list[Json]:
    """The cards reduced to what `expected.json` states."""
    reduced: list[Json] = []
    for card in json.loads(response)["cards"]:
        shown = {
            "summary": card["summary"],
            "indicator": card["indicator"],
            "findings": card["extension"]["org.cds-service.findings"],
        }
        if "suggestions" in card:
            shown["suggestions"] = [suggestion["label"] for suggestion in card["suggestions"]]
        reduced.append(shown)
    return reduced


@pytest.mark.parametrize("name", NAMES)
def test_a_patient_gets_exactly_the_expected_cards(name: str) -> None:
    assert stated(answers(WRITTEN)[name]) == json.loads(load_fixture(name, WRITTEN).expected)["cards"]


@pytest.mark.parametrize("days", range(1, 7))
@pytest.mark.parametrize("name", NAMES)
def test_the_cards_are_the_same_on_every_day_of_a_later_week(name: str, days: int) -> None:
    today = LATER + dt.timedelta(days=days)
    assert stated(answers(today)[name]) == json.loads(load_fixture(name, today).expected)["cards"]


def test_the_runner_sees_a_card_that_is_not_as_expected() -> None:
    name = "methotrexate-without-folic-acid"
    expected = json.loads(load_fixture(name, WRITTEN).expected.replace(b"warning", b"info"))["cards"]
    assert stated(answers(WRITTEN)[name]) != expected


# The dates


def test_a_dateTime_keeps_its_time_and_zone() -> None:
    assert shift_dates('"2026-11-23T08:30:00+01:00" "2026-12-28"', 1) == '"2026-11-30T08:30:00+01:00" "2027-01-04"'


def test_what_is_no_date_stays() -> None:
    text = '{"hookInstance": "00000000-0000-4000-8000-000000000001", "value": 0.075, "code": "12026-11-231"}'
    assert shift_dates(text, 5) == text


@given(
    as_of=st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)), today=st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1))
)
def test_a_shifted_day_is_the_same_weekday_and_at_most_six_days_back(as_of: dt.date, today: dt.date) -> None:
    moved = dt.date.fromisoformat(shift_dates(as_of.isoformat(), weeks_until(as_of, today)))
    assert moved.weekday() == as_of.weekday()
    assert dt.timedelta(0) <= today - moved <= dt.timedelta(days=6)


@given(today=st.dates(dt.date(2020, 1, 1), dt.date(2060, 1, 1)))
def test_a_patient_is_never_older_than_six_days(today: dt.date) -> None:
    fixture = load_fixture("ivig-three-days-after-rituximab", today)
    assert dt.timedelta(0) <= today - fixture.as_of <= dt.timedelta(days=6)
    weeks = (fixture.as_of - WRITTEN).days / 7
    before, after = (
        [dt.date.fromisoformat(day) for day in re.findall(r"\d{4}-\d{2}-\d{2}(?=[\"T])", text)]
        for text in (written_text(fixture.name, "request.json"), fixture.request.decode())
    )
    assert [(day - old).days for old, day in zip(before, after, strict=True)] == [weeks * 7] * len(before)


@pytest.mark.parametrize("name", NAMES)
def test_no_date_is_too_coarse_to_be_moved(name: str) -> None:
    fixture = load_fixture(name, WRITTEN)
    for key, value in members(json.loads(fixture.request)):
        if isinstance(value, str) and re.search(r"(date|Date|DateTime|start|end|authoredOn|issued)$", key):
            assert re.match(r"\d{4}-\d{2}-\d{2}(T|$)", value), (key, value)


# The resources


class Model(Protocol):
    def model_validate(self, value: Json) -> object: ...


def model(resource_type: str) -> Model:
    found: Model = getattr(import_module(f"fhir.resources.R4B.{resource_type.lower()}"), resource_type)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_resource_is_valid_R4(name: str) -> None:
    fixture = load_fixture(name, WRITTEN)
    request = json.loads(fixture.request)
    bundles = [request["context"].get("draftOrders"), json.loads(fixture.transaction()), *request["prefetch"].values()]
    seen = 0
    for resource in filter(None, bundles):
        model(resource["resourceType"]).model_validate(resource)
        for entry in resource.get("entry", ()):
            model(entry["resource"]["resourceType"]).model_validate(entry["resource"])
            seen += 1
    assert seen >= 10


@pytest.mark.parametrize("name", NAMES)
def test_every_prefetch_key_is_given(name: str) -> None:
    request = json.loads(load_fixture(name, WRITTEN).request)
    assert list(request["prefetch"]) == [read.key for read in READS]


@pytest.mark.parametrize("name", NAMES)
def test_a_prefetched_bundle_holds_its_type_and_counts_right(name: str) -> None:
    prefetch = json.loads(load_fixture(name, WRITTEN).request)["prefetch"]
    for read in READS:
        value = prefetch[read.key]
        if not read.is_search:
            assert value["resourceType"] == read.resource_type
            continue
        matches = [e["resource"]["resourceType"] for e in value.get("entry", ()) if e["search"]["mode"] == "match"]
        assert matches == [read.resource_type] * value["total"]


@pytest.mark.parametrize("name", NAMES)
def test_the_record_is_whole_and_put_under_ids_that_a_server_takes(name: str) -> None:
    fixture = load_fixture(name, WRITTEN)
    transaction = json.loads(fixture.transaction())
    assert (transaction["resourceType"], transaction["type"]) == ("Bundle", "transaction")
    urls = [entry["request"]["url"] for entry in transaction["entry"]]
    assert urls[0] == f"Patient/{fixture.patient_id}"
    assert len(set(urls)) == len(urls)
    for entry in transaction["entry"]:
        resource, request = entry["resource"], entry["request"]
        assert request == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
        assert re.fullmatch(r"(?=.*[a-z])[A-Za-z0-9.-]{1,64}", resource["id"])  # HAPI keeps ids of digits for itself
    for reference in references(transaction):
        assert reference in urls or reference.startswith("#")
    for reference in references(json.loads(fixture.request)["context"]):
        assert reference in urls


def test_no_two_patients_share_a_resource() -> None:
    urls = [
        entry["request"]["url"]
        for name in NAMES
        for entry in json.loads(load_fixture(name, WRITTEN).transaction())["entry"]
    ]
    assert len(set(urls)) == len(urls)


@pytest.mark.parametrize("name", NAMES)
def test_every_patient_is_called_synthetic(name: str) -> None:
    patient = json.loads(load_fixture(name, WRITTEN).request)["prefetch"]["patient"]
    assert patient["name"][0]["text"].endswith(" (synthetic)")


def test_every_code_of_a_drug_is_one_that_the_terminology_knows() -> None:
    terminology = Terminology.load()
    drugs: set[tuple[str, str]] = set()
    for name in NAMES:
        for key, value in members(json.loads(load_fixture(name, WRITTEN).request)):
            if key == "medicationCodeableConcept" and isinstance(value, dict):
                codings = msgspec.convert(value.get("coding", []), list[dict[str, str]])
                drugs.update((coding["system"], coding["code"]) for coding in codings)
    systems = {system.rpartition("/")[2] for system, _ in drugs}
    assert systems == {"rxnorm", "atc", "sct", "ndc"}
    assert [drug for drug in drugs if terminology.medication(*drug) is None] == []


def test_the_patients_show_every_way_to_name_a_medication() -> None:
    ways = set()
    for name in NAMES:
        for key, value in members(json.loads(load_fixture(name, WRITTEN).request)):
            if key == "medicationReference" and isinstance(value, dict):
                ways.add("contained" if str(value["reference"]).startswith("#") else "reference")
            if key == "medicationCodeableConcept" and isinstance(value, dict):
                ways.add("codes" if "coding" in value else "words")
    assert ways == {"codes", "words", "reference", "contained"}


def test_without_prefetch_the_request_names_the_server_alone() -> None:
    fixture = load_fixture("methotrexate-without-folic-acid", WRITTEN)
    whole, bare = json.loads(fixture.request), json.loads(fixture.request_to("http://127.0.0.1:8080/fhir"))
    assert bare.pop("fhirServer") == "http://127.0.0.1:8080/fhir"
    del whole["prefetch"]
    assert bare == whole


def test_a_name_that_is_nearly_right_is_put_right() -> None:
    with pytest.raises(UnknownFixture) as caught:
        load_fixture("azathioprin-with-alopurinol", WRITTEN)
    assert str(caught.value) == (
        "no synthetic patient is called azathioprin-with-alopurinol; is it azathioprine-with-allopurinol?"
    )


def written_text(name: str, file: str) -> str:
    return Path(fixtures_folder() / name / file).read_text(encoding="utf-8")


def written(name: str, file: str) -> dict[str, str]:
    content: dict[str, str] = json.loads(written_text(name, file))
    return content


def members(value: Json) -> Iterator[tuple[str, Json]]:
    """Every member of every object in `value`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from members(inner)
    if isinstance(value, list):
        for inner in value:
            yield from members(inner)


def references(value: Json) -> list[str]:
    return [str(inner) for key, inner in members(value) if key == "reference"]
