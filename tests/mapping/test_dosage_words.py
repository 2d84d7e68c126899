"""What may be taken from free text, in four languages (CLINICAL 0.4)."""

from __future__ import annotations

import pytest

from cds_service.clinical.dose import Word
from cds_service.mapping.dosage.words import LONGEST_TEXT, read_words

DAILY: frozenset[Word] = frozenset(("daily",))
WEEKLY: frozenset[Word] = frozenset(("weekly",))
TAPER: frozenset[Word] = frozenset(("taper",))
NONE: frozenset[Word] = frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "15 mg daily", "once-daily", "twice daily", "one a day", "2 tablets a day", "3 times a day", "15 mg/day",
        "15mg/d", "per day", "every day", "each morning", "1dd", "2dd1", "1x daags", "dagelijks", "per dag",
        "elke dag", "1x/dag", "iedere avond", "t\u00e4glich", "1x tgl.", "2mal am Tag", "pro Tag", "jeden Tag",
        "par jour", "1 fois/jour", "tous les jours", "chaque matin", "prise quotidienne", "QD", "bid", "b.i.d.",
        "TDS", "DAILY",
    ],
)  # fmt: skip
def test_daily(text: str) -> None:
    assert read_words(text) == DAILY


@pytest.mark.parametrize(
    "text",
    [
        "once weekly", "once-weekly", "once a week", "twice a week", "one day a week", "per week", "15 mg/week",
        "15mg/wk", "every week", "every Monday", "on Mondays", "wekelijks", "1x per week", "elke week",
        "iedere maandag", "1x/week", "w\u00f6chentlich", "1x pro Woche", "einmal in der Woche", "jeden Montag",
        "jede Woche", "par semaine", "une fois la semaine", "1 fois/semaine", "chaque lundi", "toutes les semaines",
        "hebdomadaire", "6 tablets weekly",
    ],
)  # fmt: skip
def test_weekly(text: str) -> None:
    assert read_words(text) == WEEKLY


@pytest.mark.parametrize(
    "text",
    [
        "biweekly", "bi-weekly", "3-weekly", "4 weekly", "four weekly", "take 6 weekly", "weekdays", "tweewekelijks",
        "2-wekelijks", "zweiw\u00f6chentlich", "14-t\u00e4glich", "14 t\u00e4glich", "alle 2 Wochen",
        "jeden zweiten Tag", "om de dag", "every other day", "every 2 weeks", "for 3 weeks", "toutes les 2 semaines",
        "un jour sur deux", "bihebdomadaire", "on a day other than the methotrexate day", "am Tag nach Methotrexat",
        "on day 1", "max 4 g per day", "no more than 4 per day", "hoogstens 2 per dag", "check blood count weekly",
        "weekly blood count",
        "Blutbild w\u00f6chentlich", "pulse rate", "check pulse", "heart pulse", "nightmares", "today", "", "15 mg",
    ],
)  # fmt: skip
def test_false_friends(text: str) -> None:
    assert read_words(text) == NONE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("once weekly, NOT daily", WEEKLY),
        ("NIET dagelijks, 1x per week", WEEKLY),
        ("nicht t\u00e4glich, sondern w\u00f6chentlich", WEEKLY),
        ("ne pas prendre tous les jours; une fois par semaine", WEEKLY),
        ("do not take every day", NONE),
        ("never daily", NONE),
        ("geen dagelijks gebruik", NONE),
    ],
)
def test_what_is_denied_does_not_count(text: str, words: frozenset[Word]) -> None:
    assert read_words(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("reduce by 5 mg per week", TAPER),
        ("60 mg daily, reduce by 5 mg per week", DAILY | TAPER),
        ("verlagen met 5 mg per week", TAPER),
        ("reduzieren um 5 mg pro Woche", TAPER),
        ("afbouwschema", TAPER),
        ("dan afbouwen", TAPER),
        ("langsam ausschleichen", TAPER),
        ("dose d\u00e9gressive", TAPER),
        ("taper over 6 weeks", TAPER),
        ("tapering", TAPER),
        ("onderhoudsdosering", frozenset(("maintenance",))),
        ("Erhaltungsdosis", frozenset(("maintenance",))),
        ("traitement d'entretien", frozenset(("maintenance",))),
        ("maintenance dose", frozenset(("maintenance",))),
        ("stootkuur", frozenset(("pulse",))),
        ("Sto\u00dftherapie", frozenset(("pulse",))),
        ("Stosstherapie", frozenset(("pulse",))),
        ("methylprednisolone pulse", frozenset(("pulse",))),
        ("dexamethasone pulses", frozenset(("pulse",))),
    ],
)
def test_other_words(text: str, words: frozenset[Word]) -> None:
    assert read_words(text) == words


def test_a_text_may_say_both() -> None:
    assert read_words("Take 10 mg per week; folic acid daily") == DAILY | WEEKLY


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert read_words("x" * (LONGEST_TEXT - 6) + " daily and weekly") == DAILY
    assert read_words("x" * LONGEST_TEXT + " daily") == NONE


@pytest.mark.parametrize(
    "text",
    [
        "for 4 days", "x 4 d", "four consecutive days", "every morning for 4 days", "days 1-4", "day 1 to 4 of each cycle",
        "4 dagen", "dag 1 t/m 4", "4 opeenvolgende dagen", "4 Tage lang", "Tag 1 bis 4", "pendant 4 jours",
    ],
)  # fmt: skip
def test_a_text_says_four_days(text: str) -> None:
    assert "fourdays" in read_words(text)


@pytest.mark.parametrize(
    "text",
    ["every 4 days", "elke 4 dagen", "alle 4 Tage", "tous les 4 jours", "14 days", "24 days", "4 days a week",
     "4 times a day", "4dd", "not for 4 days", "4 days per week"],
)  # fmt: skip
def test_a_text_says_something_else_than_four_days(text: str) -> None:
    assert "fourdays" not in read_words(text)


@pytest.mark.parametrize(
    "text",
    [
        "oral by choice", "Patient's preference", "no venous access", "poor IV access", "refuses infusions",
        "geen veneuze toegang", "slechte venen", "op eigen verzoek", "kein venöser Zugang", "auf Wunsch", "par choix",
    ],
)  # fmt: skip
def test_a_text_says_why_a_drug_is_given_orally(text: str) -> None:
    assert "oralchoice" in read_words(text)


@pytest.mark.parametrize("text", ["oral", "good venous access", "not by choice", "choice of tablets", "IV access"])
def test_a_text_does_not_say_why_a_drug_is_given_orally(text: str) -> None:
    assert "oralchoice" not in read_words(text)
