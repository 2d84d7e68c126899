"""A list that may lack: absent, failed, cut off or spoilt it is named for each rule that needs it, at every hook of the
rule; null, empty or with nothing but an outcome it holds nothing, which is an answer."""

from __future__ import annotations

import json

import pytest

from cds_service.clinical.chart import Source
from cds_service.clinical.exposure import SOURCE_NAMES
from cds_service.mapping.reads import READS

from .ehr import (
    IVIG,
    METHOTREXATE,
    ORDER_HOOKS,
    RITUXIMAB,
    SERVER,
    Json,
    bundle,
    draft,
    infused,
    post,
    record,
    request,
    resource,
    unchecked,
    weekly,
    without,
)

NEEDED_BY: dict[Source, dict[str, set[str]]] = {
    # key: hook: rules of the basket below that cannot do without it
    "medicationStatements": {
        "order-select": {"MTX-05", "MTX-09", "SEQ-01", "RTX-03"},
        "order-sign": {"MTX-05", "MTX-09", "SEQ-01", "RTX-03"},
    },
    "medicationAdministrations": {
        "order-select": {"MTX-05", "MTX-09", "SEQ-01", "RTX-03", "IVIG-04"},
        "order-sign": {"MTX-05", "MTX-09", "SEQ-01", "RTX-03", "IVIG-04"},
    },
    "observations": {
        "order-select": {"HBV-01", "IVIG-01", "IVIG-03", "SEQ-09"},
        "order-sign": {"HBV-01", "IVIG-01", "IVIG-03", "SEQ-09", "TB-01"},
    },
    "allergies": {"order-select": {"RTX-04", "SEQ-04"}, "order-sign": {"RTX-04", "SEQ-04"}},
    "procedures": {"order-select": {"SEQ-07", "SEQ-08"}, "order-sign": {"SEQ-07", "SEQ-08"}},
    "immunizations": {"order-select": {"VAX-01"}, "order-sign": {"VAX-01"}},
    "encounter": {"order-select": {"IVIG-05"}, "order-sign": {"IVIG-05", "MTX-11"}},
}
BASKET = [
    draft(METHOTREXATE, "draft-1", weekly(15)),
    draft(RITUXIMAB, "draft-2", infused(1, "g", 0, 14)),
    draft(IVIG, "draft-3", infused(28, "g", 30, 31, 32, 33, 34)),
]
VISIT = {"encounterId": "e1"}
OF_KEY: dict[str, str] = {read.key: read.resource_type for read in READS}


def basket(hook: str, prefetch: Json) -> Json:
    return request(hook, prefetch, BASKET, context=VISIT)


def visited(**values: object) -> Json:
    """A whole record with the visit that the context names."""
    visit = resource("Encounter", "e1", status="in-progress", **{"class": {"code": "AMB"}})
    return record(**{"encounter": visit, **values})


def named(hook: str, prefetch: Json) -> dict[str, set[str]]:
    """The rules that were named, by what they miss."""
    found: dict[str, set[str]] = {}
    for check in unchecked(post(basket(hook, prefetch))):
        rule, _, missing = check.partition(": ")
        found.setdefault(missing, set()).add(rule)
    return found


def failures(key: Source) -> list[object]:
    """What a failed read of a key looks like in the wild."""
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    if key == "encounter":
        return [outcome, "<html>Tomcat</html>", 7, {"resourceType": "Basic", "id": "b"}]
    other = resource(OF_KEY[key], "other")
    return [
        outcome,
        "<html>Tomcat</html>",
        7,
        {"resourceType": "Basic", "id": "b"},
        bundle(other, total=9),
        bundle(other, link=[{"relation": "next", "url": f"{SERVER}?page=2"}]),
        bundle(other, {"resource": outcome, "search": {"mode": "outcome"}}),
    ]


CASES = [(key, hook) for key in NEEDED_BY for hook in ORDER_HOOKS]


def test_every_list_that_may_lack_is_in_the_table() -> None:
    assert set(NEEDED_BY) == {read.key for read in READS if not read.required}


@pytest.mark.parametrize(("key", "hook"), CASES)
def test_a_list_that_is_absent_is_named_for_each_rule_that_needs_it(key: Source, hook: str) -> None:
    rules = named(hook, without(visited(), key))[SOURCE_NAMES[key]]
    assert rules >= NEEDED_BY[key][hook]


@pytest.mark.parametrize(("key", "hook"), CASES)
def test_a_list_that_failed_or_was_cut_off_is_named_alike(key: Source, hook: str) -> None:
    absent = named(hook, without(visited(), key))[SOURCE_NAMES[key]]
    for value in failures(key):
        assert named(hook, visited(**{key: value}))[SOURCE_NAMES[key]] == absent, json.dumps(value)


@pytest.mark.parametrize(("key", "hook"), [case for case in CASES if case[0] != "encounter"])
def test_an_entry_that_cannot_be_read_is_named_alike(key: Source, hook: str) -> None:
    element = "clinicalStatus" if key == "allergies" else "status"
    spoilt = bundle(resource(OF_KEY[key], "spoilt", **{element: ["not", "what", "it", "should", "be"]}))
    told = named(hook, visited(**{key: spoilt}))
    rules = told[f"an entry that could not be read ({key}.entry[0].{element})"]
    assert rules >= NEEDED_BY[key][hook]


@pytest.mark.parametrize(("key", "hook"), CASES)
def test_nothing_is_an_answer(key: Source, hook: str) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "processing"}]}
    nothing: list[object] = [None]
    if key != "encounter":
        nothing += [bundle(), {"resourceType": "Bundle", "total": 0}]
        nothing += [bundle({"resource": outcome, "search": {"mode": "outcome"}})]
    for value in nothing:
        assert SOURCE_NAMES[key] not in named(hook, visited(**{key: value})), json.dumps(value)


def test_without_a_visit_there_is_no_visit_to_miss() -> None:
    assert SOURCE_NAMES["encounter"] not in named_without_visit()


def named_without_visit() -> set[str]:
    answer = post(request("order-sign", without(record(), "encounter"), BASKET))
    return {check.partition(": ")[2] for check in unchecked(answer)}


def test_what_is_not_on_record_is_named_when_orders_are_signed_and_not_before() -> None:
    weight = "body weight"
    assert weight in named("order-sign", visited())
    assert weight not in named("order-select", visited())
