"""Loads the synthetic patients into a FHIR server: one transaction each, every resource put under its own id."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests

from .ehr import Answer, checked_address, refusal
from .faults import CallFailed
from .fixtures import Fixture

ATTEMPTS = 5
PAUSE_S = 0.5
TIMEOUT_S = (5.0, 60.0)


class FhirServer:
    """A FHIR server that takes transactions. `sleep` waits between the attempts."""

    def __init__(self, address: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.base = checked_address(address)
        self._sleep = sleep
        self._session = requests.Session()

    def store(self, fixture: Fixture) -> None:
        """Stores a patient's record. Doing it again changes nothing but the dates, if time has passed.

        A conflict with other writers (409) is tried again, five times in all. Raises CallFailed with one line that
        names the patient.
        """
        body = fixture.transaction()
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._post(body)
            if answer.status in (200, 201):
                return
            if answer.status != 409:
                break
            if attempt < ATTEMPTS:
                self._sleep(PAUSE_S * attempt)
        raise CallFailed(f"{self.base} refused {fixture.name}: {refusal(answer)}")

    def _post(self, body: bytes) -> Answer:
        headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
        try:
            response = self._session.post(
                self.base, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException as error:
            raise CallFailed(f"{self.base} cannot be reached ({type(error).__name__})") from None
        return Answer(response.status_code, response.content)
