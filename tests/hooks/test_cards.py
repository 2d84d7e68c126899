"""The one serialiser of a response."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import count
from typing import Any

import jsonschema
import msgspec
import pytest

from cds_service.clinical.dialect import GENERIC, Dialect
from cds_service.clinical.findings import Citation, Evidence, Finding, NotChecked, OverrideReason
from cds_service.clinical.remedy import Change, Offer
from cds_service.hooks.cards import OVERRIDE_SYSTEM, RULE_SYSTEM, write_cards

SCHEMA = json.loads((files("cds_service.hooks") / "schemas" / "response.json").read_text())
CARD_UUID = "AAAAAAAA-0000-8000-8000-000000000001"

MTX = Finding(
    rule="MTX-05",
    number=5,
    severity="warning",
    orders=("MedicationRequest/draft-1",),
    evidence=(Evidence("MedicationRequest/7", "prednisone <b>5 mg</b>", dt.date(2026, 3, 1)),),
    summary="Methotrexate without folic acid",
    why=("Folic acid lowers the toxicity of methotrexate.", "It is missing here."),
    found=("methotrexate 15 mg once weekly",),
    caveats=("the renal function",),
    citations=(
        Citation("Table 11", "methotrexate, considerations"),
        Citation("Methotrexate label", "section 5", "https://label.example.org/mtx"),
        Citation("Methotrexate label", "section 7", "https://label.example.org/mtx"),
    ),
    override_reasons=(OverrideReason("documented", "Documented elsewhere"),),
)
CREATE = Offer(
    "Order folic acid 5 mg on Tuesday",
    (
        Change(
            kind="create",
            description="Folic acid 5 mg weekly",
            resource=b'{"resourceType":"MedicationRequest","x":1.50}',
        ),
    ),
    True,
)
DELETE = Offer(
    "Do not order methotrexate",
    (Change(kind="delete", description="Take methotrexate back", target="MedicationRequest/draft-1"),),
)


def _write(
    findings: Sequence[Finding], offers: Mapping[int, Sequence[Offer]] | None = None, dialect: Dialect = GENERIC
) -> bytes:
    numbers = count(1)
    return write_cards(
        findings,
        offers or {},
        dialect=dialect,
        card_uuid=lambda _: CARD_UUID,
        suggestion_uuid=lambda: f"BBBBBBBB-0000-4000-8000-{next(numbers):012}",
    )


def _cards(
    findings: Sequence[Finding], offers: Mapping[int, Sequence[Offer]] | None = None, dialect: Dialect = GENERIC
) -> list[dict[str, Any]]:
    response = json.loads(_write(findings, offers, dialect))
    jsonschema.validate(response, SCHEMA)
    assert list(_empty_values(response["cards"])) == []
    cards: list[dict[str, Any]] = response["cards"]
    return cards


def _empty_values(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is None or inner == "" or inner == [] or inner == {}:
                yield f"{path}.{key}"
            yield from _empty_values(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _empty_values(inner, f"{path}[{number}]")


def _bare(rule: str, severity: Any, **more: Any) -> Finding:
    return Finding(rule=rule, number=1, severity=severity, summary=rule, **more)


def test_no_finding_is_an_empty_list_of_cards() -> None:
    assert _write(()) == b'{"cards":[]}'


def test_a_card_with_everything() -> None:
    (card,) = _cards([MTX], {0: [CREATE, DELETE]})
    detail = card.pop("detail")
    assert card == {
        "uuid": "aaaaaaaa-0000-8000-8000-000000000001",
        "summary": "Methotrexate without folic acid",
        "indicator": "warning",
        "source": {
            "label": "Table 11",
            "topic": {"code": "MTX-05", "system": "https://cds-service.org/CodeSystem/rule", "display": "Rule MTX-05"},
        },
        "suggestions": [
            {
                "label": "Order folic acid 5 mg on Tuesday",
                "uuid": "bbbbbbbb-0000-4000-8000-000000000001",
                "isRecommended": True,
                "actions": [
                    {
                        "type": "create",
                        "description": "Folic acid 5 mg weekly",
                        "resource": {"resourceType": "MedicationRequest", "x": 1.5},
                    }
                ],
            },
            {
                "label": "Do not order methotrexate",
                "uuid": "bbbbbbbb-0000-4000-8000-000000000002",
                "actions": [
                    {
                        "type": "delete",
                        "description": "Take methotrexate back",
                        "resourceId": "MedicationRequest/draft-1",
                    }
                ],
            },
        ],
        "selectionBehavior": "at-most-one",
        "overrideReasons": [
            {
                "code": "documented",
                "system": "https://cds-service.org/CodeSystem/override-reason",
                "display": "Documented elsewhere",
            }
        ],
        "links": [
            {"label": "Methotrexate label, section 5", "url": "https://label.example.org/mtx", "type": "absolute"}
        ],
        "extension": {
            "org.cds-service.findings": [
                {
                    "rule": "MTX-05",
                    "severity": "warning",
                    "outcome": "fires",
                    "orders": ["MedicationRequest/draft-1"],
                    "evidence": ["MedicationRequest/7"],
                }
            ]
        },
    }
    assert detail == (
        "Folic acid lowers the toxicity of methotrexate. It is missing here.\n\n"
        "Found:\n\n"
        "- methotrexate 15 mg once weekly\n"
        "- prednisone &lt;b&gt;5 mg&lt;/b&gt; (2026-03-01)\n\n"
        "Not known:\n\n"
        "- the renal function\n\n"
        "Source: Table 11, methotrexate, considerations; Methotrexate label, section 5; Methotrexate label, section 7"
    )


def test_a_card_with_as_little_as_can_be() -> None:
    (card,) = _cards([_bare("AZA-04", "critical")])
    assert card == {
        "uuid": "aaaaaaaa-0000-8000-8000-000000000001",
        "summary": "AZA-04",
        "indicator": "critical",
        "source": {
            "label": "Myositis drug safety rules",
            "topic": {"code": "AZA-04", "system": RULE_SYSTEM, "display": "Rule AZA-04"},
        },
        "extension": {"org.cds-service.findings": [{"rule": "AZA-04", "severity": "critical", "outcome": "fires"}]},
    }


def test_what_could_not_be_checked_is_one_finding_and_said_in_words() -> None:
    unchecked = (NotChecked("MTX-07", "eGFR"), NotChecked("TAC-04", "the medication list", source=True))
    (card,) = _cards([_bare("GEN-03", "info", outcome="not-checked", not_checked=unchecked)])
    assert card["extension"]["org.cds-service.findings"] == [
        {
            "rule": "GEN-03",
            "severity": "info",
            "outcome": "not-checked",
            "notChecked": [
                {"rule": "MTX-07", "missing": "eGFR"},
                {"rule": "TAC-04", "missing": "the medication list"},
            ],
        }
    ]
    assert card["detail"] == "Not checked:\n\n- MTX-07: eGFR\n- TAC-04: the medication list"


def test_the_gravest_card_comes_first_and_equals_keep_their_order() -> None:
    findings = [_bare("A", "info"), _bare("B", "critical"), _bare("C", "warning"), _bare("D", "critical")]
    assert [card["summary"] for card in _cards(findings)] == ["B", "D", "C", "A"]


def test_offers_stay_with_their_finding_after_sorting() -> None:
    cards = _cards([_bare("A", "info"), _bare("B", "critical")], {0: [DELETE]})
    assert "suggestions" not in cards[0]
    assert cards[1]["suggestions"][0]["label"] == "Do not order methotrexate"


def test_the_source_address_is_the_leading_citations_own() -> None:
    leading = (Citation("Label", "", "https://label.example.org"), Citation("Table 11"))
    (card,) = _cards([_bare("A", "info", citations=leading)])
    assert (card["source"]["label"], card["source"]["url"]) == ("Label", "https://label.example.org")
    assert card["links"] == [{"label": "Label", "url": "https://label.example.org", "type": "absolute"}]


@pytest.mark.parametrize(
    ("exclusive", "dialect", "selection"),
    [
        (True, GENERIC, "at-most-one"),
        (False, GENERIC, "any"),
        (True, Dialect(selection="any"), "any"),
    ],
)
def test_selection_follows_the_finding_unless_the_client_wants_otherwise(
    exclusive: bool, dialect: Dialect, selection: str
) -> None:
    (card,) = _cards([_bare("A", "info", exclusive=exclusive)], {0: [DELETE]}, dialect)
    assert card["selectionBehavior"] == selection


@pytest.mark.parametrize("offers", [{}, {0: ()}, {1: (DELETE,)}])
def test_without_suggestions_there_is_no_selection(offers: dict[int, tuple[Offer, ...]]) -> None:
    (card,) = _cards([_bare("A", "info")], offers, Dialect(selection="any"))
    assert "selectionBehavior" not in card
    assert "suggestions" not in card


def test_only_one_is_recommended_where_only_one_may_be_chosen() -> None:
    (card,) = _cards([_bare("A", "info")], {0: [DELETE, CREATE, CREATE]})
    assert [suggestion.get("isRecommended") for suggestion in card["suggestions"]] == [None, True, None]


def test_only_one_is_recommended_of_exclusive_ones_although_the_client_lets_any_be_chosen() -> None:
    (card,) = _cards([_bare("A", "info")], {0: [CREATE, CREATE]}, Dialect(selection="any"))
    assert [suggestion.get("isRecommended") for suggestion in card["suggestions"]] == [True, None]


def test_several_are_recommended_where_any_may_be_chosen() -> None:
    (card,) = _cards([_bare("A", "info", exclusive=False)], {0: [CREATE, CREATE]})
    assert [suggestion.get("isRecommended") for suggestion in card["suggestions"]] == [True, True]


def test_a_resource_is_written_byte_for_byte() -> None:
    resource = b'{ "resourceType": "MedicationRequest", "vendor_id": "a_b", "value": 3.150 }'
    offer = Offer("Move", (Change(kind="update", description="Move", target="MedicationRequest/1", resource=resource),))
    response = _write([MTX], {0: [offer]})
    assert b'"resource":' + resource + b"}" in response
    assert b"resourceId" not in response


@pytest.mark.parametrize("length", [1, 139])
def test_a_summary_up_to_its_limit_is_written(length: int) -> None:
    assert len(_cards([Finding(rule="A", number=1, severity="info", summary="x" * length)])[0]["summary"]) == length


@pytest.mark.parametrize("length", [0, 140])
def test_a_summary_beyond_its_limits_is_a_fault_of_ours(length: int) -> None:
    with pytest.raises(ValueError, match=f"the summary of A has {length} characters"):
        _write([Finding(rule="A", number=1, severity="info", summary="x" * length)])


def test_a_summary_is_plain_text_and_not_escaped() -> None:
    assert _cards([Finding(rule="A", number=1, severity="info", summary="eGFR < 30")])[0]["summary"] == "eGFR < 30"


def test_evidence_without_words_is_named_by_its_reference_and_said_once() -> None:
    twice = (Evidence("Observation/a_b", ""), Evidence("Observation/a_b", ""))
    (card,) = _cards([_bare("A", "info", evidence=twice)])
    assert card["detail"] == "Found:\n\n- Observation/a\\_b"
    assert card["extension"]["org.cds-service.findings"][0]["evidence"] == ["Observation/a_b"]


def test_the_code_systems_do_not_depend_on_the_deployment() -> None:
    assert RULE_SYSTEM == "https://cds-service.org/CodeSystem/rule"
    assert OVERRIDE_SYSTEM == "https://cds-service.org/CodeSystem/override-reason"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"cards": [{"summary": "x", "indicator": "info"}]},
        {"cards": [{"summary": "x" * 140, "indicator": "info", "source": {"label": "y"}}]},
        {"cards": [{"summary": "x", "indicator": "hard-stop", "source": {"label": "y"}}]},
        {"cards": [{"summary": "x", "indicator": "info", "source": {"label": "y"}, "links": []}]},
        {"cards": [{"summary": "x", "indicator": "info", "source": {"label": "y"}, "detail": ""}]},
        {"cards": [{"summary": "x", "indicator": "info", "source": {"label": "y"}, "suggestions": [{"label": "z"}]}]},
    ],
)
def test_the_schema_refuses_a_response_that_is_not_one(broken: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def _with_suggestions(selection: str, *suggestions: dict[str, object]) -> dict[str, object]:
    card = {"summary": "x", "indicator": "info", "source": {"label": "y"}}
    return {"cards": [card | {"selectionBehavior": selection, "suggestions": list(suggestions)}]}


def test_the_schema_counts_the_recommended() -> None:
    good = {"label": "a", "isRecommended": True}
    jsonschema.validate(_with_suggestions("any", good, good), SCHEMA)
    jsonschema.validate(_with_suggestions("at-most-one", good, {"label": "b"}), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_with_suggestions("at-most-one", good, good), SCHEMA)


def test_a_joined_finding_shares_the_card_its_sources_and_its_links() -> None:
    guest = _bare(
        "MTX-11",
        "info",
        orders=("MedicationRequest/draft-1",),
        why=("It prevents daily use.",),
        citations=(Citation("Agency", "weekday", "https://agency.example.org/mtx"),),
    )
    (card,) = _cards([msgspec.structs.replace(MTX, joined=(guest,))])
    assert card["indicator"] == "warning"
    assert [note["rule"] for note in card["extension"]["org.cds-service.findings"]] == ["MTX-05", "MTX-11"]
    assert "\n\nAlso: MTX-11. It prevents daily use.\n\n" in card["detail"]
    assert card["detail"].endswith("; Agency, weekday")
    assert [link["url"] for link in card["links"]] == [
        "https://label.example.org/mtx",
        "https://agency.example.org/mtx",
    ]


def test_gathered_remarks_are_told_on_one_card_each_with_its_reason_and_its_sources() -> None:
    first = _bare(
        "A-01",
        "info",
        why=("First why.",),
        found=("x 5 mg", "y"),
        caveats=("the weight",),
        citations=(Citation("Table 11", "a"),),
    )
    joined = _bare("C-01", "info", citations=(Citation("Label", "c", "https://label.example.org/c"),))
    second = _bare("B-01", "info", why=("Second why.",), joined=(joined,))
    gathered = _bare("A-01", "info", gathered=(first, second), citations=first.citations)
    (card,) = _cards([msgspec.structs.replace(gathered, summary="3 further remarks")])
    assert card["summary"] == "3 further remarks"
    assert card["detail"] == (
        "- A-01. First why. Found: x 5 mg; y. Not known: the weight.\n- B-01. Second why.\n- C-01.\n\nSource: Table 11, a; Label, c"
    )
    assert [note["rule"] for note in card["extension"]["org.cds-service.findings"]] == ["A-01", "B-01", "C-01"]
    assert card["links"] == [{"label": "Label, c", "url": "https://label.example.org/c", "type": "absolute"}]
    assert card["source"]["topic"]["code"] == "A-01"
    assert "suggestions" not in card


def test_the_therapies_of_the_record_are_told_in_words_and_escaped() -> None:
    told = _bare("A-01", "info", therapies=("x <b>5 mg</b> once daily", "y 1 mg once daily"))
    (card,) = _cards([told])
    assert card["detail"].startswith("Therapies on record:\n\n- x ")
    assert "<b>" not in card["detail"]


NASTY = "<b>[x](https://evil.example)"


@pytest.mark.parametrize(
    "part",
    [
        {"why": (NASTY,)},
        {"why": (NASTY,), "outcome": "not-checked"},
        {"found": (NASTY,)},
        {"caveats": (NASTY,)},
        {"therapies": (NASTY,)},
        {"evidence": (Evidence("Condition/1", NASTY),)},
        {"not_checked": (NotChecked("MTX-07", NASTY),)},
        {"citations": (Citation(NASTY, NASTY),)},
        {"joined": (_bare("MTX-11", "info", why=(NASTY,)),)},
        {"gathered": (_bare("MTX-11", "info", why=(NASTY,), found=(NASTY,), caveats=(NASTY,)),)},
    ],
    ids=lambda part: " ".join(part),
)
def test_every_part_of_a_detail_is_escaped(part: dict[str, Any]) -> None:
    (card,) = _cards([_bare("MTX-05", "info", **part)])
    assert r"&lt;b&gt;\[x\](https" in card["detail"]
    assert "<b>" not in card["detail"]
