"""Errors as OperationOutcome."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from cds_service.hooks.errors import (
    BadRequest,
    MissingData,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    RequestError,
    TooLarge,
    TooSlow,
    Unavailable,
    WrongMediaType,
    WrongMethod,
    write_outcome,
)

SCHEMA = json.loads((files("cds_service.hooks") / "schemas" / "operation-outcome.json").read_text())
EVERY = [
    (BadRequest("x"), 400),
    (NotAuthenticated("x"), 401),
    (NotAllowed("x"), 403),
    (NotFound("x"), 404),
    (WrongMethod("x", ["POST"]), 405),
    (TooSlow("x"), 408),
    (MissingData("x", ["patient"]), 412),
    (TooLarge("x"), 413),
    (WrongMediaType("x"), 415),
    (RequestError("x"), 500),
    (Unavailable("x"), 503),
]


@pytest.mark.parametrize(("error", "status"), EVERY, ids=lambda value: type(value).__name__)
def test_every_error_is_a_valid_outcome_with_its_status(error: RequestError, status: int) -> None:
    outcome = json.loads(write_outcome(error))
    assert error.status == status
    jsonschema.validate(outcome, SCHEMA)
    assert OperationOutcome.model_validate(outcome).issue[0].severity == ("fatal" if status >= 500 else "error")


def test_an_outcome_names_fault_and_place() -> None:
    assert json.loads(write_outcome(BadRequest("Expected `str`, got `int`", "context.patientId", code="value"))) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "value",
                "diagnostics": "Expected `str`, got `int`",
                "expression": ["context.patientId"],
            }
        ],
    }


def test_an_outcome_without_a_place_has_no_expression() -> None:
    assert "expression" not in json.loads(write_outcome(BadRequest("The body is not UTF-8", "")))["issue"][0]


def test_missing_data_names_every_key() -> None:
    error = MissingData("patient and conditions could not be had", ["patient", "conditions"])
    assert error.keys == ("patient", "conditions")
    issue = json.loads(write_outcome(error))["issue"][0]
    assert issue["code"] == "incomplete"
    assert issue["expression"] == ["prefetch.patient", "prefetch.conditions"]


def test_a_closer_code_of_one_error_does_not_stay_with_the_next() -> None:
    assert BadRequest("x", code="duplicate").code == "duplicate"
    assert BadRequest("x").code == "invalid"
