"""The knowledge as pages to read: the table row by row, each rule with its figures, sources and cases, in Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..clinical.dose import plain
from ..clinical.facts import FACTS
from ..clinical.findings import Citation
from ..clinical.kinds import KINDS
from ..clinical.rule import Row, Tier
from .cases import Case
from .entry import Entry, Figure
from .loader import Knowledge, Phrase, Treatment
from .meanings import NO_MEANING, Meaning

HOOKS = ("patient-view", "order-select", "order-sign")
GROUPS = {"G": "guideline rule: myositis only", "S": "safety rule: whatever the diagnosis"}


def treatments_page(knowledge: Knowledge, cases: Sequence[Case]) -> str:
    """The whole book: the table with what became of each phrase, every rule, what is ours, what is not computable."""
    of_rule: dict[str, list[Case]] = {entry.id: [] for entry in knowledge.entries}
    for case in cases:
        of_rule.setdefault(case.rule, []).append(case)
    return "\n".join(_page(knowledge, of_rule)) + "\n"


def _page(knowledge: Knowledge, cases: Mapping[str, Sequence[Case]]) -> Iterator[str]:
    entries = knowledge.entries
    reviewed = sum(entry.review is not None for entry in entries)
    off = sum(entry.off for entry in entries)
    yield from (
        "# The treatment table and its rules",
        "",
        "Made by `make docs` from `cds_service/knowledge/`, which is what the service runs on; `make check` fails where",
        "the two differ. The words of the table are its own. Each phrase of it is followed by what became of it: the",
        "rules that check it, the rules whose cards say it, or why nothing can be computed.",
        "",
        f"{len(entries)} rules, {off} of them off unless a site switches them on; {sum(map(len, cases.values()))} cases,",
        f"all of which are run by the tests. Clinically reviewed: {reviewed or 'none'} of {len(entries)}.",
        "",
        "A *guideline rule* speaks of myositis alone; a *safety rule* whatever the diagnosis. Of the severities of a rule",
        "the first that holds is told. *At* a figure nothing is said. **(ours)** marks a threshold that neither the table",
        "nor a source gives: a site may change it ([how](site-file.md)).",
    )
    known = {entry.id for entry in entries}
    for treatment in knowledge.treatments:
        yield from ("", f"## {treatment.number}. {treatment.row}", "", *_row_of_table(treatment, known))
        for entry in entries:
            if entry.file == f"treatments/{treatment.id}.toml":
                yield from ("", *rule_lines(entry, cases[entry.id], "###"))
    for file in dict.fromkeys(entry.file for entry in entries if not entry.file.startswith("treatments/")):
        yield from ("", f"## Across the rows: {file.removesuffix('.toml')}")
        for entry in entries:
            if entry.file == file:
                yield from ("", *rule_lines(entry, cases[entry.id], "###"))
    yield from ("", *_unmade(knowledge), "", *_our_own(entries), "", *_not_computable(knowledge.treatments))


def _row_of_table(treatment: Treatment, known: set[str]) -> Iterator[str]:
    yield from ("| | the table says | what became of it |", "| --- | --- | --- |")
    for heading, phrases in treatment.cells:
        for number, phrase in enumerate(phrases):
            yield f"| {'' if number else heading} | {_cell(phrase.says)} | {_became(phrase, known)} |"


def _became(phrase: Phrase, known: set[str]) -> str:
    parts = [_links(phrase.rules, known)] if phrase.rules else []
    if phrase.text_of:
        parts.append(f"said by {_links(phrase.text_of, known)}")
    if phrase.not_computable:
        parts.append(f"*not computable:* {_cell(phrase.not_computable)}")
    return "; ".join(parts)


def _links(rules: Iterable[str], known: set[str]) -> str:
    return ", ".join(f"[{rule}](#{rule.lower()})" if rule in known else rule for rule in rules)


def rule_lines(entry: Entry, cases: Sequence[Case], heading: str = "#") -> Iterator[str]:
    """One rule in Markdown, under a heading of this depth: its card, when it comes, figures, remedies, sources, cases."""
    row = entry.rule.row
    yield from (f"{heading} {entry.id}", "", f"**{_text(row.summary)}**", "")
    where = ", ".join(hook for hook in HOOKS if hook in row.hooks)
    yield f"{GROUPS[row.group].capitalize()}. Asked at {where}. Kind [{entry.kind}](facts.md#{entry.kind})."
    if entry.off:
        yield "Off unless a site switches it on."
    if entry.changes:
        yield f"Changed by this site: {'; '.join(entry.changes)}."
    yield ""
    unit = getattr(entry.rule, "unit", "")
    yield from (f"- {_tier(number, tier, unit, entry)}" for number, tier in enumerate(row.tiers))
    yield from (f"- {line}" for line in _conditions(entry, row))
    yield from ("", " ".join(map(_text, row.why)), "")
    yield from (f"- Source: {_source(citation)}" for citation in row.citations)
    yield f"- Clinical review: {f'{entry.review.by}, {entry.review.on}' if entry.review else 'none yet'}"
    yield from ("", *_cases(cases))


def _tier(number: int, tier: Tier, unit: str, entry: Entry) -> str:
    ours = {figure.path for figure in entry.figures if figure.ours}
    words = [f"**{tier.severity}**"]
    if tier.case:
        words.append(f"in the case *{tier.case}*")
    for key, said in (("above", "above"), ("at_least", "from"), ("below", "below")):
        figure = getattr(tier, key)
        if figure is not None:
            mark = " **(ours)**" if f"tiers.{number}.{key}" in ours else ""
            words.append(f"{said} {plain(figure)}{f' {unit}' if unit else ''}{mark}")
            if tier.tolerance != 1 and key != "at_least":
                words.append(f"(to {plain(figure * tier.tolerance)} passes)")
    words += [f"when {_names(tier.when)}"] if tier.when else []
    words += [f"unless {_names(tier.unless, ' or ')}"] if tier.unless else []
    if tier.hooks:
        words.append(f"at {' and '.join(tier.hooks)}{' or for a refill' if tier.refill else ''}")
    if tier.summary:
        words.append(f"- “{_text(tier.summary)}”")
    return " ".join(words)


def _conditions(entry: Entry, row: Row) -> Iterator[str]:
    if row.unless:
        yield f"not when {_names(row.unless, ' or ')}"
    for key, names in entry.lists:
        yield f"{_said(key)}: {', '.join(names)}"
    figures = [figure for figure in entry.figures if not figure.path.startswith("tiers.")]
    if figures:
        yield f"figures: {'; '.join(map(_figure, figures))}"
    if row.remedies:
        yield f"offers: {', '.join(map(_said, row.remedies))}"
    for silence in row.silences:
        when = f" when {silence.severity}" if silence.severity else ""
        yield f"silences {', '.join(silence.rules)} of the same {silence.scope}{when}"
    if row.joins:
        yield f"told on the card of {', '.join(row.joins)} of the same order"
    if row.may_raise:
        yield f"what its remedy orders may raise {', '.join(row.may_raise)}"
    if row.override_reasons:
        yield f"may be set aside: {'; '.join(_text(reason.display) for reason in row.override_reasons)}"


def _figure(figure: Figure) -> str:
    return f"{_said(figure.path)} {plain(figure.value)}{' **(ours)**' if figure.ours else ''}"


def _source(citation: Citation) -> str:
    label = f"[{_text(citation.label)}]({citation.url})" if citation.url else _text(citation.label)
    return f"{label}, {_text(citation.at)}" if citation.at else label


def _cases(cases: Sequence[Case]) -> Iterator[str]:
    yield from (f"<details><summary>{len(cases)} cases</summary>", "")
    yield from ("| shows | patient | hook | said |", "| --- | --- | --- | --- |")
    for case in cases:
        said = ", ".join((*case.expect, *(f"not checked: {gap}" for gap in case.unchecked))) or "nothing"
        yield f"| {case.shows} | {_cell(case.about)} | {case.hook} | {_cell(said)} |"
    yield from ("", "</details>")


def _unmade(knowledge: Knowledge) -> Iterator[str]:
    row = knowledge.book.unchecked
    yield from (f"## {row.id}: what could not be checked", "", f"**{_text(row.summary)}**", "")
    yield from (
        f"{' '.join(map(_text, row.why))} One card names them all, with the rule and what it lacked. A list that could not",
        "be had is named at every hook; a datum that the record does not hold when orders are signed.",
    )


def _our_own(entries: Iterable[Entry]) -> Iterator[str]:
    yield from (
        "## Thresholds of our own",
        "",
        "Neither the table nor a source gives these; a clinician has to answer for them before any real use.",
        "",
        "| rule | figure | value |",
        "| --- | --- | --- |",
    )
    for entry in entries:
        for figure in entry.figures:
            if figure.ours:
                yield f"| [{entry.id}](#{entry.id.lower()}) | {_said(figure.path)} | {plain(figure.value)} |"


def _not_computable(treatments: Iterable[Treatment]) -> Iterator[str]:
    yield from ("## Phrases of the table that are not computable", "", "| row | phrase | why |", "| --- | --- | --- |")
    for treatment in treatments:
        for _, phrases in treatment.cells:
            for phrase in phrases:
                if phrase.not_computable:
                    yield f"| {_cell(treatment.row)} | {_cell(phrase.says)} | {_cell(phrase.not_computable)} |"


def facts_page(knowledge: Knowledge, meanings: Mapping[str, Meaning]) -> str:
    """Every fact that a row may name, with the rules that name it; and every kind of rule, as its code describes it."""
    users: dict[str, list[str]] = {name: [] for name in FACTS}
    for entry in knowledge.entries:
        for name in sorted(set(_facts_of(entry))):
            users[name].append(entry.id)
    lines = [
        "# Facts and kinds",
        "",
        "## Facts",
        "",
        "Named questions about a chart, each answered *yes*, *no* or *unknown*, a yes with the resources that say so.",
        "Rows name them in `when` (all must surely hold) and `unless` (none may surely hold). What is not on record is no;",
        "where a list could not be had the answer is unknown, and a rule that hangs on it says that it was not checked.",
        "",
        "| fact | yes means | evidence from | named by |",
        "| --- | --- | --- | --- |",
    ]
    for name in sorted(FACTS):
        meaning = meanings.get(name, NO_MEANING)
        named = ", ".join(f"[{rule}](treatments.md#{rule.lower()})" for rule in users[name])
        lines.append(f"| `{name}` | {_cell(meaning.yes)} | {_cell(meaning.evidence)} | {named or 'kinds and gates'} |")
    lines += ["", "## Kinds", "", "How a row decides. A row gives what its kind asks for: drugs, figures, tiers.", ""]
    for name, kind in sorted(KINDS.items()):
        lines += [f"### {name}", "", *inspect.cleandoc(kind.__doc__ or "").splitlines(), ""]
    return "\n".join(lines)


def _facts_of(entry: Entry) -> Iterator[str]:
    row = entry.rule.row
    yield from row.unless
    for tier in row.tiers:
        yield from (*tier.when, *tier.unless)
    for key, names in entry.lists:
        if key != "drugs":
            yield from (name for name in names if name in FACTS)


def _names(facts: Iterable[str], between: str = " and ") -> str:
    return between.join(f"`{fact}`" for fact in facts)


def _said(key: str) -> str:
    """A key of a row as words."""
    return key.replace("_", " ").replace("-", " ")


def _text(text: str) -> str:
    """Plain text in Markdown: what would be markup is not."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("<", "\\<").replace("`", "\\`")


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")
