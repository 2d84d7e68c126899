"""A site's own codes, and what is said when its file is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cds_service.mapping.terminology import URI, SiteMappingError, Terminology

GPK = "urn:oid:2.16.840.1.113883.2.4.4.1"
HEADING = "system,code,ingredient,strength,form\n"


def load(folder: Path, text: str) -> Terminology:
    file = folder / "site.csv"
    file.write_text(text, encoding="utf-8")
    return Terminology.load(file)


def test_a_sites_own_code_means_what_its_file_says(tmp_path: Path) -> None:
    terminology = load(tmp_path, f"{HEADING}{GPK},900001,methotrexate,2.5 mg,oral tablet\n")
    product = terminology.medication(GPK, "900001")
    assert product is not None
    (strength,) = product.strengths
    assert (product.ingredients, product.route, product.level) == (frozenset({"methotrexate"}), "oral", "product")
    assert (strength.amount, strength.unit, strength.per) == (Decimal("2.5"), "mg", "1")
    assert strength.where == "site.csv, line 2"
    assert product.label == "methotrexate 2.5 mg oral tablet"


def test_a_concentration_and_a_combination_can_be_written(tmp_path: Path) -> None:
    terminology = load(
        tmp_path,
        f"{HEADING}{GPK},1,methotrexate,20 mg/0.4 mL,pre-filled pen\n"
        f'"{GPK}", 2, sulfamethoxazole + trimethoprim, 400 mg + 80 mg, tablet\n'
        "\n"
        f"{GPK},3,tacrolimus,,zalf\n",
    )
    pen, tablet, ointment = (terminology.medication(GPK, code) for code in ("1", "2", "3"))
    assert pen is not None and tablet is not None and ointment is not None
    assert [(s.amount, s.per, s.piece_volume) for s in pen.strengths] == [(Decimal(50), "mL", Decimal("0.4"))]
    assert pen.route == "parenteral"
    assert {s.ingredient: s.amount for s in tablet.strengths} == {
        "sulfamethoxazole": Decimal(400),
        "trimethoprim": Decimal(80),
    }
    assert (ointment.route, ointment.level) == ("local", "ingredient")


def test_a_sites_row_counts_before_the_shipped_tables(tmp_path: Path) -> None:
    terminology = load(tmp_path, f"{HEADING}{URI['atc']},L04AA06,mycophenolate-mofetil,,\n")
    product = terminology.medication(URI["atc"], "L04AA06")
    assert product is not None
    assert product.ingredients == {"mycophenolate-mofetil"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "site.csv, line 1: the columns must be system, code, ingredient, strength, form"),
        ("code,system\n", "site.csv, line 1: the columns must be system, code, ingredient, strength, form"),
        (f"{HEADING}{GPK},1,methotrexate\n", "site.csv, line 2: 3 columns, not 5"),
        (f"{HEADING},1,methotrexate,,\n", "site.csv, line 2: system and code must both be given"),
        (f"{HEADING}{GPK},,methotrexate,,\n", "site.csv, line 2: system and code must both be given"),
        (
            f"{HEADING}{GPK},1,methotrexaat,,\n",
            "site.csv, line 2: unknown ingredient 'methotrexaat'; did you mean 'methotrexate'?",
        ),
        (f"{HEADING}{GPK},1,xyzzy,,\n", "site.csv, line 2: unknown ingredient 'xyzzy'"),
        (
            f"{HEADING}{GPK},1,methotrexate,much,\n",
            'site.csv, line 2: strength \'much\' is not like "2.5 mg" or "50 mg/mL"',
        ),
        (
            f"{HEADING}{GPK},1,methotrexate,1.000 mg,\n",
            'site.csv, line 2: strength \'1.000 mg\' is not like "2.5 mg" or "50 mg/mL"',
        ),
        (
            f"{HEADING}{GPK},1,sulfamethoxazole+trimethoprim,480 mg,\n",
            "site.csv, line 2: 1 strengths for 2 ingredients",
        ),
        (f"{HEADING}{GPK},1,methotrexate,,thing\n", "site.csv, line 2: unknown form 'thing'"),
        (
            f"{HEADING}{GPK},1,methotrexate,,\n{GPK},1,azathioprine,,\n",
            "site.csv, line 3: '1' is mapped twice",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SiteMappingError) as refused:
        load(tmp_path, text)
    assert str(refused.value) == message


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteMappingError) as refused:
        Terminology.load(tmp_path / "none.csv")
    assert str(refused.value) == "none.csv: cannot be read as UTF-8 text (FileNotFoundError)"
    (tmp_path / "site.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(SiteMappingError) as refused:
        Terminology.load(tmp_path / "site.csv")
    assert str(refused.value) == "site.csv: cannot be read as UTF-8 text (UnicodeDecodeError)"
