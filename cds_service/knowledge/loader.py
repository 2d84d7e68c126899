"""Loads the knowledge once, at the start, and refuses it whole where anything in it is wrong."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeVar, get_args, get_origin

import msgspec

from ..clinical.drugs import SYSTEMIC, Drug
from ..clinical.facts import FACTS
from ..clinical.findings import Citation, Hook, OverrideReason
from ..clinical.glucocorticoids import Glucocorticoids, Pulse
from ..clinical.judge import SUMMARY_LIMIT, Rulebook, Unchecked
from ..clinical.kinds import KINDS
from ..clinical.overview import Overview, Told
from ..clinical.rule import Group, Row, Rule, Silence, Tier
from .entry import Entry, read_entry
from .faults import BadKnowledge, unknown_name
from .shape import Table, read_toml, refuse_shape, schema_of
from .site import NO_SITE, Site, read_site

FOLDER = Path(__file__).parent
ROW_KEYS = frozenset(
    (
        "id number kind group hooks tiers summary why source unless remedies override ours critical_class silences joins"
        " may_raise reviewed off"
    ).split()
)
_T = TypeVar("_T")


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """Some words of the table, and what became of them: rules, a part of what the cards of rules say (`text_of`), or
    nothing that can be computed, and why."""

    says: str
    rules: tuple[str, ...] = ()
    text_of: tuple[str, ...] = ()
    not_computable: str = ""


class Treatment(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the treatment table, in its own words; `number` is its place in the table, `block` the heading above."""

    id: str
    number: int
    row: str
    block: Phrase
    indication: tuple[Phrase, ...] = ()
    dose: tuple[Phrase, ...] = ()
    advantages: tuple[Phrase, ...] = ()
    disadvantages: tuple[Phrase, ...] = ()
    considerations: tuple[Phrase, ...] = ()

    @property
    def cells(self) -> tuple[tuple[str, tuple[Phrase, ...]], ...]:
        """The cells of the row by the heading of their column, without the empty ones."""
        cells = (
            ("block", (self.block,)),
            ("indication", self.indication),
            ("dose and duration", self.dose),
            ("advantages", self.advantages),
            ("disadvantages", self.disadvantages),
            ("further considerations", self.considerations),
        )
        return tuple((heading, phrases) for heading, phrases in cells if phrases)


class Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rules rest on. `version` changes with every byte of the knowledge, the site's own file included.

    `entries` are all rules for people, those that are off as well; `treatments` are in the order of the table.
    """

    book: Rulebook
    treatments: tuple[Treatment, ...]
    entries: tuple[Entry, ...]
    version: str


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """What rows may refer to by name: drugs, sources, override reasons, and every ingredient and procedure known."""

    drugs: dict[str, Drug]
    sources: dict[str, Citation]
    reasons: dict[str, OverrideReason]
    names: tuple[tuple[frozenset[str], str], ...]
    name_of: Callable[[str], str]
    ingredients: frozenset[str]
    procedures: frozenset[str]
    glucocorticoids: Glucocorticoids


def load(
    name_of: Callable[[str], str],
    ingredients: Iterable[str],
    procedures: Iterable[str],
    folder: Path = FOLDER,
    site: Path | None = None,
) -> Knowledge:
    """Every rule of the folder, checked, as the site's file wants it.

    `name_of` gives the printed name of an ingredient id; `ingredients` and `procedures` are the ids that the
    terminology knows. Raises `BadKnowledge` with file, row and key for the first thing that is wrong.
    """
    wishes = read_site(site, folder) if site is not None else NO_SITE
    catalogue = with_reasons(read_catalogue(folder, name_of, frozenset(ingredients), frozenset(procedures)), wishes)
    validator = schema_of(folder, "rules.schema.json")
    entries: list[Entry] = []
    treatments: list[Treatment] = []
    unchecked: list[Unchecked] = []
    origin: dict[str, str] = {}
    for path in rule_files(folder):
        table = read_toml(path, folder)
        name = path.relative_to(folder).as_posix()
        refuse_shape(validator, table, name)
        if "treatment" in table:
            treatments.append(msgspec.convert(table["treatment"], Treatment))
        if "unchecked" in table:
            unchecked.append(read_unchecked(table["unchecked"], catalogue, name))
        for row in msgspec.convert(table.get("rule", []), list[dict[str, object]]):
            wanted, changes = wishes.applied(row)
            if changes:
                refuse_shape(validator, {"rule": [wanted]}, wishes.file)
            rule = read_rule(wanted, catalogue, wishes.file if changes else name)
            for clash in (rule.row.id, str(rule.row.number)):
                if clash in origin:
                    raise BadKnowledge(name, rule.row.id, "id", f"'{clash}' stands in {origin[clash]} already")
                origin[clash] = name
            entries.append(read_entry(wanted, rule, name, changes))
    if len(unchecked) != 1:
        raise BadKnowledge("general.toml", "", "unchecked", f"must stand exactly once, stands {len(unchecked)} times")
    for stranger in strangers(entries, unchecked[0].id):
        raise stranger
    refuse_site_strangers(entries, unchecked[0].id, wishes)
    every = [entry.rule for entry in entries if not entry.off]
    asked = [rule.knowing(every) for rule in every]
    return Knowledge(
        book=Rulebook(
            rules=tuple(asked),
            by_concern=by_concern(asked),
            unchecked=unchecked[0],
            overview=read_overview(folder, catalogue, own_card=wishes.timeline_card),
            off=tuple(entry.rule for entry in entries if entry.off),
            mentions={rule.row.id: rule.mentions for rule in asked},
        ),
        treatments=tuple(sorted(treatments, key=lambda treatment: treatment.number)),
        entries=tuple(entries),
        version=fingerprint(folder, wishes),
    )


def strangers(entries: Sequence[Entry], unchecked: str) -> Iterator[BadKnowledge]:
    """Rules that a row silences, joins or may raise and that do not exist."""
    known = {entry.id for entry in entries}
    for entry in entries:
        row = entry.rule.row
        silenced = [
            (f"silences.{number}.rules", rule) for number, silence in enumerate(row.silences) for rule in silence.rules
        ]
        raised = (("may_raise", rule) for rule in row.may_raise)
        for key, rule in [*silenced, *(("joins", rule) for rule in row.joins), *raised]:
            if rule not in known and not (key == "joins" and rule == unchecked):
                yield BadKnowledge(entry.file, entry.id, key, unknown_name("rule", rule, known))


def refuse_site_strangers(entries: Iterable[Entry], unchecked: str, site: Site) -> None:
    """Refuses a site's file that speaks of a rule that does not exist, or of the one that must always be."""
    known = {entry.id for entry in entries}
    for rule in site.rules:
        if rule == unchecked:
            raise BadKnowledge(site.file, rule, "", "names the checks that could not be made: it cannot be changed")
        if rule not in known:
            raise BadKnowledge(site.file, rule, "", unknown_name("rule", rule, known))


def with_reasons(catalogue: Catalogue, site: Site) -> Catalogue:
    """The catalogue with the override reasons that a site adds; none of ours may be given other words."""
    for code in site.reasons:
        if code in catalogue.reasons:
            raise BadKnowledge(site.file, "", f"reason.{code}", "stands in overrides.toml already")
    added = {code: OverrideReason(code, display) for code, display in site.reasons.items()}
    return msgspec.structs.replace(catalogue, reasons={**catalogue.reasons, **added})


def rule_files(folder: Path) -> list[Path]:
    """The files that hold rules: one for each treatment, and those that cut across."""
    catalogue = {"drugs.toml", "sources.toml", "overrides.toml", "glucocorticoids.toml", "facts.toml", "timeline.toml"}
    across = sorted(path for path in folder.glob("*.toml") if path.name not in catalogue)
    return sorted(folder.glob("treatments/*.toml")) + across


def fingerprint(folder: Path, site: Site = NO_SITE) -> str:
    """Eight hexadecimal digits of all knowledge files' content and names, and of the site's own file."""
    digest = hashlib.blake2s(digest_size=4)
    for path in sorted(folder.rglob("*.toml")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(site.content)
    return digest.hexdigest()


def by_concern(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    """Rules by each ingredient or procedure that they speak of."""
    index: dict[str, list[Rule]] = {}
    for rule in rules:
        for name in rule.concerns:
            index.setdefault(name, []).append(rule)
    return {name: tuple(found) for name, found in index.items()}


def read_catalogue(
    folder: Path, name_of: Callable[[str], str], ingredients: frozenset[str], procedures: frozenset[str]
) -> Catalogue:
    """What rows may name, from drugs.toml, sources.toml and overrides.toml."""
    drugs = read_toml(folder / "drugs.toml", folder)
    sources = read_toml(folder / "sources.toml", folder)
    reasons = read_toml(folder / "overrides.toml", folder)
    named = converted(drugs.get("name", []), list[NameEntry], "drugs.toml", "name")
    entries = converted(drugs.get("drug", {}), dict[str, DrugEntry], "drugs.toml", "drug")
    catalogue = Catalogue(
        drugs={},
        sources={
            key: Citation(label=entry.label, url=entry.url)
            for key, entry in converted(
                sources.get("source", {}), dict[str, SourceEntry], "sources.toml", "source"
            ).items()
        },
        reasons={
            code: OverrideReason(code, display)
            for code, display in converted(
                reasons.get("reason", {}), dict[str, str], "overrides.toml", "reason"
            ).items()
        },
        names=tuple((frozenset(entry.ingredients), entry.text) for entry in named),
        name_of=name_of,
        ingredients=ingredients,
        procedures=procedures,
        glucocorticoids=Glucocorticoids(reference="", equal_to_5_mg={}, pulses=()),
    )
    for name, entry in entries.items():
        known_ingredients(catalogue, [*entry.ingredients, *entry.unspecified], "drugs.toml", name, "ingredients")
        catalogue.drugs[name] = msgspec.structs.replace(
            as_drug(catalogue, entry.ingredients, entry.unspecified),
            routes=frozenset(entry.routes) if entry.routes else SYSTEMIC,
            alike=tuple(frozenset(group) for group in entry.alike),
        )
    return msgspec.structs.replace(catalogue, glucocorticoids=read_glucocorticoids(catalogue, folder))


def read_glucocorticoids(catalogue: Catalogue, folder: Path) -> Glucocorticoids:
    """The equivalents and pulses of glucocorticoids.toml, with the printed name of the reference."""
    file = "glucocorticoids.toml"
    entry = converted(read_toml(folder / file, folder), GlucocorticoidEntry, file, "")
    known_ingredients(catalogue, [entry.reference, *entry.equal_to_5_mg], file, "", "equal_to_5_mg")
    for ingredient, worth in entry.equal_to_5_mg.items():
        if worth <= 0:
            raise BadKnowledge(file, "", f"equal_to_5_mg.{ingredient}", f"{worth} is not above 0")
    return Glucocorticoids(
        reference=catalogue.name_of(entry.reference),
        equal_to_5_mg=entry.equal_to_5_mg,
        pulses=tuple(
            Pulse(
                drugs=drug_of(catalogue, pulse.drugs, file, "", f"pulse.{number}.drugs"),
                at_least_mg_per_day=pulse.at_least_mg_per_day,
                every_days=pulse.every_days,
            )
            for number, pulse in enumerate(entry.pulse)
        ),
    )


def read_overview(folder: Path, catalogue: Catalogue, *, own_card: bool) -> Overview:
    """Which therapies are told in words, from timeline.toml."""
    file = "timeline.toml"
    entry = converted(read_toml(folder / file, folder), OverviewEntry, file, "")
    return Overview(
        id=entry.id,
        number=entry.number,
        summary=entry.summary,
        why=tuple(entry.why),
        citations=citations({"source": entry.source}, catalogue, file, entry.id),
        told=tuple(
            Told(
                drugs=drug_of(catalogue, told.drugs, file, "", f"therapy.{number}.drugs"),
                per=told.per,
                together_days=told.together_days,
                every_days=told.every_days,
            )
            for number, told in enumerate(entry.therapy)
        ),
        own_card=own_card,
    )


class TherapyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drug that is told in words."""

    drugs: list[str]
    per: Literal["day", "week"] = "day"
    together_days: int | None = None
    every_days: int | None = None


class OverviewEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of the therapies that are told in words."""

    id: str
    number: int
    summary: str
    why: list[str]
    source: list[dict[str, str]]
    therapy: list[TherapyEntry]


class NameEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to print an ingredient or a combination."""

    ingredients: list[str]
    text: str


class DrugEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drug as rules speak of it."""

    ingredients: list[str]
    routes: list[str] = []
    unspecified: list[str] = []
    alike: list[list[str]] = []


class PulseEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pulse as the knowledge states it."""

    drugs: list[str]
    at_least_mg_per_day: Decimal
    every_days: int | None = None


class GlucocorticoidEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of glucocorticoids."""

    reference: str
    equal_to_5_mg: dict[str, Decimal]
    pulse: list[PulseEntry]


class SourceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source with its publisher's address."""

    label: str
    url: str = ""


def converted(value: object, kind: type[_T], file: str, key: str) -> _T:
    """A value of a wanted shape, or the fault."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadKnowledge(file, "", key, str(error)) from None


def known_ingredients(catalogue: Catalogue, wanted: Iterable[str], file: str, row: str, key: str) -> None:
    """Refuses an ingredient that the terminology does not know."""
    for name in wanted:
        if name not in catalogue.ingredients:
            raise BadKnowledge(file, row, key, unknown_name("ingredient", name, catalogue.ingredients))


def as_drug(catalogue: Catalogue, ingredients: Iterable[str], unspecified: Iterable[str] = ()) -> Drug:
    """A drug of these ingredients, with the names to print: one for each ingredient, and for known combinations."""
    wanted, unsure = frozenset(ingredients), frozenset(unspecified)
    own = {frozenset((one,)): catalogue.name_of(one) for one in sorted(wanted | unsure)}
    special = {parts: text for parts, text in catalogue.names if parts & (wanted | unsure)}
    return Drug(ingredients=wanted, names=tuple({**own, **special}.items()), unspecified=unsure)


def drug_of(catalogue: Catalogue, names: Iterable[str], file: str, row: str, key: str) -> Drug:
    """The drug that a row's list of names stands for: named drugs and plain ingredients together."""
    parts: list[Drug] = []
    for name in names:
        if name in catalogue.drugs:
            parts.append(catalogue.drugs[name])
        elif name in catalogue.ingredients:
            parts.append(as_drug(catalogue, [name]))
        else:
            known = catalogue.ingredients | catalogue.drugs.keys()
            raise BadKnowledge(file, row, key, unknown_name("drug", name, known))
    return Drug(
        ingredients=frozenset().union(*(part.ingredients for part in parts)),
        names=tuple(dict.fromkeys(name for part in parts for name in part.names)),
        routes=frozenset().union(*(part.routes for part in parts)),
        unspecified=frozenset().union(*(part.unspecified for part in parts)),
        alike=tuple(group for part in parts for group in part.alike),
    )


def read_unchecked(table: object, catalogue: Catalogue, file: str) -> Unchecked:
    """The row of the checks that could not be made."""
    row = msgspec.convert(table, dict[str, object])
    return Unchecked(
        id=str(row["id"]),
        number=msgspec.convert(row["number"], int),
        summary=str(row["summary"]),
        why=msgspec.convert(row["why"], tuple[str, ...]),
        citations=citations(row, catalogue, file, str(row["id"])),
    )


def citations(row: Table, catalogue: Catalogue, file: str, rule: str) -> tuple[Citation, ...]:
    """The sources of a row, each with its place."""
    found: list[Citation] = []
    for number, reference in enumerate(msgspec.convert(row["source"], list[dict[str, str]])):
        source = catalogue.sources.get(reference["id"])
        if source is None:
            raise BadKnowledge(
                file, rule, f"source.{number}.id", unknown_name("source", reference["id"], catalogue.sources)
            )
        found.append(msgspec.structs.replace(source, at=reference.get("at", "")))
    return tuple(found)


def read_rule(table: dict[str, object], catalogue: Catalogue, file: str) -> Rule:
    """One rule: its row, its kind's own parameters with every name resolved, and its wording measured."""
    kind = KINDS.get(str(table["kind"]))
    if kind is None:
        raise BadKnowledge(file, str(table["id"]), "kind", unknown_name("kind", str(table["kind"]), KINDS))
    rule_id = str(table["id"])
    row = read_row(table, catalogue, file, kind)
    own = {key: value for key, value in table.items() if key not in ROW_KEYS}
    for field in msgspec.structs.fields(kind):
        if field.type is Glucocorticoids:
            own[field.name] = msgspec.to_builtins(catalogue.glucocorticoids)
        if field.name not in own:
            continue
        own[field.name] = with_drugs(own[field.name], field.type, catalogue, (file, rule_id, field.name))
        if field.name in ("procedures", "unless_between"):
            for name in msgspec.convert(own[field.name], list[str]):
                if name not in catalogue.procedures:
                    raise BadKnowledge(file, rule_id, field.name, unknown_name("procedure", name, catalogue.procedures))
    try:
        rule = msgspec.convert({"row": msgspec.to_builtins(row), **own}, kind)
    except msgspec.ValidationError as error:
        raise BadKnowledge(file, rule_id, "", str(error)) from None
    for fact in rule.facts:
        if fact not in FACTS:
            raise BadKnowledge(file, rule_id, "", unknown_name("fact", fact, FACTS))
    for number, order in enumerate(getattr(rule, "orders", ())):
        known_ingredients(catalogue, [order.ingredient], file, rule_id, f"orders.{number}.ingredient")
    for number, product in enumerate(getattr(rule, "products", ())):
        known_ingredients(catalogue, [product.ingredient], file, rule_id, f"products.{number}.ingredient")
    measure(rule, file)
    return rule


def with_drugs(value: object, wanted: object, catalogue: Catalogue, place: tuple[str, str, str]) -> object:
    """A row's value with the drugs that its lists of names stand for, where the kind wants drugs: also in lists, where
    each name is a drug of its own, and in tables. `place` is file, row and key."""
    if wanted is Drug or (Drug in get_args(wanted) and get_origin(wanted) is not tuple):
        return msgspec.to_builtins(drug_of(catalogue, msgspec.convert(value, list[str]), *place))
    if get_origin(wanted) is tuple and isinstance(value, list):
        each = get_args(wanted)[0]
        items = [[item] if each is Drug else item for item in value]
        return [with_drugs(item, each, catalogue, place) for item in items]
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct) and isinstance(value, dict):
        types = {field.name: field.type for field in msgspec.structs.fields(wanted)}
        return {key: with_drugs(item, types.get(key), catalogue, place) for key, item in value.items()}
    return value


def read_row(table: Table, catalogue: Catalogue, file: str, kind: type[Rule]) -> Row:
    """What every rule has, with its facts, sources, remedies and override reasons known."""
    rule_id = str(table["id"])
    tiers = msgspec.convert(table["tiers"], tuple[Tier, ...])
    unless = msgspec.convert(table.get("unless", ()), tuple[str, ...])
    for key, fact in facts_named(tiers, unless):
        if fact not in FACTS:
            raise BadKnowledge(file, rule_id, key, unknown_name("fact", fact, FACTS))
    for number, tier in enumerate(tiers):
        if tier.case and tier.case not in kind.CASES:
            raise BadKnowledge(file, rule_id, f"tiers.{number}.case", unknown_name("case", tier.case, kind.CASES))
    remedies = msgspec.convert(table.get("remedies", ()), tuple[str, ...])
    for remedy in remedies:
        if remedy not in kind.REMEDIES:
            raise BadKnowledge(file, rule_id, "remedies", unknown_name("remedy", remedy, kind.REMEDIES))
    codes = msgspec.convert(table.get("override", ()), tuple[str, ...])
    for code in codes:
        if code not in catalogue.reasons:
            raise BadKnowledge(file, rule_id, "override", unknown_name("override reason", code, catalogue.reasons))
    return Row(
        id=rule_id,
        number=msgspec.convert(table["number"], int),
        group=msgspec.convert(table["group"], Group),
        hooks=msgspec.convert(table["hooks"], frozenset[Hook]),
        tiers=tiers,
        summary=str(table["summary"]),
        why=msgspec.convert(table["why"], tuple[str, ...]),
        citations=citations(table, catalogue, file, rule_id),
        unless=unless,
        remedies=remedies,
        override_reasons=tuple(catalogue.reasons[code] for code in codes),
        silences=msgspec.convert(table.get("silences", ()), tuple[Silence, ...]),
        joins=msgspec.convert(table.get("joins", ()), tuple[str, ...]),
        may_raise=msgspec.convert(table.get("may_raise", ()), tuple[str, ...]),
        critical_class=bool(table.get("critical_class", False)),
        adult=kind.JUDGES_DOSE and table["group"] == "G",
    )


def facts_named(tiers: Iterable[Tier], unless: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every fact that a row names, with its key."""
    for name in unless:
        yield "unless", name
    for number, tier in enumerate(tiers):
        for name in tier.when:
            yield f"tiers.{number}.when", name
        for name in tier.unless:
            yield f"tiers.{number}.unless", name


def measure(rule: Rule, file: str) -> None:
    """Refuses wording with an unknown placeholder, or that can grow over 139 characters with the longest names."""
    longest = rule.longest_names()
    texts = [("summary", rule.row.summary)]
    texts += [(f"tiers.{number}.summary", tier.summary) for number, tier in enumerate(rule.row.tiers) if tier.summary]
    for key, text in texts:
        for _, name, _, _ in string.Formatter().parse(text):
            if name is not None and name not in rule.PLACEHOLDERS:
                raise BadKnowledge(file, rule.row.id, key, unknown_name("placeholder", name, rule.PLACEHOLDERS))
        length = len(text.format_map(longest))
        if length > SUMMARY_LIMIT:
            raise BadKnowledge(file, rule.row.id, key, f"can grow to {length} characters; {SUMMARY_LIMIT} are allowed")
