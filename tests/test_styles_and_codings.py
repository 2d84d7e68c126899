"""The same patient, however her medications are written: in every style and every coding the findings are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from .ehr import (
    ATC,
    NDC,
    RXNORM,
    SNOMED,
    Json,
    bundle,
    coded,
    daily,
    draft,
    findings,
    given,
    infused,
    medication,
    order,
    post,
    record,
    referring,
    request,
    unchecked,
    weekly,
)

RULES = ("MTX-05", "MTX-05b", "MTX-09", "AZA-04", "AZA-08", "TAC-04", "MPA-03", "SEQ-01", "SEQ-02", "SEQ-07")

TEXTS: dict[str, dict[str, str]] = {
    "methotrexate": {"en": "methotrexate", "nl": "methotrexaat", "de": "Methotrexat", "fr": "méthotrexate"},
    "co-trimoxazole": {"en": "co-trimoxazole", "nl": "cotrimoxazol", "de": "Cotrimoxazol", "fr": "cotrimoxazole"},
    "azathioprine": {"en": "azathioprine", "nl": "azathioprine", "de": "Azathioprin", "fr": "azathioprine"},
    "allopurinol": {"en": "allopurinol", "nl": "allopurinol", "de": "Allopurinol", "fr": "allopurinol"},
    "tacrolimus": {"en": "tacrolimus", "nl": "tacrolimus", "de": "Tacrolimus", "fr": "tacrolimus"},
    "ciclosporin": {"en": "cyclosporine", "nl": "ciclosporine", "de": "Ciclosporin", "fr": "ciclosporine"},
    "CellCept": {
        "en": "mycophenolate mofetil",
        "nl": "mycofenolaatmofetil",
        "de": "Mycophenolatmofetil",
        "fr": "mycophénolate mofétil",
    },
    "Myfortic": {
        "en": "enteric-coated mycophenolate sodium",
        "nl": "mycofenolaatnatrium",
        "de": "Mycophenolat-Natrium",
        "fr": "mycophénolate sodique",
    },
    "IVIg": {
        "en": "human normal immunoglobulin",
        "nl": "humaan normaal immunoglobuline",
        "de": "normales Immunglobulin vom Menschen",
        "fr": "immunoglobuline humaine normale",
    },
    "rituximab": {"en": "rituximab", "nl": "rituximab", "de": "Rituximab", "fr": "rituximab"},
}
PRODUCTS = {
    "methotrexate": "105585",
    "co-trimoxazole": "198334",
    "azathioprine": "197388",
    "allopurinol": "197319",
    "tacrolimus": "198377",
    "ciclosporin": "197553",
    "CellCept": "200060",
    "Myfortic": "485023",
    "IVIg": "1809414",
    "rituximab": "1657862",
}
INGREDIENTS = {
    "methotrexate": "6851",
    "co-trimoxazole": "10831",
    "azathioprine": "1256",
    "allopurinol": "519",
    "tacrolimus": "42316",
    "ciclosporin": "3008",
    "CellCept": "68149",
    "IVIg": "5666",
    "rituximab": "121191",
}
ATC_CODES = {
    "methotrexate": "L04AX03",
    "co-trimoxazole": "J01EE01",
    "azathioprine": "L04AX01",
    "allopurinol": "M04AA01",
    "tacrolimus": "L04AD02",
    "ciclosporin": "L04AD01",
    "IVIg": "J06BA02",
    "rituximab": "L01FA01",
}
SUBSTANCES = {
    "methotrexate": "387381009",
    "azathioprine": "372574004",
    "allopurinol": "387135004",
    "tacrolimus": "386975001",
    "ciclosporin": "387467008",
    "CellCept": "386976000",
    "IVIg": "722197004",
    "rituximab": "386919002",
}
PACKAGES = {
    "methotrexate": "00054-4550-15",
    "co-trimoxazole": "0093-0088-01",
    "tacrolimus": "00378204601",
    "ciclosporin": "60505-0133-00",
    "CellCept": "0054-0166-25",
    "Myfortic": "00378-4202-78",
}

Coding = Callable[[str], Json]
Style = Callable[[Json, Json], list[Json]]
"""Writes an order of a drug as the entries of a Bundle: the order, and with it what it refers to."""


def in_words(language: str) -> Coding:
    return lambda drug: {"text": TEXTS[drug][language]}


def by_code(system: str, codes: dict[str, str]) -> Coding:
    """A drug without a code of the system is written in English words."""
    return lambda drug: coded(system, codes[drug]) if drug in codes else {"text": TEXTS[drug]["en"]}


def with_words(system: str, code: str, drugs: Iterable[str]) -> Coding:
    """A code that leaves the product open is closed by the words beside it."""
    return lambda drug: (
        {**coded(system, code), "text": TEXTS[drug]["en"]} if drug in drugs else by_code(ATC, ATC_CODES)(drug)
    )


CODINGS: dict[str, Coding] = {
    "rxnorm-product": by_code(RXNORM, PRODUCTS),
    "rxnorm-ingredient": by_code(RXNORM, INGREDIENTS),
    "atc": by_code(ATC, ATC_CODES),
    "atc-with-words": with_words(ATC, "L04AA06", ("CellCept", "Myfortic")),
    "snomed": by_code(SNOMED, SUBSTANCES),
    "ndc": by_code(NDC, PACKAGES),
    "english": in_words("en"),
    "dutch": in_words("nl"),
    "german": in_words("de"),
    "french": in_words("fr"),
}


def codeable(written: Json, concept: Json) -> list[Json]:
    return [{"resource": {**written, "medicationCodeableConcept": concept}}]


def reference(written: Json, concept: Json) -> list[Json]:
    name = f"med-{written['id']}"
    return [{"resource": referring(written, f"Medication/{name}")}, {"resource": medication(name, concept)}]


def contained(written: Json, concept: Json) -> list[Json]:
    return [{"resource": {**referring(written, "#med"), "contained": [medication("med", concept)]}}]


def sibling(written: Json, concept: Json) -> list[Json]:
    url = f"urn:uuid:{written['id']}"
    nameless = {key: value for key, value in medication("", concept).items() if key != "id"}
    return [{"fullUrl": url, "resource": nameless}, {"resource": referring(written, url)}]


STYLES: dict[str, Style] = {style.__name__: style for style in (codeable, reference, contained, sibling)}


class Scene:
    """A patient: what is on the chart and in the basket, each with its drug; and what must be said of it."""

    def __init__(self, chart: list[tuple[str, Json]], basket: list[tuple[str, Json]], *expected: str) -> None:
        self.chart, self.basket, self.expected = chart, basket, expected

    def request(self, style: Style, coding: Coding) -> Json:
        """The order-sign request of it."""
        held: dict[str, list[Json]] = {"MedicationRequest": [], "MedicationAdministration": []}
        for drug, written in self.chart:
            held[written["resourceType"]] += style(written, coding(drug))
        drafts = [entry for drug, written in self.basket for entry in style(written, coding(drug))]
        prefetch = record(
            medicationRequests=bundle(*held["MedicationRequest"]),
            medicationAdministrations=bundle(*held["MedicationAdministration"]),
        )
        body = request("order-sign", prefetch)
        body["context"]["draftOrders"] = bundle(*drafts)
        return body


NO_DRUG: Json = {}
MTX = draft(NO_DRUG, "draft-1", weekly(15, "mon"))
SCENES = {
    "methotrexate-without-folate": Scene([], [("methotrexate", MTX)], "MTX-05 warning fires MedicationRequest/draft-1"),
    "methotrexate-with-co-trimoxazole": Scene(
        [("co-trimoxazole", order(NO_DRUG, "m1", daily(480)))],
        [("methotrexate", MTX)],
        "MTX-05 warning fires MedicationRequest/draft-1",
        "MTX-09 critical fires MedicationRequest/draft-1",
    ),
    "azathioprine-with-allopurinol": Scene(
        [("azathioprine", order(NO_DRUG, "m1", daily(100)))],
        [("allopurinol", draft(NO_DRUG, "draft-1", daily(100)))],
        "AZA-04 critical fires MedicationRequest/draft-1",
    ),
    "tacrolimus-with-ciclosporin": Scene(
        [],
        [
            ("tacrolimus", draft(NO_DRUG, "draft-1", daily(2))),
            ("ciclosporin", draft(NO_DRUG, "draft-2", daily(100))),
        ],
        "TAC-04 critical fires MedicationRequest/draft-1 MedicationRequest/draft-2",
    ),
    "cellcept-and-myfortic": Scene(
        [("CellCept", order(NO_DRUG, "m1", daily(1000)))],
        [("Myfortic", draft(NO_DRUG, "draft-1", daily(720)))],
        "MPA-03 critical fires MedicationRequest/draft-1",
    ),
    "ivig-after-rituximab": Scene(
        [("rituximab", given(NO_DRUG, -3, "a1"))],
        [("IVIg", draft(NO_DRUG, "draft-1", infused(28, "g", 0, 1, 2, 3, 4)))],
        "SEQ-01 warning fires MedicationRequest/draft-1",
    ),
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("scene", SCENES)
def test_the_findings_are_the_same_in_every_style_and_coding(scene: str, style: str, coding: str) -> None:
    response = post(SCENES[scene].request(STYLES[style], CODINGS[coding]))
    said = sorted(
        " ".join((finding["rule"], finding["severity"], finding["outcome"], *finding.get("orders", ())))
        for finding in findings(response)
        if finding["rule"] in RULES
    )
    assert said == sorted(SCENES[scene].expected)
    assert unchecked(response, "GEN-03", *RULES) == []
