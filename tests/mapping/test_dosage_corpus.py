"""Every dosage that others published: read, or unknown with a reason; and held against the publisher's own text.

What the text of each pair states was read by a person and stands in `data/dosage_pairs.csv`, with the verdict and, for
each disagreement and each unknown, whose fault it is.
"""

from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from cds_service.clinical import dose as asked
from cds_service.clinical.dose import Amount, Frequency, Regimen, Step, Unknown
from cds_service.mapping.dosage import read_administration, read_regimen
from cds_service.mapping.dosage.words import read_words
from cds_service.mapping.elements import AdministrationDosage, MedicationIngredient, read_dosages
from cds_service.mapping.products import Strength
from cds_service.mapping.strength import read_strengths

REVIEWED = Path(__file__).parent / "data" / "dosage_pairs.csv"
QUESTIONS = (
    asked.single_dose,
    asked.daily_amount,
    asked.daily_limit,
    asked.weekly_amount,
    asked.average_daily_amount,
    asked.amount_per_cycle,
    asked.days_per_cycle,
    asked.longest_run,
    asked.administrations_per_week,
    asked.duration_days,
)


def check_answers(regimen: Regimen, where: str) -> bool:
    """Every question has an answer, or a reason and a place; whether dose and schedule are both known."""
    for question in QUESTIONS:
        answer = question(regimen)
        if isinstance(answer, Unknown):
            assert answer.reason, where
        elif isinstance(answer, Amount):
            assert 0 <= answer.low <= answer.high, where
            assert answer.high > 0, where
    for step in asked.steps(regimen):
        for figure in (step.dose, step.frequency):
            assert figure.where, where
    assert isinstance(asked.in_words(regimen), str)
    return isinstance(asked.daily_amount(regimen), Amount)


def dosages_in(node: object) -> Iterator[tuple[str, object]]:
    """Every dosage of a resource and of all within it: its element name and its JSON."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("dosageInstruction", "dosage") and isinstance(value, list | dict):
                yield ("given" if isinstance(value, dict) and "dose" in value else name), value
            yield from dosages_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from dosages_in(value)


def test_every_published_dosage_is_read_or_unknown_with_a_reason(shared: Path) -> None:
    count: Counter[str] = Counter()
    for path in sorted((*(shared / "data/fhir").rglob("*.json"), *(shared / "data/cds").rglob("*.json"))):
        for name, value in dosages_in(json.loads(path.read_bytes())):
            if name == "given":
                given = msgspec.convert(value, AdministrationDosage, strict=False)
                regimen = read_administration(given, where="dosage")
            else:
                regimen = read_regimen(read_dosages(json.dumps(value).encode()), where=name)
            known = check_answers(regimen, f"{path.name}: {name}")
            count["dose and schedule known" if known else "unknown with a reason"] += 1
    print(f"\npublished dosages: {dict(count)}")
    assert sum(count.values()) > 200
    assert count["dose and schedule known"] > 100


LISTS = frozenset(("dosageInstruction", "additionalInstruction", "coding", "event", "dayOfWeek", "timeOfDay", "when"))


def from_xml(node: ET.Element) -> object:
    """A FHIR element in XML as JSON has it."""
    value = node.get("value")
    if value is not None:
        try:
            return float(value) if node.tag.rpartition("}")[2] in ("value", "frequency", "period", "count") else value
        except ValueError:
            return value
    members: dict[str, object] = {}
    for child in node:
        name, read = child.tag.rpartition("}")[2], from_xml(child)
        if name in LISTS:
            listed = members.setdefault(name, [])
            assert isinstance(listed, list)
            listed.append(read)
        else:
            members[name] = read
    return members


def test_every_dosage_of_the_nhs_dose_syntax_is_read_or_unknown_with_a_reason(shared: Path) -> None:
    count: Counter[str] = Counter()
    for path in sorted((shared / "data/dosage").rglob("*.xml")):
        text = path.read_text(encoding="utf-8-sig")
        try:
            whole = from_xml(ET.fromstring(f"<all>{text}</all>"))
        except ET.ParseError:
            count["no XML as published"] += 1
            continue
        headline = read_words("; ".join(re.findall(r"<!--(.*?)-->", text, re.DOTALL)))
        for name, value in dosages_in(whole):
            regimen = read_regimen(read_dosages(json.dumps(value).encode()), where=name)
            known = check_answers(regimen, f"{path.name}: {name}")
            count["dose and schedule known" if known else "unknown with a reason"] += 1
            for step in asked.steps(regimen):
                if isinstance(step.frequency, Frequency) and len(headline & {"daily", "weekly"}) == 1:
                    count["daily or weekly as the headline says"] += 1
                    rate = step.frequency.per_week_high
                    assert rate >= 7 if "daily" in headline else rate <= 3, path.name
    print(f"\nNHS dose syntax: {dict(count)}")
    assert count["dose and schedule known"] > 25


def strengths_of(pair: dict[str, object], shared: Path) -> tuple[Strength, ...]:
    """The strengths that the pair's own resource states: of its contained Medication, and of its name."""
    resource = json.loads((shared / "data" / str(pair["file"])).read_bytes())
    ingredients: list[MedicationIngredient] = []
    names = [str(pair["medication"])]
    for contained in resource.get("contained", ()) if isinstance(resource, dict) else ():
        if contained.get("resourceType") == "Medication":
            ingredients += msgspec.convert(contained.get("ingredient", []), list[MedicationIngredient], strict=False)
            names += [coding.get("display", "") for coding in contained.get("code", {}).get("coding", ())]
    return read_strengths(None, ingredients, names, "")


def span(text: str) -> tuple[Fraction, Fraction]:
    def number(part: str) -> Fraction:
        over, _, under = part.partition("/")
        return Fraction(over) / Fraction(under or "1")

    low, _, high = text.partition("-")
    return number(low), number(high or low)


def near(left: tuple[Fraction, Fraction], right: tuple[Decimal, Decimal]) -> bool:
    return all(abs(one - Fraction(two)) < Fraction(1, 10**6) for one, two in zip(left, right, strict=True))


def compare(step: Step | None, stated: dict[str, str]) -> set[str]:
    found = set()
    if stated["dose"]:
        if step is None or isinstance(step.dose, Unknown) or step.dose.unit != stated["unit"]:
            found.add("unknown")
        else:
            found.add("agree" if near(span(stated["dose"]), (step.dose.low, step.dose.high)) else "disagree")
    if stated["per_week"]:
        if step is None or isinstance(step.frequency, Unknown):
            found.add("unknown")
        else:
            rate = (step.frequency.per_week_low, step.frequency.per_week_high)
            found.add("agree" if near(span(stated["per_week"]), rate) else "disagree")
    if stated["days"]:
        found.add("agree" if step is not None and step.days == Decimal(stated["days"]) else "disagree")
    return found


def verdict_of(pair: dict[str, object], row: dict[str, str], shared: Path) -> str:
    counted = set(row["unit"].split("|")) <= {"1", "mL", ""}
    regimen = read_regimen(
        read_dosages(json.dumps(pair["dosage"]).encode()),
        strengths=() if counted else strengths_of(pair, shared),
        where="dosage",
    )
    steps = {step.where: step for step in asked.steps(regimen)}
    found: set[str] = set()
    parts = {name: row[name].split("|") for name in ("dose", "unit", "per_week", "days")}
    for place in range(max(len(part) for part in parts.values())):
        stated = {name: part[place] if place < len(part) else "" for name, part in parts.items()}
        found |= compare(steps.get(f"dosage[{place}]"), stated)
    return next((verdict for verdict in ("disagree", "unknown", "agree") if verdict in found), "silent")


def reviewed() -> list[dict[str, str]]:
    with REVIEWED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_reading_agrees_with_what_the_publishers_say_in_words(shared: Path) -> None:
    pairs = [json.loads(line) for line in (shared / "data/dosage/pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = reviewed()
    assert len(pairs) == len(rows)
    verdicts = []
    for pair, row in zip(pairs, rows, strict=True):
        assert pair["resource"].startswith(row["resource"])
        verdicts.append(verdict_of(pair, row, shared))
    print(f"\npairs: {dict(Counter(verdicts))}")
    for verdict, row in zip(verdicts, rows, strict=True):
        if verdict in ("disagree", "unknown"):
            print(f"  {verdict} ({row['fault']}): {row['resource']}: {row['note']}")
    assert verdicts == [row["verdict"] for row in rows]


def test_no_disagreement_is_ours_and_every_one_is_explained() -> None:
    for row in reviewed():
        if row["verdict"] == "disagree":
            assert row["fault"] == "publisher"
        if row["verdict"] in ("disagree", "unknown"):
            assert row["note"]


def test_what_is_unknown_though_it_could_be_known_is_little() -> None:
    ours = [row for row in reviewed() if row["verdict"] == "unknown" and row["fault"] == "ours"]
    assert [row["note"] for row in ours] == ["milliequivalents are none of our units"] * 2


def test_no_published_order_is_read_in_the_wrong_direction(shared: Path) -> None:
    """Daily as weekly, weekly as daily, or ten times as much: none, whoever is at fault."""
    pairs = [json.loads(line) for line in (shared / "data/dosage/pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    for pair, row in zip(pairs, reviewed(), strict=True):
        regimen = read_regimen(
            read_dosages(json.dumps(pair["dosage"]).encode()), strengths=strengths_of(pair, shared), where="dosage"
        )
        steps = {step.where: step for step in asked.steps(regimen)}
        for place, (often, much, unit) in enumerate(
            zip(*(pad(row[name]) for name in ("per_week", "dose", "unit")), strict=True)
        ):
            step = steps.get(f"dosage[{place}]")
            if step is None:
                continue
            if often and isinstance(step.frequency, Frequency):
                read, said = step.frequency.per_week_high, span(often)[1]
                assert not (said >= 7 and read <= 1), row
                assert not (said <= 1 and read >= 7), row
                assert Fraction(read) < 10 * said, row
                assert said < 10 * Fraction(read), row
            if much and isinstance(step.dose, Amount) and step.dose.unit == unit:
                assert Fraction(step.dose.high) < 10 * span(much)[1], row
                assert span(much)[1] < 10 * Fraction(step.dose.high), row


def pad(cell: str) -> list[str]:
    parts = cell.split("|")
    return [*parts, *[""] * (4 - len(parts))]


FREE_TEXT_UNKNOWN = ("1 tablet od", "2-bd", "take 1 mane")
"""Latin shorthand outside the words of CLINICAL 0.4; "od" is also the right eye."""


def stated_words(parts: str) -> frozenset[str]:
    """The words that the expected parts of a signature of the NHS stand for."""
    found = set()
    for part in parts.split(" | "):
        if part.endswith(("every day", "every morning", "every night")):
            found.add("daily")
        if part == "once every week" or part == "on mondays":
            found.add("weekly")
    return frozenset(found)


def test_free_text_of_the_nhs_says_the_same_words(shared: Path) -> None:
    (path,) = (shared / "data/dosage").rglob("full_text.json")
    listed = json.loads(path.read_bytes())
    verdicts: Counter[str] = Counter()
    unknown = []
    for text, parts in listed["capture"].items():
        said, read = stated_words(parts), frozenset(read_words(text)) & {"daily", "weekly"}
        if said == read:
            verdicts["agree" if said else "silent"] += 1
        elif not read:
            verdicts["unknown"] += 1
            unknown.append(text)
        else:
            verdicts["disagree"] += 1
            pytest.fail(f"{text!r} says {sorted(said)} and was read as {sorted(read)}")
    print(f"\nNHS free text: {dict(verdicts)}")
    for text in unknown:
        print(f"  unknown: {text}")
    assert sorted(unknown) == list(FREE_TEXT_UNKNOWN)


def test_ambiguous_free_text_of_the_nhs_never_becomes_weekly(shared: Path) -> None:
    (path,) = (shared / "data/dosage").rglob("full_text.json")
    for text in json.loads(path.read_bytes())["exclude"]:
        assert "weekly" not in read_words(text), text
