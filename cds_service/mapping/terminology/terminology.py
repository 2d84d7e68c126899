"""The look-up: what a code or a name means to the rules, and which code to write for what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

import msgspec

from ...clinical.therapy import RouteClass
from ..products import Product
from .combine import NOTHING, UNSPECIFIED, Combined, combine, covers
from .concepts import NO_CONCEPTS, Concepts, ConceptTables, Vaccine, load_concepts, with_implied
from .files import rows
from .medicines import Coded, Medicines, load_medicines
from .ndc import read_ndc
from .routes import RouteWords, route_class
from .site import read_site_mapping
from .systems import URI, Vocabulary, vocabulary_of
from .text import TextReader, load_names, text_reader
from .words import Phrases, words_of

_NOWHERE: Mapping[str, RouteClass] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminology:
    """All tables, loaded once and never changed; every look-up of a code is a dict access.

    A code, a system or a text that is not known gives None, an empty set or "unknown": nothing is guessed by likeness.
    """

    ingredients: frozenset[str]
    """The ids of all ingredients that a code or a name can give."""
    _names: Mapping[frozenset[str], str]
    _medicines: Medicines
    _concepts: ConceptTables
    _routes: Mapping[Vocabulary, Mapping[str, RouteClass]]
    _route_words: RouteWords
    _read_text: TextReader
    _vaccine_names: Phrases[Vaccine]
    _procedure_names: Phrases[str]
    _reason_names: Phrases[str]
    _allergen_names: Phrases[str]
    _site: Mapping[tuple[str, str], Product]

    @classmethod
    def load(cls, site_mapping: Path | None = None) -> Self:
        """Reads the shipped tables and a site's own file. Raises SiteMappingError; ValueError for a broken table."""
        names = {frozenset(ids.split("+")): name for ids, name in rows("ingredients.csv")}
        single = {next(iter(ids)): name for ids, name in names.items() if len(ids) == 1}
        route_words = RouteWords()

        def name_of(ingredients: frozenset[str]) -> str:
            return names.get(ingredients) or " + ".join(sorted(single[name] for name in ingredients))

        ingredients = frozenset(single)
        return cls(
            ingredients=ingredients,
            _names=names,
            _medicines=load_medicines(single),
            _concepts=load_concepts(),
            _routes=_load_routes(),
            _route_words=route_words,
            _read_text=text_reader(load_names(), route_words, name_of),
            _vaccine_names=Phrases(
                (name, Vaccine(id=vaccine, live=live == "yes"), False)
                for vaccine, live, _, name in rows("vaccine_names.csv")
            ),
            _procedure_names=Phrases((name, concept, False) for concept, _, name in rows("procedure_names.csv")),
            _reason_names=Phrases(
                (name, concept, kind == "leading") for concept, _, name, kind in rows("reason_names.csv")
            ),
            _allergen_names=Phrases((name, substance, False) for substance, _, name in rows("allergen_names.csv")),
            _site=read_site_mapping(site_mapping, ingredients, route_words) if site_mapping is not None else {},
        )

    # Medicines

    def medication(self, system: str, code: str) -> Product | None:
        """What a medication code means: a site's own row first, then RxNorm, NDC, ATC and SNOMED CT substances."""
        if self._site:
            ours = self._site.get((system, code))
            if ours is not None:
                return ours
        vocabulary = vocabulary_of(system)
        if vocabulary is None:
            return None
        table = self._medicines.by_code.get(vocabulary)
        if table is None:
            return None
        if vocabulary == "ndc":
            ndc = read_ndc(code)
            return None if ndc is None else table.get(ndc)
        found = table.get(code)
        return found if found is not None else table.get(code.strip().upper())

    def medication_text(self, text: str) -> Product | None:
        """What the name of a medicine means, in English, Dutch, German or French: the last resort.

        Whole words only, the longest name first. Strength and route are taken where the words leave no doubt.
        """
        return self._read_text(text)

    def resolve(self, codings: Sequence[tuple[str, str, str]], text: str = "", *, where: str = "code") -> Combined:
        """One medication from all its codings, each (system, code, display), and its text.

        Codes decide. The text is held against them: it refines what they leave open (the salt, the strength, the
        route), and is reported as a conflict where it names another drug. Without a known code the text decides, then
        the displays in their order, and `confidence` is "text". Nothing known gives a Combined without a product.
        """
        found: list[tuple[Product, str]] = []
        for at, (system, code, _) in enumerate(codings):
            product = self.medication(system, code) if code else None
            if product is not None:
                found.append((product, f"{where}.coding[{at}]"))
        said, place = self._said(codings, text, where)
        if not found:
            return NOTHING if said is None else Combined(product=said, confidence="text")
        combined = combine(found)
        return combined if said is None else _refined(combined, said, found[0][1], place)

    def _said(self, codings: Sequence[tuple[str, str, str]], text: str, where: str) -> tuple[Product | None, str]:
        product = self._read_text(text) if text else None
        if product is not None:
            return product, f"{where}.text"
        for at, (_, _, display) in enumerate(codings):
            product = self._read_text(display) if display else None
            if product is not None:
                return product, f"{where}.coding[{at}].display"
        return None, ""

    # Everything else that is coded

    def condition(self, system: str, code: str) -> Concepts:
        """The concepts of a diagnosis code, with all that they imply; ICD codes count with and without the dot."""
        vocabulary = vocabulary_of(system)
        if vocabulary == "snomed":
            return self._concepts.conditions.get(code, NO_CONCEPTS)
        reader = None if vocabulary is None else self._concepts.icd.get(vocabulary)
        return NO_CONCEPTS if reader is None else reader(code)

    def observation(self, system: str, code: str) -> Concepts:
        """The concepts of a LOINC code."""
        if vocabulary_of(system) != "loinc":
            return NO_CONCEPTS
        return self._concepts.observations.get(code, NO_CONCEPTS)

    def procedure(self, system: str, code: str) -> Concepts:
        """The concepts of a procedure code: SNOMED CT, or LOINC for imaging."""
        vocabulary = vocabulary_of(system)
        table = None if vocabulary is None else self._concepts.procedures.get(vocabulary)
        return NO_CONCEPTS if table is None else table.get(code, NO_CONCEPTS)

    def procedure_text(self, text: str) -> Concepts:
        """The procedures that a text names, for orders that carry no code we know."""
        return NO_CONCEPTS.union(self._procedure_names.find(words_of(text)))

    def reason_text(self, text: str) -> Concepts:
        """What a text says that an order is for, with all that it implies: a myositis anywhere in it, anything else only
        where the text begins with its name ("asthma exacerbation", not "no asthma")."""
        return with_implied(self._reason_names.find(words_of(text)))

    def vaccine(self, system: str, code: str) -> Vaccine | None:
        """The vaccine of a CVX, ATC or SNOMED CT code. CVX codes below ten count with and without the leading zero."""
        vocabulary = vocabulary_of(system)
        table = None if vocabulary is None else self._concepts.vaccines.get(vocabulary)
        if table is None:
            return None
        return table.get(code.zfill(2) if vocabulary == "cvx" else code)

    def vaccine_text(self, text: str) -> Vaccine | None:
        """The vaccine that a text names, where it names exactly one."""
        found = set(self._vaccine_names.find(words_of(text)))
        return found.pop() if len(found) == 1 else None

    def allergen(self, system: str, code: str) -> Concepts:
        """The substances of an allergy code: SNOMED CT findings, or any code of a medicine (its ingredients)."""
        product = self.medication(system, code)
        substances = NO_CONCEPTS if product is None else product.ingredients
        if vocabulary_of(system) == "snomed":
            substances |= self._concepts.allergens.get(code, NO_CONCEPTS)
        return substances

    def allergen_text(self, text: str) -> Concepts:
        """The substances and classes of substances that the text of an allergy names."""
        product = self._read_text(text)
        substances = NO_CONCEPTS if product is None else product.ingredients
        return substances.union(self._allergen_names.find(words_of(text)))

    def route(self, system: str, code: str, text: str = "") -> RouteClass:
        """The route of a code (SNOMED CT, EDQM, HL7 v3, the Dutch table), else of its text, else "unknown"."""
        vocabulary = vocabulary_of(system) if system else None
        found = None if vocabulary is None else self._routes.get(vocabulary, _NOWHERE).get(code)
        if found is not None and found != "unknown":
            return found
        return self._route_words.of_route(text) if text else "unknown"

    # What is written

    def name_of(self, ingredient: str) -> str:
        """Our English name of an ingredient, for cards. Raises KeyError for an id that is not in `ingredients`."""
        return self._names[frozenset({ingredient})]

    def names_of(self, ingredients: Iterable[str]) -> str:
        """Our English name of a combination ("co-trimoxazole"), or the names of its parts joined by " + "."""
        ids = frozenset(ingredients)
        return self._names.get(ids) or " + ".join(sorted(self.name_of(name) for name in ids))

    def code_of(self, ingredient: str, vocabulary: Literal["rxnorm", "atc", "snomed"]) -> Coded | None:
        """The code of an ingredient alone, systemic where there is a choice; None where no code is verified."""
        return self._medicines.ingredient_codes.get((ingredient, vocabulary))

    def codes_of_route(self, route: RouteClass) -> tuple[Coded, ...]:
        """The codes of a route in SNOMED CT and EDQM, where just one means the whole class."""
        found: list[Coded] = []
        vocabularies: tuple[Vocabulary, ...] = ("snomed", "edqm")
        for vocabulary in vocabularies:
            codes = [code for code, meant in self._routes.get(vocabulary, _NOWHERE).items() if meant == route]
            if len(codes) == 1:
                found.append(Coded(URI[vocabulary], codes[0], ""))
        return tuple(found)

    def product_for(self, ingredient: str, dose: Decimal, route: RouteClass) -> Coded | None:
        """The RxNorm clinical drug of one ingredient of which whole pieces, as few as can be, make a dose of so many mg.

        None where RxNorm has none.
        """
        pieces = self._medicines.product_codes.get((ingredient, route), {})
        fitting = [amount for amount in pieces if dose % amount == 0]
        return pieces[max(fitting)] if fitting else None

    def codes_of_tablet(self, contents: Iterable[tuple[str, Decimal, str]]) -> tuple[Coded, ...]:
        """The codes of a tablet of several ingredients, each with its amount and unit ("mg", "[iU]").

        In RxNorm the clinical drug, else the combination without strengths; in ATC the combination. Those that are not
        verified are left out.
        """
        held = frozenset(contents)
        parts = frozenset(ingredient for ingredient, _, _ in held)
        codes = self._medicines.combination_codes
        found = (self._medicines.tablet_codes.get(held) or codes.get((parts, "rxnorm")), codes.get((parts, "atc")))
        return tuple(code for code in found if code is not None)

    def test_code(self, concept: str) -> Coded | None:
        """The LOINC code with which to order the test that gives a result, one whose name was seen before others.

        None where no code gives that result.
        """
        return self._concepts.test_codes.get(concept)

    # What knowledge may speak of

    @property
    def conditions(self) -> Concepts:
        """All concepts that a diagnosis code can give."""
        return self._concepts.known_conditions

    @property
    def observations(self) -> Concepts:
        """All concepts that an observation code can give."""
        return NO_CONCEPTS.union(*self._concepts.observations.values())

    @property
    def procedures(self) -> Concepts:
        """All concepts that a procedure code can give."""
        return NO_CONCEPTS.union(*(names for table in self._concepts.procedures.values() for names in table.values()))

    @property
    def vaccines(self) -> Concepts:
        """All vaccines that a code can give."""
        return frozenset(vaccine.id for table in self._concepts.vaccines.values() for vaccine in table.values())


def _refined(combined: Combined, said: Product, coded_at: str, said_at: str) -> Combined:
    """What codes say, completed by what the text says of the same drug."""
    product = combined.product
    assert product is not None
    if (
        product.ingredients == said.ingredients
        and product.strengths
        and product.route not in ("unknown", "parenteral")
        and product.ingredients.isdisjoint(UNSPECIFIED)
    ):
        return combined
    if covers(product.ingredients, said.ingredients) or covers(said.ingredients, product.ingredients):
        open_ones = product.ingredients & UNSPECIFIED.keys()
        if open_ones:
            closed = frozenset().union(*(UNSPECIFIED[name] & said.ingredients or {name} for name in open_ones))
            ingredients = (product.ingredients - open_ones) | closed
        else:
            ingredients = product.ingredients
        strengths = product.strengths
        if not strengths and product.level == "ingredient":  # a pack has no strength, whatever its name says
            strengths = tuple(strength for strength in said.strengths if strength.ingredient in ingredients)
        route = product.route if product.route != "unknown" else said.route
        if product.route == "parenteral" and said.route in ("intravenous", "subcutaneous", "intramuscular"):
            route = said.route
        if ingredients is product.ingredients and strengths is product.strengths and route == product.route:
            return combined
        return msgspec.structs.replace(
            combined,
            product=msgspec.structs.replace(
                product,
                ingredients=ingredients,
                strengths=strengths,
                route=route,
                level="product" if strengths else product.level,
            ),
        )
    if product.ingredients & said.ingredients:
        return combined
    return msgspec.structs.replace(
        combined,
        product=msgspec.structs.replace(product, ingredients=product.ingredients | said.ingredients, strengths=()),
        conflict=(*(combined.conflict or (f"{product.label} ({coded_at})",)), f"{said.label} ({said_at})"),
    )


def _load_routes() -> dict[Vocabulary, dict[str, RouteClass]]:
    tables: dict[Vocabulary, dict[str, RouteClass]] = {}
    files: tuple[tuple[Vocabulary, str], ...] = (
        ("edqm", "edqm.csv"),
        ("v3-route", "v3_route.csv"),
    )
    for vocabulary, file in files:
        tables[vocabulary] = {code: route_class(route) for code, route, _, _ in rows(file)}
    tables["snomed"] = {code: route_class(route) for use, code, route, _, _, _ in rows("snomed.csv") if use == "route"}
    return tables
