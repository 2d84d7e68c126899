"""What an order is for, where its reason is said in words only."""

from __future__ import annotations

import pytest

from cds_service.clinical.facts import IIM, OTHER_INDICATION
from cds_service.mapping.terminology import Terminology
from cds_service.mapping.terminology.files import rows

TERMS = Terminology.load()


@pytest.mark.parametrize(
    ("words", "concepts"),
    [
        ("Rheumatoid arthritis, flare", {"rheumatoid-arthritis"}),
        ("kidney transplant", {"solid-organ-transplant"}),
        ("CVID", {"immunodeficiency"}),
        ("Crohn's disease", {"crohn-disease"}),
        ("non-Hodgkin lymphoma", {"lymphoma", "cancer"}),
        ("dermatomyositis", {"dermatomyositis", "idiopathic-inflammatory-myopathy"}),
        ("inclusion body myositis", {"inclusion-body-myositis", "idiopathic-inflammatory-myopathy"}),
        ("interstitial lung disease", set()),
        ("prophylaxis", set()),
    ],
)
def test_a_reason_in_words_names_its_disease(words: str, concepts: set[str]) -> None:
    assert TERMS.reason_text(words) == concepts


def test_every_named_reason_is_myositis_or_another_indication() -> None:
    assert {concept for concept, *_ in rows("reason_names.csv")} <= IIM | OTHER_INDICATION
