"""Shows the knowledge in a terminal: the list of rules, and one rule as the book has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from ..clinical.findings import SEVERITY_ORDER
from ..knowledge.book import rule_lines
from ..knowledge.cases import Case
from ..knowledge.entry import Entry
from ..knowledge.loader import Knowledge
from .show import COLOURS

HOOKS = {"patient-view": "view", "order-select": "select", "order-sign": "sign"}


def show_list(console: Console, knowledge: Knowledge, cases: Mapping[str, Sequence[Case]]) -> None:
    """Every rule in a line; what a site has changed stands below its rule."""
    table = Table(box=box.SIMPLE)
    table.add_column("rule", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("asked at", no_wrap=True)
    table.add_column("card")
    table.add_column("cases", justify="right", no_wrap=True)
    table.add_column("state", overflow="fold")
    for entry in knowledge.entries:
        row = entry.rule.row
        hooks = " ".join(name for hook, name in HOOKS.items() if hook in row.hooks)
        count = str(len(cases.get(entry.id, ())))
        card = Text(row.summary, no_wrap=True, overflow="ellipsis")
        table.add_row(entry.id, _severities(entry), hooks, card, count, _state(entry))
    console.print(table)
    off = sum(entry.off for entry in knowledge.entries)
    changed = sum(bool(entry.changes) for entry in knowledge.entries)
    reviewed = sum(entry.review is not None for entry in knowledge.entries)
    counted = f"{len(knowledge.entries)} rules, {off} off, {changed} changed by this site."
    console.print(f"{counted} Knowledge {knowledge.version}.")
    console.print("Not clinically reviewed." if not reviewed else f"{reviewed} clinically reviewed.")


def _severities(entry: Entry) -> Text:
    found = sorted({tier.severity for tier in entry.rule.row.tiers}, key=SEVERITY_ORDER.__getitem__)
    return Text(" ").join(Text(severity, style=COLOURS[severity]) for severity in found)


def _state(entry: Entry) -> Text:
    words = ["off"] if entry.off else []
    return Text("; ".join([*words, *entry.changes]), style="yellow" if entry.changes else "dim")


def show_rule(console: Console, entry: Entry, cases: Sequence[Case]) -> None:
    """One rule with its figures, sources and cases."""
    lines = [line for line in rule_lines(entry, cases) if not line.startswith(("<details>", "</details>"))]
    console.print(Markdown("\n".join(lines), hyperlinks=False))
