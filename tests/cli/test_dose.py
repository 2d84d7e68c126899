"""`cds-service dose` says what was understood, from which element, and what is unknown and why."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.cli.reading import Reading, read
from cds_service.mapping.terminology import Terminology

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "fixtures" / "dosage"


def reading(name: str, terminology: Terminology) -> Reading:
    (found,) = read((FOLDER / f"{name}.json").read_bytes(), terminology)
    return found


def figure(found: Reading, name: str) -> str:
    return next(figure.words for figure in found.figures if figure.name == name)


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("01-six-tablets-once-a-week", "in a week", "15 mg"),  # 6 tablets of 2.5 mg
        ("02-every-day-but-only-on-mondays", "times", "1 per week"),
        ("03-frequency-without-period", "times", "unknown: the order has a frequency but no period"),
        ("05-text-against-structure", "times", "35 per week"),  # 5 times a day
        ("06-taper", "on a day", "60 mg"),
        ("07-volume-by-concentration", "on a day", "4 mg"),  # 2 mL of 1 mg/mL, twice
        ("08-range", "on a day", "2 to 4 mg"),
        ("09-three-statements-of-one-dose", "in a week", "15 mg"),
        ("10-per-kilogram-for-five-days", "in a cycle", "2000 mg/kg"),  # 5 days of 0.4 g/kg
    ],
)
def test_a_figure_of_a_fixture(name: str, question: str, answer: str, terminology: Terminology) -> None:
    assert figure(reading(name, terminology), question) == answer


def test_words_alone_give_no_amount(terminology: Terminology) -> None:
    found = reading("04-text-only", terminology)
    assert figure(found, "in a week").startswith("unknown: ")
    assert found.text_says == ("weekly",)


def test_text_against_structure_is_a_problem(terminology: Terminology) -> None:
    problems = reading("05-text-against-structure", terminology).problems
    assert [problem.partition(":")[0] for problem in problems] == ["text-contradicts-structure"]


def test_every_figure_names_the_element_that_it_comes_from(terminology: Terminology) -> None:
    found = reading("01-six-tablets-once-a-week", terminology)
    assert {figure.origin for figure in found.figures} == {
        "dosageInstruction[0].doseAndRate[0].doseQuantity",
        "dosageInstruction[0].timing.repeat",
    }


def test_a_combination_is_read_once_for_each_ingredient(terminology: Terminology) -> None:
    order = {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": {"text": "co-trimoxazole"},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}],
    }
    found = read(json.dumps(order).encode(), terminology)
    assert [each.ingredients for each in found] == [("sulfamethoxazole",), ("trimethoprim",)]


def test_a_bare_dosage_is_read_from_standard_input_as_json() -> None:
    dosage = (
        '{"timing":{"code":{"coding":[{"code":"BID"}]}},"doseAndRate":[{"doseQuantity":{"value":720,"unit":"mg"}}]}'
    )
    result = CliRunner().invoke(main, ["dose", "-", "--json"], input=dosage)
    assert result.exit_code == 0
    (found,) = msgspec.json.decode(result.output, type=list[Reading])
    assert figure(found, "on a day") == "1440 mg"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "Error: this is not JSON\n"),
        ('{"resourceType":"Patient"}', "Error: a dosage is looked for in medication resources, not in Patient\n"),
        (
            '{"resourceType":"MedicationRequest","status":1}',
            "Error: MedicationRequest cannot be read at status\n",
        ),
    ],
)
def test_what_is_no_dosage_is_told_in_one_line(text: str, told: str) -> None:
    result = CliRunner().invoke(main, ["dose", "-"], input=text)
    assert (result.exit_code, result.output) == (1, told)


def test_every_fixture_is_in_the_page(terminology: Terminology) -> None:
    page = (ROOT / "docs" / "dose.md").read_text(encoding="utf-8")
    names = sorted(path.name for path in FOLDER.glob("*.json"))
    assert len(names) == 10
    assert all(f"$ cds-service dose fixtures/dosage/{name}" in page for name in names)
