"""Evidence in words: how a therapy is shown on a card. All of it comes from the record and is escaped by the card."""

from __future__ import annotations

from . import dose
from .findings import Evidence
from .therapy import Therapy


def evidence_of(therapy: Therapy) -> Evidence:
    """A therapy as evidence: its reference, its name in the record, and its first day."""
    return Evidence(therapy.reference, therapy.label, therapy.start)


def shown(therapy: Therapy) -> str:
    """A therapy in a few words: name, dose as understood, where it stands, since when."""
    where = {"draft": "this order", "statement": "as stated", "administration": "given", "request": "on the chart"}
    regimen = dose.in_words(therapy.regimen())
    since = (
        f", since {therapy.start.isoformat()}" if therapy.start and therapy.source in ("request", "statement") else ""
    )
    on = f" on {therapy.start.isoformat()}" if therapy.start and therapy.source == "administration" else ""
    return f"{therapy.label}{': ' + regimen if regimen else ''} ({where[therapy.source]}{on}{since})"
