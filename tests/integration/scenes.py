"""The synthetic patients as requests that can be played again and again: with ids that no earlier run has used."""

from __future__ import annotations

import copy
import datetime as dt
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask.testing import FlaskClient

from cds_service.cli.fixtures import load_fixture

from .hapi import Json

TODAY = dt.date.today()
RUN = uuid.uuid4().hex[:8]
_DISPLAYED = ("summary", "indicator")
_NOTED = ("rule", "severity", "outcome", "orders", "evidence", "notChecked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A request with the whole record as prefetch, and what its answer says (in the shape of `expected.json`)."""

    request: Json
    expected: list[Json]

    @property
    def hook(self) -> str:
        return str(self.request["hook"])

    @property
    def context(self) -> Json:
        context: Json = self.request["context"]
        return context

    @property
    def patient_id(self) -> str:
        return str(self.context["patientId"])

    @property
    def prefetch(self) -> Json:
        prefetch: Json = self.request["prefetch"]
        return prefetch

    def resources(self) -> Iterator[Json]:
        """The record, resource by resource."""
        for value in self.prefetch.values():
            if value["resourceType"] == "Bundle":
                yield from (entry["resource"] for entry in value.get("entry", ()))
            else:
                yield value

    def find(self, resource_id: str) -> Json:
        """The resource of the record whose id ends so, after the patient's."""
        return next(each for each in self.resources() if each["id"] == f"{self.patient_id}-{resource_id}")

    def ask(self, client: FlaskClient, server: str = "", prefetch: Json | None = None, **context: str) -> Answer:
        """The answer to the request with this prefetch (none unless it is given), where `server` may be asked."""
        request = {**self.request, "context": {**self.context, **context}, "prefetch": prefetch or {}}
        if server:
            request["fhirServer"] = server
        answer = client.post(f"/cds-services/myositis-{self.hook}", json=request)
        return Answer(status=answer.status_code, body=json.loads(answer.data))

    def without(self, *keys: str) -> Json:
        """The prefetch with these keys left out."""
        return {key: value for key, value in self.prefetch.items() if key not in keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The status and the body of an answer."""

    status: int
    body: Json

    @property
    def told(self) -> list[Json]:
        """What the cards say, without what is new in each answer: the shape of `expected.json`."""
        assert self.status == 200, self.body
        return told(self.body)

    @property
    def issue(self) -> tuple[int, str, str, list[str]]:
        """Status, code, diagnostics and expressions of an answer that is an OperationOutcome with one issue."""
        (issue,) = self.body["issue"]
        return self.status, issue["code"], issue["diagnostics"], issue.get("expression", [])


@cache
def scene(name: str) -> Scene:
    """The synthetic patient of that name, today, as the servers hold it for this run."""
    return _renamed(name, RUN)


def newcomer(name: str) -> Scene:
    """The same patient under ids that nobody has seen yet, to be stored by the test itself."""
    return _renamed(name, uuid.uuid4().hex[:12])


def _renamed(name: str, suffix: str) -> Scene:
    """Every id of a record begins with its patient's, which gets the suffix."""
    fixture = load_fixture(name, TODAY)
    renamed = f"{fixture.patient_id}-{suffix}"
    request = fixture.request.decode().replace(fixture.patient_id, renamed)
    expected = fixture.expected.decode().replace(fixture.patient_id, renamed)
    return Scene(request=json.loads(request), expected=json.loads(expected)["cards"])


def told(response: Json) -> list[Json]:
    """What the cards of a response say, in the shape of `expected.json`."""
    return [_told(card) for card in response["cards"]]


def searchset(*resources: Json) -> Json:
    """A Bundle with these resources, whole."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [{"resource": each, "search": {"mode": "match"}} for each in resources],
    }


def copies(original: Json, number: int, **changed: Any) -> list[Json]:
    """So many copies of a resource, each with an id of its own."""
    return [{**copy.deepcopy(original), "id": f"{original['id']}-{count}", **changed} for count in range(1, number + 1)]


def _told(card: Json) -> Json:
    findings = card["extension"]["org.cds-service.findings"]
    shown = {name: card[name] for name in _DISPLAYED}
    shown["findings"] = [{name: each[name] for name in _NOTED if name in each} for each in findings]
    if "suggestions" in card:
        shown["suggestions"] = [suggestion["label"] for suggestion in card["suggestions"]]
    return shown
