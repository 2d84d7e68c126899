"""What a hospital wants otherwise: one TOML file that switches rules off or on and changes what is not the table's."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from ..clinical.dose import plain
from ..clinical.findings import Severity
from .entry import is_ours
from .faults import BadKnowledge, unknown_name
from .shape import Table, numbers, read_toml, refuse_shape, replaced, schema_of

SCHEMA = "site.schema.json"


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one rule. `off` false switches one on that is off as shipped; `severity` says what each severity
    becomes; `figures` are new values by their place in the row; `override` are further reasons to set a card aside."""

    off: bool | None = None
    severity: dict[Severity, Severity] = {}
    figures: dict[str, Decimal] = {}
    override: tuple[str, ...] = ()


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site's file: `content` is its bytes, by which the version of the knowledge changes."""

    file: str = ""
    rules: dict[str, RuleChange] = {}
    reasons: dict[str, str] = {}
    timeline_card: bool = False
    content: bytes = b""

    def applied(self, row: Table) -> tuple[dict[str, object], tuple[str, ...]]:
        """A row as the site wants it, with each difference in words. Raises `BadKnowledge` for what it may not change."""
        rule, table = str(row["id"]), dict(row)
        change = self.rules.get(rule)
        if change is None:
            return table, ()
        told: list[str] = []
        if change.off is not None and change.off != bool(row.get("off", False)):
            table["off"] = change.off
            told.append("switched off" if change.off else "switched on")
        table["tiers"], said = self._severities(rule, table, change)
        told += said
        table, said = self._figures(rule, table, change)
        told += said
        if change.override:
            shipped = msgspec.convert(row.get("override", []), list[str])
            table["override"] = [*shipped, *(code for code in change.override if code not in shipped)]
            told += [f"override reason {code}" for code in change.override if code not in shipped]
        return table, tuple(told)

    def _severities(self, rule: str, row: Table, change: RuleChange) -> tuple[list[dict[str, object]], list[str]]:
        tiers = msgspec.convert(row["tiers"], list[dict[str, object]])
        had = {str(tier["severity"]) for tier in tiers}
        for old in change.severity:
            if old not in had:
                reason = f"the rule has no '{old}', only {', '.join(sorted(had))}"
                raise BadKnowledge(self.file, rule, f"severity.{old}", reason)
        new = {str(old): str(severity) for old, severity in change.severity.items() if old != severity}
        changed = [{**tier, "severity": new.get(str(tier["severity"]), tier["severity"])} for tier in tiers]
        return changed, [f"{old} -> {severity}" for old, severity in new.items()]

    def _figures(self, rule: str, row: Table, change: RuleChange) -> tuple[dict[str, object], list[str]]:
        table, told = dict(row), []
        shipped = dict(numbers(row))
        ours = msgspec.convert(row.get("ours", ()), tuple[str, ...])
        free = [path for path in shipped if is_ours(path, ours)]
        for path, value in change.figures.items():
            if path not in shipped:
                raise BadKnowledge(self.file, rule, f"figures.{path}", unknown_name("figure", path, free or shipped))
            if path not in free:
                reason = "is the table's or a source's, not ours: it cannot be changed"
                raise BadKnowledge(self.file, rule, f"figures.{path}", reason)
            if value == shipped[path]:
                continue
            whole = value == value.to_integral_value()
            table = msgspec.convert(replaced(table, path.split("."), int(value) if whole else value), dict[str, object])
            told.append(f"{path} {plain(shipped[path])} -> {plain(value)}")
        if told:
            # What the row says of its figures was written for those that it ships with.
            why = msgspec.convert(row["why"], list[str])
            table["why"] = [*why, f"This site has its own figures: {', '.join(told)}."]
        return table, told


NO_SITE = Site()


def read_site(path: Path, folder: Path) -> Site:
    """A site's file, held against the schema in the knowledge's folder. Raises `BadKnowledge` with its name."""
    try:
        content = path.read_bytes()
    except OSError:
        raise BadKnowledge(path.name, "", "", "cannot be read") from None
    table = read_toml(path, path.parent)
    refuse_shape(schema_of(folder, SCHEMA), table, path.name)
    rules = msgspec.convert(table.get("rule", {}), dict[str, dict[str, object]])
    return Site(
        file=path.name,
        rules={
            rule: msgspec.convert({**change, "figures": dict(numbers(_figures_of(change)))}, RuleChange)
            for rule, change in rules.items()
        },
        reasons=msgspec.convert(table.get("reason", {}), dict[str, str]),
        timeline_card=bool(msgspec.convert(table.get("timeline", {}), dict[str, bool]).get("card", False)),
        content=content,
    )


def _figures_of(change: Mapping[str, object]) -> dict[str, object]:
    """The figures of a rule; dotted keys, which TOML nests, are as good as quoted ones."""
    return msgspec.convert(change.get("figures", {}), dict[str, object])
