"""The shipped tables against the verified tables they are made from, and against their licences."""

from __future__ import annotations

import csv
import importlib.util
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

from cds_service.mapping.terminology import URI, Terminology
from cds_service.mapping.terminology.files import rows

ROOT = Path(__file__).parent.parent.parent
PACKAGE = "cds_service.mapping.terminology"
Row = dict[str, str]
CODE_TABLES = [
    "rxnorm.csv",
    "ndc.csv",
    "atc.csv",
    "snomed.csv",
    "loinc.csv",
    "icd10.csv",
    "icd10cm.csv",
    "cvx.csv",
    "edqm.csv",
    "v3_route.csv",
]


@pytest.fixture(scope="module")
def verified() -> Path:
    folder = Path(os.environ.get("CDS_SHARED", ROOT.parent / "shared")) / "terminology"
    if not folder.is_dir():
        pytest.skip("skipped, because the folder of verified codes is not here (CDS_SHARED)")
    return folder


@pytest.fixture(scope="module")
def maker() -> Iterator[ModuleType]:
    path = ROOT / "tools" / "terminology" / "make.py"
    if not path.is_file():
        pytest.skip("skipped, because the script that makes the tables is not part of an installed package")
    spec = importlib.util.spec_from_file_location("terminology_make", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module


def table(folder: Path, name: str) -> list[Row]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def national_extension(code: str) -> bool:
    """UK and US extension ids: ten or more digits with the namespace before partition and check digit."""
    return len(code) > 10 and code[-10:-3] in ("1000000", "1000001", "1000119", "1000124")


def test_every_verified_medication_code_means_its_ingredient(terminology: Terminology, verified: Path) -> None:
    open_codes = {"7145", "L04AA06", "409330005"}  # mycophenolate: CellCept or Myfortic
    wrong = []
    for row in table(verified, "medications.csv"):
        if "amotrigine" in row["display"]:
            continue  # packs that only name the drug in their brand
        product = terminology.medication(row["system"], row["code"])
        expected = row["ingredient"]
        if row["code"] in open_codes:
            expected = "mycophenolate"
        elif "levoketoconazole" in row["display"] or row["display"] == "Recorlev":
            expected = "levoketoconazole"
        if product is None or expected not in product.ingredients:
            wrong.append((row["code"], row["ingredient"]))
    assert wrong == []


def test_every_verified_strength_is_kept(terminology: Terminology, verified: Path) -> None:
    checked = 0
    for row in table(verified, "medications.csv"):
        if row["strength_unit"] not in ("MG", "MG/ML") or row["tty"] in ("GPCK", "BPCK"):
            continue
        product = terminology.medication(row["system"], row["code"])
        assert product is not None
        kept = [s for s in product.strengths if str(s.amount) == row["strength_value"] and s.unit == "mg"]
        assert any((s.per == "mL") == (row["strength_unit"] == "MG/ML") for s in kept), row["code"]
        checked += 1
    assert checked > 2000


def test_every_verified_ndc_means_its_ingredient(terminology: Terminology, verified: Path) -> None:
    wrong = []
    for row in table(verified, "medications_ndc.csv"):
        product = terminology.medication(URI["ndc"], row["ndc11"])
        if product is None or row["ingredient"] not in product.ingredients:
            wrong.append(row["ndc11"])
    assert wrong == []


def test_every_verified_condition_code_means_its_concept(
    terminology: Terminology, verified: Path, maker: ModuleType
) -> None:
    corrections = {(r["system"], r["code"], r["concept"]): r for r in maker.read(maker.HERE, "corrections.csv")}
    wrong = []
    for row in table(verified, "conditions.csv"):
        if row["system"] == URI["snomed"] and national_extension(row["code"]):
            continue
        correction = corrections.get((row["system"], row["code"], row["concept"]))
        found = terminology.condition(row["system"], row["code"])
        if correction is None:
            right = row["concept"] in found
        elif correction["action"] == "rename":
            right = correction["to"] in found and row["concept"] not in found
        else:
            right = row["concept"] not in found
        if not right:
            wrong.append((row["code"], row["concept"]))
    assert wrong == []


def test_every_verified_observation_procedure_vaccine_route_and_allergen_is_found(
    terminology: Terminology, verified: Path
) -> None:
    for row in table(verified, "observations.csv"):
        assert row["concept"] in terminology.observation(row["system"], row["code"])
    for row in table(verified, "procedures.csv"):
        if not national_extension(row["code"]):
            assert row["concept"] in terminology.procedure(row["system"], row["code"])
    for row in table(verified, "vaccines.csv"):
        vaccine = terminology.vaccine(row["system"], row["code"])
        assert vaccine is not None and vaccine.id == row["vaccine"]
        assert vaccine.live == {"y": True, "n": False}.get(row["live"][0])
    for row in table(verified, "allergens.csv"):
        if not national_extension(row["code"]):
            assert row["substance"] in terminology.allergen(row["system"], row["code"])
    named = ("oral", "subcutaneous", "intravenous", "intramuscular", "intrathecal")
    for row in table(verified, "routes.csv"):
        licensed = row["system"].startswith(
            "urn:oid:2.16.840.1.113883.2.4.4."
        )  # G-Standaard: its codes are not ours to ship
        if row["route"] in named and not licensed and not national_extension(row["code"]):
            assert terminology.route(row["system"], row["code"]) == row["route"]


def test_the_shipped_tables_are_what_the_script_makes(
    verified: Path, maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maker, "SHIPPED", tmp_path)
    maker.main(verified)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted([*CODE_TABLES, "sources.csv"])
    for name in made:
        assert (tmp_path / name).read_text(encoding="utf-8") == (files(PACKAGE) / name).read_text(encoding="utf-8"), (
            name
        )


@pytest.mark.parametrize("name", CODE_TABLES)
def test_each_terminology_opens_with_its_licence(name: str) -> None:
    assert (files(PACKAGE) / name).read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("name", CODE_TABLES)
def test_each_row_names_where_it_was_seen(name: str) -> None:
    known = {number for number, _ in rows("sources.csv")}
    for row in rows(name):
        assert row[-1] and set(row[-1].split()) <= known, row[0]


def test_no_id_of_the_uk_or_us_extension_is_shipped() -> None:
    assert [row[1] for row in rows("snomed.csv") if national_extension(row[1])] == []


def test_atc_codes_are_shipped_without_names_and_icd_without_titles() -> None:
    assert next(iter(rows("atc.csv")))[:3] == ["medication", "L04AB04", "adalimumab"]
    assert {row[2] for row in rows("icd10.csv")} == {"below", "except"}
    assert len(next(iter(rows("icd10.csv")))) == 4


def test_every_id_in_the_tables_has_a_name(terminology: Terminology) -> None:
    used = {part for row in rows("atc.csv") if row[0] == "medication" for part in row[2].split("+")}
    used |= {part.partition(" ")[0] for row in rows("rxnorm.csv") for part in row[5].split("; ")}
    used |= {part for row in rows("names.csv") for part in row[0].split("+")}
    used |= {row[2] for row in rows("snomed.csv") if row[0] == "substance"}
    assert used == terminology.ingredients


def test_a_table_row_of_another_length_is_refused_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.csv").write_text("# licence\ncode,route\nA,oral\nB\n", encoding="utf-8")
    monkeypatch.setattr("cds_service.mapping.terminology.files.files", lambda _: tmp_path)
    with pytest.raises(ValueError, match=r"^broken\.csv, line 4: 1 columns, not 2$"):
        list(rows("broken.csv"))


# The simulated EHR writes each drug in five codings.

EXPECTED = {
    "cellcept": {"mycophenolate-mofetil"},
    "myfortic": {"mycophenolic-acid"},
    "mycophenolate": {"mycophenolate"},
    "ivig": {"immunoglobulin-normal-human"},
    "scig": {"immunoglobulin-normal-human"},
    "anti-d": {"anti-d-immunoglobulin"},
    "car-t": {"axicabtagene-ciloleucel"},
    "cotrimoxazole": {"sulfamethoxazole", "trimethoprim"},
    "trimethoprim-polymyxin": {"trimethoprim", "polymyxin-b"},
    "calcium": {"calcium-carbonate"},
    "vitamin-d": {"cholecalciferol"},
    "calcium-vitamin-d": {"calcium-carbonate", "cholecalciferol"},
    "nirmatrelvir-ritonavir": {"nirmatrelvir", "ritonavir"},
}
LOCAL = ("topical", "ophthalmic")


@pytest.fixture(scope="module")
def ehr(verified: Path) -> Iterator[ModuleType]:
    path = verified.parent / "tools" / "ehr" / "fhir.py"
    if not path.is_file():
        pytest.skip("skipped, because the simulated EHR is not here (CDS_SHARED)")
    spec = importlib.util.spec_from_file_location("simulated_ehr", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module


@pytest.mark.parametrize("coding", ["rxnorm-product", "rxnorm-ingredient", "atc", "snomed", "text"])
def test_every_drug_of_the_simulated_ehr_is_known_in_each_coding(
    terminology: Terminology, ehr: ModuleType, coding: str
) -> None:
    checked = 0
    for name, spec in ehr.DRUGS.items():
        routes = {spec["route"], *(r for r in LOCAL if r in spec["products"] or r in spec["atc"])}
        for route in sorted(routes):
            concept, _, _ = ehr.medication_code(name, route, [5], "mg", ehr.Encoding(coding=coding))
            codings = [(c["system"], c["code"], c.get("display", "")) for c in concept.get("coding", [])]
            combined = terminology.resolve(codings, concept["text"])
            expected = EXPECTED.get(name, {name})
            if "levoketoconazole" in concept["text"]:
                expected = {"levoketoconazole"}  # the EHR's own choice of an oral ketoconazole tablet
            assert combined.product is not None, (name, route)
            assert combined.product.ingredients == expected, (name, route)
            assert combined.conflict == (), (name, route)
            assert combined.confidence == ("code" if codings else "text")
            if route in LOCAL:
                assert combined.product.route == "local", (name, route)
            elif route != "inhalation":
                assert combined.product.route != "local", (name, route)
            checked += 1
    assert checked >= len(ehr.DRUGS)
