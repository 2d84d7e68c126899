"""The shipped profiles, by name and with a site's own changes."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from cds_service.clinical.dialect import Dialect
from cds_service.profiles import ProfileError, dialect_named, never_offered, shipped, with_changes


def test_these_profiles_are_shipped() -> None:
    assert list(shipped()) == ["generic", "epic", "oracle-health", "logica-meld", "public-sandbox", "hapi"]


def test_generic_is_plain_cds_hooks() -> None:
    assert dialect_named("generic") == Dialect()


def test_epic_is_what_is_known_of_it() -> None:
    assert dialect_named("epic") == Dialect(
        name="epic",
        selection="any",
        one_action=True,
        full_description=True,
        keeps_dose=False,
        updates=False,
        rxnorm_oid=True,
        plain_topics=True,
        never_offers=frozenset({"medicationStatements"}),
    )


def test_the_others_differ_from_plain_cds_hooks_in_one_thing_at_most() -> None:
    assert dialect_named("oracle-health") == Dialect(name="oracle-health", hooks=frozenset({"patient-view"}))
    assert dialect_named("logica-meld") == Dialect(name="logica-meld", old_delete=True)
    assert dialect_named("public-sandbox") == Dialect(name="public-sandbox", keeps_dose=False)
    assert dialect_named("hapi") == Dialect(name="hapi")


def test_every_setting_has_a_reason_above_it() -> None:
    """A comment that names the fact, such as `# EP-36: ...`, stands right above the setting."""
    text = files("cds_service").joinpath("profiles.toml").read_text(encoding="utf-8")
    lines = text.splitlines()
    settings = [number for number, line in enumerate(lines) if re.match(r"[a-z_]+ =", line)]
    assert len(settings) == 11
    for number in settings:
        assert re.match(r"# [A-Z]{2}-\d+(, [A-Z]{2}-\d+)*: ", lines[number - 1]), lines[number]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("epci", "did you mean epic?"),
        ("Epic", "did you mean epic?"),
        ("oracle", "did you mean oracle-health?"),
        ("Logica Meld", "did you mean logica-meld?"),
        ("sandbox", "did you mean public-sandbox?"),
        ("xyz", "there are generic, epic, oracle-health, logica-meld, public-sandbox, hapi"),
        ("", "there are generic, epic, oracle-health, logica-meld, public-sandbox, hapi"),
    ],
)
def test_a_profile_that_does_not_exist_is_answered_with_the_nearest_one(name: str, hint: str) -> None:
    with pytest.raises(ProfileError) as caught:
        dialect_named(name)
    assert str(caught.value) == f"there is no such profile; {hint}"


def test_a_site_changes_what_it_names_and_nothing_else() -> None:
    epic = dialect_named("epic")
    changed = with_changes(epic, {"hooks": ["patient-view", "order-select"], "severity_cap": "warning"}, where="x")
    assert changed.signs_while_ordering
    assert (changed.severity_cap, changed.name, changed.one_action) == ("warning", "epic", True)
    assert with_changes(epic, {}, where="x") == epic


def test_a_list_of_a_site_replaces_the_profiles_own() -> None:
    changed = with_changes(dialect_named("epic"), {"never_offers": []}, where="x")
    assert changed.never_offers == frozenset()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"one_actoin": True}, "clients.toml: there is no such setting; did you mean one_action?"),
        ({"name": "mine"}, "clients.toml: there is no such setting"),
        ({"secret": "s3cret"}, "clients.toml: there is no such setting"),
        ({"updates": "no"}, "clients.toml.updates: Expected `bool`, got `str`"),
        ({"severity_cap": "s3cret"}, "clients.toml.severity_cap: not one of the values that it may have"),
        ({"never_offers": ["conditions"]}, "clients.toml.never_offers[0]: not one of the values that it may have"),
        ({"hooks": []}, "clients.toml.hooks: a client calls one hook at least"),
    ],
)
def test_a_change_that_cannot_be_is_named_without_its_value(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        with_changes(Dialect(), changes, where="clients.toml")
    assert str(caught.value) == message


def test_what_is_never_offered_is_told_by_profile() -> None:
    assert never_offered([Dialect(), dialect_named("hapi")]) == {}
    both = Dialect(name="a", never_offers=frozenset({"procedures", "encounter"}))
    assert never_offered([dialect_named("epic"), both, both]) == {
        "neverOffered": "a: encounter, procedures; epic: medicationStatements"
    }
