"""The service itself, made anew with the settings that a test needs."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.settings import Settings

from .scenes import TODAY

# No test here is about time: a server that starts cold, on a busy machine, may take long for its first answers.
PATIENT_S = 50.0


def service(**settings: Any) -> FlaskClient:
    """A client of a service in development, today, with other settings where they are given."""
    told = {"as_of": TODAY, "deadline_s": PATIENT_S, "log_level": "error", **settings}
    return create_app(Settings(**told)).test_client()
