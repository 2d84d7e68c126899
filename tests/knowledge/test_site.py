"""A site's file changes what it may, is told from what ships, and is refused with file, rule and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.knowledge.cases import load_cases, run
from cds_service.knowledge.entry import Entry
from cds_service.knowledge.faults import BadKnowledge
from cds_service.knowledge.loader import Knowledge, load
from cds_service.mapping.terminology import Terminology


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "hospital.toml"


def loaded(terminology: Terminology, site: Path, text: str) -> Knowledge:
    site.write_text(text, encoding="utf-8")
    return load(terminology.name_of, terminology.ingredients, terminology.procedures, site=site)


def entry(knowledge: Knowledge, rule: str) -> Entry:
    return next(entry for entry in knowledge.entries if entry.id == rule)


def refusal(terminology: Terminology, site: Path, text: str) -> str:
    with pytest.raises(BadKnowledge) as caught:
        loaded(terminology, site, text)
    return str(caught.value)


def test_an_empty_file_changes_nothing(terminology: Terminology, site: Path) -> None:
    shipped = load(terminology.name_of, terminology.ingredients, terminology.procedures)
    assert loaded(terminology, site, "") == shipped


def test_a_rule_is_switched_off(terminology: Terminology, site: Path) -> None:
    changed = loaded(terminology, site, "[rule.MTX-11]\noff = true\n")
    assert entry(changed, "MTX-11").changes == ("switched off",)
    assert entry(changed, "MTX-11").off
    assert "MTX-11" not in {rule.row.id for rule in changed.book.rules}
    assert "MTX-11" not in {rule.row.id for rule in changed.book.by_concern["methotrexate"]}


def test_a_severity_is_changed_wherever_the_rule_has_it(terminology: Terminology, site: Path) -> None:
    changed = loaded(terminology, site, '[rule.AZA-04.severity]\ncritical = "warning"\n')
    assert [tier.severity for tier in entry(changed, "AZA-04").rule.row.tiers] == ["warning", "warning"]
    assert entry(changed, "AZA-04").changes == ("critical -> warning",)


@pytest.mark.parametrize("key", ["least_days = 21", '"least_days" = 21'])
def test_a_figure_of_ours_is_changed_and_the_card_says_so(terminology: Terminology, site: Path, key: str) -> None:
    changed = loaded(terminology, site, f"[rule.IVIG-04.figures]\n{key}\n")
    ivig = entry(changed, "IVIG-04")
    assert ivig.changes == ("least_days 24 -> 21",)
    assert ivig.rule.row.why[-1] == "This site has its own figures: least_days 24 -> 21."
    # 21 days after the previous cycle is too early as shipped, and late enough for a site with 21 days.
    early = next(case for case in load_cases() if case.summary.startswith("IVIg cycle 21 days after"))
    assert run(early, changed.book)[0] == "said nothing, expected ['IVIG-04 warning']"


@pytest.mark.parametrize("key", ["tiers.0.above = 2.5", '"tiers.0.above" = 2.5'])
def test_a_figure_in_a_tier_is_named_by_its_place(terminology: Terminology, site: Path, key: str) -> None:
    changed = loaded(terminology, site, f"[rule.CYC-01.figures]\n{key}\n")
    assert entry(changed, "CYC-01").changes == ("tiers.0.above 3 -> 2.5",)


def test_override_reasons_are_added_behind_those_that_ship(terminology: Terminology, site: Path) -> None:
    text = '[reason]\nlocal-protocol = "As in our protocol"\n[rule.TAC-04]\noverride = ["local-protocol"]\n'
    changed = entry(loaded(terminology, site, text), "TAC-04")
    assert [reason.code for reason in changed.rule.row.override_reasons] == [
        "record-out-of-date", "already-managed", "local-protocol",
    ]  # fmt: skip
    assert changed.rule.row.override_reasons[-1].display == "As in our protocol"
    assert changed.changes == ("override reason local-protocol",)


def test_the_version_changes_with_the_file(terminology: Terminology, site: Path, knowledge: Knowledge) -> None:
    assert loaded(terminology, site, "[rule.MTX-11]\noff = true\n").version != knowledge.version


def test_the_card_of_therapies_is_asked_for(terminology: Terminology, site: Path, knowledge: Knowledge) -> None:
    asked = loaded(terminology, site, "[timeline]\ncard = true\n").book.overview
    shipped = knowledge.book.overview
    assert asked is not None and asked.own_card
    assert shipped is not None and not shipped.own_card


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[rule.MTX-99]\noff = true\n", "hospital.toml: MTX-99: unknown rule 'MTX-99'; did you mean 'MTX-09'?"),
        (
            "[rule.GEN-03]\noff = true\n",
            "hospital.toml: GEN-03: names the checks that could not be made: it cannot be changed",
        ),
        (
            "[rule.MTX-03.figures]\ntiers.1.above = 30\n",
            "hospital.toml: MTX-03: figures.tiers.1.above: is the table's or a source's, not ours: it cannot be changed",
        ),
        (
            "[rule.IVIG-04.figures]\nleast_day = 21\n",
            "hospital.toml: IVIG-04: figures.least_day: unknown figure 'least_day'; did you mean 'least_days'?",
        ),
        (
            "[rule.IVIG-04.figures]\nleast_days = 21.5\n",
            "hospital.toml: IVIG-04: least_days: 21.5 is not of type 'integer'",
        ),
        (
            '[rule.IVIG-04.figures]\nleast_days = "21"\n',
            "hospital.toml: IVIG-04: figures.least_days: '21' is not valid under any of the given schemas",
        ),
        (
            '[rule.TAC-04.severity]\nwarning = "info"\n',
            "hospital.toml: TAC-04: severity.warning: the rule has no 'warning', only critical",
        ),
        (
            '[rule.TAC-04.severity]\ncritical = "harmless"\n',
            "hospital.toml: TAC-04: severity.critical: 'harmless' is not one of ['info', 'warning', 'critical']",
        ),
        (
            '[rule.TAC-04]\noverride = ["already-manged"]\n',
            "hospital.toml: TAC-04: override: unknown override reason 'already-manged'; did you mean 'already-managed'?",
        ),
        (
            '[reason]\nalready-managed = "Done"\n',
            "hospital.toml: reason.already-managed: stands in overrides.toml already",
        ),
        ("[rule.TAC-04]\n", "hospital.toml: TAC-04: {} should be non-empty"),
        (
            "[rules.TAC-04]\noff = true\n",
            "hospital.toml: Additional properties are not allowed ('rules' was unexpected)",
        ),
    ],
)
def test_what_may_not_be_is_told_by_file_rule_and_key(
    terminology: Terminology, site: Path, text: str, told: str
) -> None:
    assert refusal(terminology, site, text) == told


def test_broken_toml_is_refused(terminology: Terminology, site: Path) -> None:
    assert refusal(terminology, site, "[rule\n").startswith("hospital.toml: is no TOML: ")


def test_a_file_that_is_not_there_is_refused(terminology: Terminology, tmp_path: Path) -> None:
    with pytest.raises(BadKnowledge, match=r"^hospital\.toml: cannot be read$"):
        load(terminology.name_of, terminology.ingredients, terminology.procedures, site=tmp_path / "hospital.toml")
