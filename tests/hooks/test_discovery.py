"""Discovery of the three services."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import jsonschema
import pytest

from cds_service.clinical.findings import Hook
from cds_service.hooks.discovery import services, write_discovery

SCHEMA = json.loads((files("cds_service.hooks") / "schemas" / "discovery.json").read_text())


def _prefetch(hook: Hook) -> dict[str, str]:
    return {"patient": "Patient/{{context.patientId}}", "only": f"Observation?x={hook}"}


def test_there_is_one_service_for_each_hook_under_its_fixed_id() -> None:
    discovery = json.loads(write_discovery(services(_prefetch)))
    assert [(service["hook"], service["id"]) for service in discovery["services"]] == [
        ("patient-view", "myositis-patient-view"),
        ("order-select", "myositis-order-select"),
        ("order-sign", "myositis-order-sign"),
    ]
    jsonschema.validate(discovery, SCHEMA)


def test_a_service_says_all_that_a_site_needs() -> None:
    service = json.loads(write_discovery(services(_prefetch)))["services"][1]
    assert service == {
        "hook": "order-select",
        "title": "Myositis drug safety: while ordering",
        "description": "Checks the orders just selected, together with the chart, for a patient with myositis.",
        "id": "myositis-order-select",
        "prefetch": {"patient": "Patient/{{context.patientId}}", "only": "Observation?x=order-select"},
        "usageRequirements": "FHIR R4. Needs the patient, the conditions and the medication requests, by prefetch or "
        "from the FHIR server; without the others it says which checks could not be made. Decision support only: the "
        "clinician decides.",
        "version": "2.0.1",
    }


def test_the_version_is_a_semantic_one_and_the_hooks_version_is_left_out() -> None:
    for service in json.loads(write_discovery(services(_prefetch)))["services"]:
        assert re.fullmatch(r"\d+\.\d+\.\d+", service["version"])
        assert "hookVersion" not in service


def test_empty_prefetch_is_left_out() -> None:
    assert all("prefetch" not in service for service in json.loads(write_discovery(services(lambda _: {})))["services"])


def test_no_service_is_an_empty_list() -> None:
    assert write_discovery(()) == b'{"services":[]}'


@pytest.mark.parametrize(
    "broken",
    [
        {"services": [{"hook": "x", "description": "y"}]},
        {"services": [{"hook": "x", "description": "", "id": "z"}]},
        {},
    ],
)
def test_the_schema_refuses_a_discovery_that_is_not_one(broken: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)
