"""Bad requests through the whole service: each gets its status and an OperationOutcome with its place, or is borne.

The variants of each fault are tested where it is read (tests/hooks); here stands one of every kind, end to end.
"""

from __future__ import annotations

import json

import pytest

from .ehr import (
    METHOTREXATE,
    PATIENT,
    Json,
    bundle,
    cards,
    daily,
    draft,
    fired,
    issue,
    order,
    post,
    record,
    request,
    resource,
    weekly,
    without,
)

MTX = draft(METHOTREXATE, "draft-1", weekly(15, "mon"))
LOOPBACK = "http://127.0.0.1:9"


def body(**changed: object) -> Json:
    """A request that is in order but for what is changed."""
    return {**request("order-sign", record(), [MTX]), **changed}


def context(**changed: object) -> Json:
    """A request whose context is changed; a member changed to `...` is left out."""
    whole = {**body()["context"], **changed}
    return body(context={key: value for key, value in whole.items() if value is not ...})


def lacking(key: str) -> Json:
    return without(body(), key)


def written(text: str, **members: object) -> bytes:
    """The request with raw JSON in place of the user, or of the text "here" in these members."""
    raw, mark = json.dumps(body(**members)), '"here"' if members else '"Practitioner/u1"'
    assert raw.count(mark) == 1
    return raw.replace(mark, text).encode()


def twice(key: str, value: str) -> bytes:
    """The request with a second value for a key that stands in it once."""
    raw = json.dumps(body(fhirServer=LOOPBACK, fhirAuthorization={"access_token": "t", "token_type": "Bearer"}))
    mark = f'"{key}": '
    assert raw.count(mark) == 1
    return raw.replace(mark, f'"{key}": {value}, {mark}').encode()


WHOLE = json.dumps(body()).encode()
REFUSED: list[tuple[str, bytes | Json, str, str]] = [
    # number in the list of faults and what it is; the body; the place; the words
    ("18 a syntax error", WHOLE[:-1], "", "The body is not valid JSON: Input data was truncated"),
    ("18 two objects", WHOLE + WHOLE, "", ""),
    ("18 text after the object", WHOLE + b"}", "", ""),
    ("19 a second hook", twice("hook", '"patient-view"'), "hook", "A key stands twice in one object"),
    ("19 a second patient", twice("patientId", '"p2"'), "context.patientId", "A key stands twice in one object"),
    ("19 a second token", twice("access_token", '"u"'), "fhirAuthorization.access_token", ""),
    ("19 a second list", twice("conditions", "null"), "prefetch.conditions", "A key stands twice in one object"),
    ("20 NaN", written("NaN"), "", ""),
    ("20 Infinity", written("-Infinity"), "", ""),
    ("20 a number out of range", written("1e400", extension={"x": "here"}), "extension", ""),
    ("21 too deep", written("[" * 1001 + "]" * 1001), "", "The body is nested too deeply"),
    ("22 5,000 digits", written("9" * 5000), "context.userId", ""),
    ("23 UTF-16", json.dumps(body()).encode("utf-16"), "", ""),
    ("23 a byte-order mark", b"\xef\xbb\xbf" + WHOLE, "", ""),
    ("23 Shift-JIS", written('"\u65e5\u672c"').decode().encode("shift-jis"), "", "The body is not UTF-8"),
    ("25 a list", b"[]", "", ""),
    ("25 a text", b'"hook"', "", ""),
    ("25 null", b"null", "", ""),
    ("27 a number for a text", body(hookInstance=7), "hookInstance", "Expected `str`, got `int`"),
    ("27 a text for a number", body(fhirAuthorization={"expires_in": "true"}), "fhirAuthorization.expires_in", ""),
    ("27 a list for a Bundle", context(draftOrders=[]), "context.draftOrders", "Expected a Bundle"),
    ("28 no hook", lacking("hook"), "hook", "A required member is missing or blank"),
    ("28 no instance", lacking("hookInstance"), "hookInstance", "A required member is missing or blank"),
    ("28 no context", lacking("context"), "context", "A required member is missing"),
    ("29 another hook", body(hook="order-select"), "hook", "The hook is not supported by this service"),
    ("32 no patient", context(patientId=...), "context.patientId", "A required member is missing or blank"),
    ("32 an empty patient", context(patientId=""), "context.patientId", "A required member is missing or blank"),
    ("32 a number as patient", context(patientId=1), "context.patientId", "Expected `str`, got `int`"),
    ("33 a path as patient", context(patientId="../Patient"), "context.patientId", ""),
    ("33 a query as patient", context(patientId="p1?_count=1"), "context.patientId", ""),
    ("33 two lines as patient", context(patientId="p1\nX: y"), "context.patientId", ""),
    (
        "38 two drafts of one id",
        context(draftOrders=bundle(MTX, MTX)),
        "context.draftOrders.entry[1]",
        "Two draft orders have the same id",
    ),
    (
        "42 a token for another patient",
        body(fhirAuthorization={"access_token": "t", "patient": "p2"}),
        "fhirAuthorization.patient",
        "Another patient than context.patientId",
    ),
    (
        "43 a request from before version 1",
        {"hook": "medication-prescribe", "user": "Practitioner/u1", "patient": PATIENT, "context": []},
        "hook",
        "The hook is not supported by this service",
    ),
]


@pytest.mark.parametrize(("value", "place", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_fault_is_a_400_that_names_its_place(value: bytes | Json, place: str, words: str) -> None:
    told = issue(post(value, "order-sign"), 400)
    assert told.get("expression", [""])[0].startswith(place)
    assert told["diagnostics"].startswith(words)
    assert told["diagnostics"]


BORNE: list[tuple[str, Json]] = [
    ("30 an instance that is no UUID", body(hookInstance="x" * 64)),
    ("32 a patient with its type", context(patientId=f"Patient/{PATIENT}")),
    ("34 no user", context(userId=...)),
    ("39 what nobody knows", {**body(surprise=[1]), "extension": {"com.example.x": {"y": None}}}),
    ("44 a version", body(version="3.0", cdsHooksVersion="9")),
    ("order-sign with selections", context(selections=["MedicationRequest/other"])),
    ("nulls for absent", body(fhirServer=None, fhirAuthorization=None, extension=None)),
]


@pytest.mark.parametrize("value", [row[1] for row in BORNE], ids=[row[0] for row in BORNE])
def test_what_does_no_harm_is_borne(value: Json) -> None:
    assert fired(post(value), "MTX-05") == ["MTX-05 warning"]


def test_31_the_same_instance_again_gets_the_same_answer() -> None:
    first, second = (fired(post(body())) for _ in range(2))
    assert first == second != []


def test_19_a_key_twice_within_a_resource_is_judged() -> None:
    """By its last value, as any reader would take it; what matters for whose data it is stands in the envelope."""
    raw = json.dumps(body())
    mark = '"status": "draft"'
    assert raw.count(mark) == 1
    response = post(raw.replace(mark, f'"status": "cancelled", {mark}').encode(), "order-sign")
    assert fired(response, "MTX-05") == ["MTX-05 warning"]


def test_24_a_megabyte_in_a_name_is_cut() -> None:
    name = "methotrexate " + "x" * 1_000_000
    response = post(request("order-sign", record(), [draft({"text": name}, "draft-1", weekly(15, "mon"))]))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]
    assert "x" * 200 not in json.dumps([{**card, "suggestions": []} for card in cards(response)])


def test_26_absurdly_many_keys_are_too_large() -> None:
    many = body(prefetch={f"k{number}": None for number in range(100_000)})
    told = issue(post(many), 413)
    assert (told["code"], told["expression"]) == ("too-long", ["prefetch"])


def test_26_very_many_entries_are_answered() -> None:
    weights = [resource("Observation", f"o{number}", status="final") for number in range(50_000)]
    assert fired(post(body(prefetch=record(*weights))), "MTX-05") == ["MTX-05 warning"]


def test_36_an_empty_basket_gives_no_card() -> None:
    assert cards(post(context(draftOrders=bundle()))) == []


def test_37_five_hundred_drafts_are_answered_and_each_is_judged() -> None:
    drafts = [draft(METHOTREXATE, f"d{number}", weekly(15), note=[{"text": "x"}]) for number in range(500)]
    response = post(context(draftOrders=bundle(*drafts)))
    assert fired(response, "MTX-05") == ["MTX-05 warning"]  # one drug, one card


@pytest.mark.parametrize(
    "token",
    [
        {"access_token": "t", "token_type": "MAC", "expires_in": 300},
        {"access_token": "t", "token_type": "Bearer", "expires_in": 0},
        {"access_token": "", "token_type": "Bearer"},
    ],
)
def test_41_a_token_that_cannot_be_used_leads_to_no_call(token: Json) -> None:
    whole = body(fhirServer=LOOPBACK, fhirAuthorization=token)
    assert fired(post(whole), "MTX-05") == ["MTX-05 warning"]
    assert issue(post({**whole, "prefetch": without(record(), "conditions")}), 412)["diagnostics"] == (
        "Required data could not be had: conditions: not given, and no FHIR server may be asked"
    )


def test_41_a_token_without_scope_is_used() -> None:
    """Real clients leave it out or fill it with names of their own; the FHIR server decides what it opens."""
    token = {"access_token": "t", "token_type": "Bearer", "expires_in": 300}
    told = issue(
        post(body(fhirServer=LOOPBACK, fhirAuthorization=token, prefetch=without(record(), "conditions"))), 412
    )
    assert "no FHIR server may be asked" not in told["diagnostics"]


def test_61_methotrexate_ordered_daily_is_an_alarm() -> None:
    response = post(request("order-sign", record(), [draft(METHOTREXATE, "draft-1", daily(15))]))
    assert fired(response, "MTX-01") == ["MTX-01 critical"]


@pytest.mark.parametrize("authorization", [None, {"access_token": "t", "token_type": "Bearer", "expires_in": 300}])
def test_40_a_server_that_does_not_answer_is_missing_data(authorization: Json | None) -> None:
    """Nobody listens there; without a token it is asked nevertheless, since it may be read."""
    whole = body(fhirServer=LOOPBACK, fhirAuthorization=authorization, prefetch=without(record(), "conditions"))
    told = issue(post(whole), 412)
    assert told["expression"] == ["prefetch.conditions"]
    assert "no FHIR server may be asked" not in told["diagnostics"]


def at_a_time(value: object) -> Json:
    return {"doseAndRate": [{"doseQuantity": {"value": value, "unit": "mg"}}]}


@pytest.mark.parametrize(
    "odd", [[at_a_time(15)], at_a_time(15), "15 mg", None, [None], [7], [at_a_time("7,5")], [at_a_time({})]]
)
def test_a_dosage_of_any_shape_leaves_the_drug_known(odd: object) -> None:
    assert fired(post(request("order-sign", record(), [{**MTX, "dosageInstruction": odd}])), "MTX-05") == [
        "MTX-05 warning"
    ]
    chart = record({**order(METHOTREXATE), "dosageInstruction": odd})
    assert fired(post(request("patient-view", chart)), "MTX-05") == ["MTX-05 warning"]
