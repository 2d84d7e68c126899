"""Tells what a medication is: by code wherever it stands, by text last; what cannot be told is said, not dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ..clinical.therapy import Confidence
from .elements import CodeableConcept, MedicationIngredient, Reference, present
from .products import Product
from .records import Contained, Medicated, MedicationRecord
from .terminology import Terminology, Vocabulary, vocabulary_of

LABEL_LENGTH = 120
NAMELESS = "the medication's code is not known, and it has no text"
OTHER_VERSION = "the medication is written as another version of FHIR has it"
NOWHERE = "the medication is a reference that leads to nothing"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a medication was taken for.

    `product` is None for a drug that is named but is none of ours. `unknown` says why nothing could be told at all,
    `conflict` names what its codes and texts say differently.
    """

    product: Product | None = None
    label: str = ""
    confidence: Confidence = "code"
    texts: tuple[str, ...] = ()
    ingredients: tuple[MedicationIngredient, ...] = ()
    conflict: tuple[str, ...] = ()
    unknown: str = ""


Codings = tuple[tuple[str | None, str | None, str | None], ...]
"""System, code and display of each coding of a concept."""


class Medications:
    """The Medication resources that references may lead to: by `Type/id`, by fullUrl; and what concepts were told as.

    One for each request; the same concept is told once.
    """

    def __init__(self, terminology: Terminology, servers: Iterable[str] = ()) -> None:
        self._terminology = terminology
        self._bases = tuple(server.rstrip("/") + "/" for server in servers if server)
        self._known: dict[str, MedicationRecord] = {}
        self._told: dict[tuple[Codings, str | None], Identity] = {}

    @property
    def vocabularies(self) -> frozenset[Vocabulary]:
        """Those whose codes the medications of the request have; none where all are told in words."""
        codings = [coding for codings, _ in self._told for coding in codings]
        codings += [
            (coding.system, coding.code, coding.display)
            for record in self._known.values()
            if record.code is not None
            for coding in record.code.coding or ()
        ]
        found = (vocabulary_of(system) for system, code, _ in codings if system and code)
        return frozenset(vocabulary for vocabulary in found if vocabulary is not None)

    def add(self, record: MedicationRecord, full_url: str = "") -> None:
        """Makes a Medication known under its reference and its fullUrl."""
        self._known.setdefault(record.reference, record)
        if full_url:
            self._known.setdefault(full_url, record)

    def local(self, reference: str) -> str:
        """A reference to our own server as `Type/id`; any other as it stands. A version is left out."""
        for base in self._bases:
            if reference.startswith(base):
                reference = reference[len(base) :]
                break
        return reference.split("/_history/", 1)[0]

    def wanted(self, record: Medicated) -> str:
        """The id of a Medication that is still to be fetched for this record, or ""."""
        reference = self._reference_of(record)
        if not reference or reference.startswith(("#", "urn:")) or self._find(reference) is not None:
            return ""
        local = self.local(reference)
        return local.removeprefix("Medication/") if local.startswith("Medication/") else ""

    def identify(self, record: Medicated) -> Identity | None:
        """What the record's medication is, or None where it names none at all."""
        concept = record.medication_codeable_concept
        if concept is not None and (concept.coding or concept.text):
            return self._tell(concept, (), record.contained)
        if record.medication_reference is not None:
            return self._follow(record.medication_reference, record.contained)
        return Identity(unknown=OTHER_VERSION) if present(record.medication) else None

    def code_of(self, record: Medicated) -> CodeableConcept | None:
        """The concept by which the record names what is given, its own or that of the Medication it refers to."""
        if record.medication_codeable_concept is not None:
            return record.medication_codeable_concept
        reference = self._reference_of(record)
        if reference.startswith("#"):
            return next((held.code for held in record.contained if held.id == reference[1:]), None)
        found = self._find(reference) if reference else None
        return found.code if found is not None else None

    def _reference_of(self, record: Medicated) -> str:
        return (record.medication_reference.reference or "") if record.medication_reference is not None else ""

    def _find(self, reference: str) -> MedicationRecord | None:
        return self._known.get(reference) or self._known.get(self.local(reference))

    def _follow(self, reference: Reference, contained: Iterable[Contained]) -> Identity:
        """What a reference leads to; its display text where it leads nowhere, or to nothing that can be told."""
        told = self._told_at(reference.reference or "", contained)
        if told.product is not None or not reference.display:
            return told
        said = self._tell(CodeableConcept(text=reference.display), (), ())
        return said if said.product is not None or told.unknown else told

    def _told_at(self, target: str, contained: Iterable[Contained]) -> Identity:
        if target.startswith("#"):
            for resource in contained:
                if resource.id == target[1:] and resource.resource_type in ("Medication", "Substance"):
                    return self._tell(resource.code, resource.ingredient, contained)
        else:
            record = self._find(target)
            if record is not None and record.status != "entered-in-error":
                return self._tell(record.code, record.ingredient, record.contained)
        return Identity(unknown=NOWHERE)

    def _tell(
        self,
        concept: CodeableConcept | None,
        ingredients: tuple[MedicationIngredient, ...],
        contained: Iterable[Contained],
    ) -> Identity:
        key = (
            tuple((coding.system, coding.code, coding.display) for coding in (concept.coding or ())) if concept else (),
            concept.text if concept else None,
        )
        told = self._told.get(key) if not ingredients else None
        if told is None:
            told = self._told_anew(concept, ingredients, contained)
            if not ingredients:
                self._told[key] = told
        return told

    def _told_anew(
        self,
        concept: CodeableConcept | None,
        ingredients: tuple[MedicationIngredient, ...],
        contained: Iterable[Contained],
    ) -> Identity:
        """By the medication's own codes and texts; where they tell nothing, by its active ingredients together."""
        told = self._by_concept(concept) if concept is not None else Identity(unknown=NAMELESS)
        if told.product is None and ingredients:
            told = self._by_ingredients(told, ingredients, contained)
        return msgspec.structs.replace(told, ingredients=ingredients)

    def _by_concept(self, concept: CodeableConcept) -> Identity:
        codings = tuple(
            (coding.system or "", coding.code or "", coding.display or "") for coding in (concept.coding or ())
        )
        texts = tuple(dict.fromkeys(text for text in (concept.text, *(display for _, _, display in codings)) if text))
        label = texts[0][:LABEL_LENGTH] if texts else ""
        resolved = self._terminology.resolve(codings, concept.text or "")
        if resolved.product is None:
            return Identity(label=label, texts=texts, unknown="" if texts else NAMELESS)
        return Identity(
            product=resolved.product,
            label=label or resolved.product.label,
            confidence=resolved.confidence,
            texts=texts,
            conflict=resolved.conflict,
        )

    def _by_ingredients(
        self, told: Identity, ingredients: tuple[MedicationIngredient, ...], contained: Iterable[Contained]
    ) -> Identity:
        held = {f"#{resource.id}": resource.code for resource in contained}
        parts = [self._part(part, held) for part in ingredients if part.is_active is not False]
        products = [part.product for part in parts if part.product is not None]
        label = told.label or " / ".join(part.label for part in parts if part.label)[:LABEL_LENGTH]
        unknown = next((part.unknown for part in parts if part.unknown), "")
        if not products:
            silent = bool(told.label) or (parts and not unknown)
            return msgspec.structs.replace(told, label=label, unknown="" if silent else unknown or told.unknown)
        return Identity(
            product=Product(
                ingredients=frozenset().union(*(product.ingredients for product in products)),
                level="ingredient",
                label=label,
                others=len(products) < len(parts) or any(product.others for product in products),
            ),
            label=label,
            confidence="code" if any(part.product and part.confidence == "code" for part in parts) else "text",
            texts=told.texts or tuple(text for part in parts for text in part.texts),
            conflict=tuple(conflict for part in parts for conflict in part.conflict),
            unknown=unknown,
        )

    def _part(self, ingredient: MedicationIngredient, held: Mapping[str, CodeableConcept | None]) -> Identity:
        """What an ingredient is: by its own concept, by the resource that it refers to, or by how it is displayed."""
        concept, reference = ingredient.item_codeable_concept, ingredient.item_reference
        if concept is None and reference is not None:
            target = reference.reference or ""
            record = self._find(target)
            concept = held.get(target) or (record.code if record is not None else None)
            if concept is None and reference.display:
                concept = CodeableConcept(text=reference.display)
        return self._by_concept(concept) if concept is not None else Identity(unknown="an ingredient is not stated")


def wanted_medications(medications: Medications, records: Iterable[Medicated]) -> tuple[str, ...]:
    """Ids of the Medications that the records refer to and that did not come with them, each once."""
    return tuple(dict.fromkeys(wanted for record in records if (wanted := medications.wanted(record))))
