"""Orders that are suggested: once accepted, the finding is gone and nothing new is said of them."""

from __future__ import annotations

import pytest

from .ehr import (
    CO_TRIMOXAZOLE,
    METHOTREXATE,
    RXNORM,
    Json,
    amount,
    card_of,
    coded,
    daily,
    day,
    draft,
    fired,
    order,
    post,
    record,
    request,
    weekly,
)

PREDNISOLONE = coded(RXNORM, "8638", "prednisolone")
METHYLPREDNISOLONE = coded(RXNORM, "6902", "methylprednisolone")
PULSE = draft(
    METHYLPREDNISOLONE,
    "draft-1",
    {
        **amount(1000, "mg"),
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "count": 3}},
        "route": {"text": "intravenous use"},
    },
)


def said(rule: str, *drafts: Json, chart: tuple[Json, ...] = ()) -> list[Json]:
    """The suggestions on the card of a rule."""
    answer = post(request("order-sign", record(*chart), list(drafts)))
    suggestions: list[Json] = card_of(answer, rule).get("suggestions", [])
    return suggestions


def after(rule: str, suggestion: Json, *drafts: Json, chart: tuple[Json, ...] = ()) -> list[str]:
    """What this rule says once the suggestion was accepted."""
    created = [action["resource"] for action in suggestion["actions"]]
    answer = post(request("order-sign", record(*chart), [*drafts, *created]))
    return fired(answer, rule)


@pytest.mark.parametrize(
    ("rule", "drafts", "labels"),
    [
        (
            "PJP-01",
            (draft(PREDNISOLONE, "draft-1", daily(40)),),
            ["Add co-trimoxazole 480 mg once daily", "Add atovaquone 1500 mg once daily"],
        ),
        (
            "BONE-01",
            (draft(PREDNISOLONE, "draft-1", daily(40)),),
            ["Add calcium carbonate with colecalciferol 1250 mg / 800 IU once daily"],
        ),
        (
            "MPS-03",
            (PULSE,),
            [f"Add prednisone {dose} mg once daily from {day(3)}" for dose in (40, 60)],
        ),
    ],
)
def test_a_suggested_order_makes_its_finding_go(rule: str, drafts: tuple[Json, ...], labels: list[str]) -> None:
    suggestions = said(rule, *drafts)
    assert [suggestion["label"] for suggestion in suggestions] == labels
    for suggestion in suggestions:
        assert after(rule, suggestion, *drafts) == []


def test_co_trimoxazole_is_never_suggested_beside_methotrexate() -> None:
    taken = order(METHOTREXATE, "m1", weekly(15, "mon"))
    labels = [s["label"] for s in said("PJP-01", draft(PREDNISOLONE, "draft-1", daily(40)), chart=(taken,))]
    assert labels == ["Add atovaquone 1500 mg once daily"]


def test_co_trimoxazole_in_the_basket_is_enough() -> None:
    ordered = draft(CO_TRIMOXAZOLE, "draft-2", daily(400))
    answer = post(request("order-sign", record(), [draft(PREDNISOLONE, "draft-1", daily(40)), ordered]))
    assert fired(answer, "PJP-01") == []
