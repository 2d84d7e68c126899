"""What the page for integrators says of profiles, settings, reasons and prefetch is what the program does."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from cds_service.clinical.dialect import Dialect
from cds_service.knowledge.loader import Knowledge
from cds_service.mapping.reads import READS, prefetch_templates
from cds_service.profiles import shipped

PAGE = (Path(__file__).parent.parent / "docs/clients.md").read_text(encoding="utf-8")


def row(first: str) -> list[str]:
    """The other cells of the one row that begins with this word."""
    (line,) = re.findall(rf"^\| `?{re.escape(first)}`? \| .*$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in str(line).strip("| ").split(" | ")][1:]


@pytest.mark.parametrize("name", shipped())
def test_every_profile_is_listed_with_the_settings_that_it_changes(name: str) -> None:
    dialect, plain = shipped()[name], Dialect()
    changed = {
        field
        for field in Dialect.__struct_fields__
        if field != "name" and getattr(dialect, field) != getattr(plain, field)
    }
    assert set(re.findall(r"`([a-z_]+)`", row(name)[1])) == changed


@pytest.mark.parametrize("setting", [field for field in Dialect.__struct_fields__ if field != "name"])
def test_every_setting_is_explained_with_its_default(setting: str) -> None:
    default = getattr(Dialect(), setting)
    told = row(setting)[0].strip("`")
    if isinstance(default, bool):
        assert told == str(default).lower()
    elif isinstance(default, str):
        assert told == f'"{default}"'
    else:
        assert told == ("all three" if default else "[]")


def test_every_reason_of_a_profile_is_told_with_its_source() -> None:
    text = files("cds_service").joinpath("profiles.toml").read_text(encoding="utf-8")
    named = set(
        re.findall(r"[A-Z]{2}-\d+", " ".join(re.findall(r"^# ((?:[A-Z]{2}-\d+(?:, )?)+): ", text, re.MULTILINE)))
    )
    sources = PAGE.partition("## What the facts rest on")[2]
    assert len(named) == 16
    assert named <= set(re.findall(r"[A-Z]{2}-\d+", sources))


def test_every_override_reason_is_listed_for_those_who_map_them(knowledge: Knowledge) -> None:
    reasons = {reason for rule in knowledge.book.rules for reason in rule.row.override_reasons}
    assert len(reasons) == 6
    for reason in reasons:
        assert row(reason.code) == [reason.display]


def test_the_queries_that_sites_type_in_are_the_published_ones() -> None:
    for read in READS:
        assert row(read.key) == [
            f"`{prefetch_templates('order-sign')[read.key]}`",
            "yes" if read.required else "no",
        ]
