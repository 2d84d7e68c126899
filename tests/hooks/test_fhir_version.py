"""A client that says by its extension that it sends another version than R4 is refused with the version's name."""

from __future__ import annotations

import json

import msgspec
import pytest

from cds_service.hooks.errors import BadRequest
from cds_service.hooks.fhir_version import check_fhir_version

EPIC = "com.epic.cdshooks.request.fhir-version"


def said(value: object, key: str = EPIC) -> msgspec.Raw:
    return msgspec.Raw(json.dumps({"com.example.other": 1, key: value}).encode())


@pytest.mark.parametrize(
    ("stated", "named"),
    [
        ("DSTU2", "DSTU2"),
        ("dstu2", "DSTU2"),
        ("R2", "DSTU2"),
        ("1.0.2", "DSTU2"),
        ("STU3", "STU3"),
        ("R3", "STU3"),
        ("3.0.1", "STU3"),
        ("R5", "R5"),
        ("5.0.0", "R5"),
        ("6.0.0-ballot3", "R6"),
    ],
)
def test_another_version_is_refused_by_its_name(stated: str, named: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_fhir_version(said(stated))
    assert caught.value.diagnostics == f"The client says that it sends FHIR {named}; this service reads FHIR R4"
    assert (caught.value.expression, caught.value.code) == (("extension",), "not-supported")


@pytest.mark.parametrize("key", [EPIC, "org.example.fhirVersion", "fhir-version"])
def test_names_that_end_alike_are_understood(key: str) -> None:
    with pytest.raises(BadRequest):
        check_fhir_version(said("STU3", key))


@pytest.mark.parametrize(
    "extension",
    [
        None,
        said("R4"),
        said("R4B"),
        said("4.0.1"),
        said("4"),
        said(""),
        said(None),
        said(5),
        said({"version": "STU3"}),
        said("Stockholm"),
        said("STU3", "com.example.version"),
        msgspec.Raw(b"[]"),
        msgspec.Raw(b'"STU3"'),
    ],
)
def test_r4_and_what_says_nothing_is_taken(extension: msgspec.Raw | None) -> None:
    assert check_fhir_version(extension) is None  # type: ignore[func-returns-value]
