"""The book: the table row by row with what became of each phrase, and each rule with its figures, sources, cases."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from cds_service.clinical.facts import FACTS
from cds_service.clinical.kinds import KINDS
from cds_service.knowledge.book import facts_page, rule_lines, treatments_page
from cds_service.knowledge.cases import load_cases
from cds_service.knowledge.entry import Entry
from cds_service.knowledge.loader import FOLDER, Knowledge, load
from cds_service.knowledge.meanings import load_meanings
from cds_service.mapping.terminology import Terminology

ROWS = [
    "Oral prednisolone",
    "Oral dexamethasone",
    "Methyl-prednisolone",
    "Azathioprine",
    "Methotrexate",
    "Mycophenolate acid",
    "Tacrolimus",
    "Intravenous immunoglobulins (IVIg)",
    "Rituximab",
    "Cyclophosphamide",
    "Plasmapheresis",
    "Janus kinase (JAK) inhibitors, anti-TNF-alpha therapy, CAR-T cell therapy and other newer compounds",
]
CASES = load_cases()
ROOT = Path(__file__).parent.parent.parent


def entry(knowledge: Knowledge, rule: str) -> Entry:
    return next(entry for entry in knowledge.entries if entry.id == rule)


@pytest.fixture(scope="module")
def page(knowledge: Knowledge) -> str:
    return treatments_page(knowledge, CASES)


def test_the_rows_stand_in_the_order_of_the_table(knowledge: Knowledge, page: str) -> None:
    assert [treatment.row for treatment in knowledge.treatments] == ROWS
    assert re.findall(r"^## \d+\. (.*)$", page, re.MULTILINE) == ROWS


def test_every_rule_has_its_place_once(knowledge: Knowledge, page: str) -> None:
    headings = re.findall(r"^### (\S+)$", page, re.MULTILINE)
    assert sorted(headings) == sorted(entry.id for entry in knowledge.entries)


def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    places = {heading.lower() for heading in re.findall(r"^#+ (\S+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= places


def test_every_case_is_in_the_page(page: str) -> None:
    assert len(re.findall(r"^\| (?:fires|silent|below|at|above|missing) \| ", page, re.MULTILINE)) == len(CASES)


def test_every_word_of_the_table_is_a_phrase_of_a_row(knowledge: Knowledge, shared: Path) -> None:
    """Each phrase is a rule, a part of a card's text or listed as not computable, so no word of the table is lost."""
    text = (shared / "table-11.txt").read_text(encoding="utf-8")
    table = text[text.index("Initial therapy") : text.index("Table 11. Indications")]
    # What was mended: two Dutch words, a doubled slash and a split exponent.
    for written, meant in (("voor", "for"), ("mg//kg", "mg/kg"), ("g/m ²", "g/m2")):
        assert written in table
        table = table.replace(written, meant)
    ours = Counter(
        word
        for treatment in knowledge.treatments
        for text in (treatment.row, *(phrase.says for _, phrases in treatment.cells for phrase in phrases))
        for word in words(text)
    )
    lost = Counter(words(table)) - ours
    assert not lost


def words(text: str) -> list[str]:
    """The words, without what punctuation and spacing make of them."""
    return re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.lower())


def test_a_rule_is_told_with_figures_sources_and_cases(knowledge: Knowledge) -> None:
    cases = [case for case in CASES if case.rule == "TAC-04"]
    assert list(rule_lines(entry(knowledge, "TAC-04"), cases[:1]))[:18] == [
        "# TAC-04",
        "",
        "**{drug} + {partner}: do not combine (nephrotoxicity)**",
        "",
        "Safety rule: whatever the diagnosis. Asked at patient-view, order-select, order-sign. "
        "Kind [avoid-combination](facts.md#avoid-combination).",
        "",
        "- **critical**",
        "- drugs: tacrolimus",
        "- partners: systemic-ciclosporin",
        "- figures: recent days 1",
        "- offers: delete draft",
        "- may be set aside: The record is out of date; Already dealt with elsewhere",
        "",
        "Both are calcineurin inhibitors: together they add up in nephrotoxicity, and the label says not to use them "
        "simultaneously. In a switch 24 hours lie between the last dose of one and the first of the other.",
        "",
        "- Source: IIM drug therapy guideline, Table 11, tacrolimus, further considerations",
        "- Source: Prograf (tacrolimus) US prescribing information, no simultaneous ciclosporin",
        "- Clinical review: none yet",
    ]


def test_a_tier_is_told_with_its_figure_its_tolerance_and_whether_it_is_ours(knowledge: Knowledge) -> None:
    told = list(rule_lines(entry(knowledge, "CYC-01"), []))
    assert "- **critical** above 3 mg/kg **(ours)**" in told
    assert "- **warning** above 2 mg/kg (to 2.1 passes)" in told  # 2 mg/kg and 5 %


def test_a_rule_that_is_off_and_one_that_a_site_changed_say_so(knowledge: Knowledge) -> None:
    changed = msgspec.structs.replace(entry(knowledge, "TAC-04"), off=True, changes=("switched off",))
    told = list(rule_lines(changed, []))
    assert "Off unless a site switches it on." in told
    assert "Changed by this site: switched off." in told


def test_what_would_be_markup_is_plain_text(knowledge: Knowledge) -> None:
    case = msgspec.structs.replace(CASES[0], about="a|b <c> *d*")
    line = next(line for line in rule_lines(entry(knowledge, case.rule), [case]) if "a\\|b" in line)
    assert "a\\|b \\<c> \\*d\\*" in line


def test_every_fact_and_every_kind_is_explained(knowledge: Knowledge) -> None:
    page = facts_page(knowledge, load_meanings())
    assert re.findall(r"^\| `(.*?)` \| \S", page, re.MULTILINE) == sorted(FACTS)
    assert re.findall(r"^### (\S+)\n\n\S", page, re.MULTILINE) == sorted(KINDS)


def test_a_fact_names_the_rules_that_ask_it(knowledge: Knowledge) -> None:
    page = facts_page(knowledge, load_meanings())
    line = next(line for line in page.splitlines() if line.startswith("| `established-low-dose-thiopurine` "))
    assert line.endswith("| [AZA-04](treatments.md#aza-04) |")


def test_the_rule_that_is_added_on_the_page_about_adding_one_is_the_shipped_one() -> None:
    page = (ROOT / "docs" / "adding-a-rule.md").read_text(encoding="utf-8")
    row, cases = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert row in (FOLDER / "treatments" / "azathioprine.toml").read_text(encoding="utf-8")
    shipped = (FOLDER / "cases" / "azathioprine.toml").read_text(encoding="utf-8")
    shown = cases.split("\n\n")
    assert len(shown) == 4
    assert all(case.strip() in shipped for case in shown)


def test_the_site_file_on_its_page_is_a_right_one(terminology: Terminology, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "site-file.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    site = tmp_path / "hospital.toml"
    site.write_text(text, encoding="utf-8")
    loaded = load(terminology.name_of, terminology.ingredients, terminology.procedures, site=site)
    assert {entry.id: entry.changes for entry in loaded.entries if entry.changes} == {
        "MTX-11": ("switched off",),
        "AZA-02": ("switched on",),
        "AZA-04": ("critical -> warning",),
        "IVIG-04": ("least_days 24 -> 21",),
        "CYC-01": ("tiers.0.above 3 -> 2.5",),
        "IVIG-05": ("override reason local-protocol",),
    }
