"""The real HAPI FHIR servers, filled once, and services that read them; without a server every test here is skipped."""

from __future__ import annotations

import os

import pytest
from flask.testing import FlaskClient

from cds_service.access.transport import Allowance, Transport
from cds_service.cli.fixtures import fixture_names

from .hapi import Hapi, Json
from .scenes import scene
from .services import service


def _given(variable: str) -> Hapi:
    base = os.environ.get(variable, "")
    if base:
        return Hapi(base)
    reason = f"because no HAPI FHIR server was given ({variable})"
    if os.environ.get("CDS_REQUIRE_REAL_PARTS"):
        pytest.fail(f"failed, {reason}")
    pytest.skip(f"skipped, {reason}")


def _filled(variable: str) -> Hapi:
    server = _given(variable)
    for name in fixture_names():
        server.store(scene(name).resources())
    return server


@pytest.fixture(scope="session")
def hapi() -> Hapi:
    """A server with HAPI's own page size, which holds the synthetic patients."""
    return _filled("CDS_TEST_HAPI")


@pytest.fixture(scope="session")
def small_pages() -> Hapi:
    """A server that sends five entries on a page, seven if asked for more, and holds the synthetic patients."""
    return _filled("CDS_TEST_HAPI_SMALL_PAGES")


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """A client of a service in development, which may read every server on this machine."""
    return service()


@pytest.fixture(scope="session")
def templates(client: FlaskClient) -> dict[str, Json]:
    """The prefetch templates by hook, as discovery shows them."""
    services = client.get("/cds-services").get_json()["services"]
    return {service["hook"]: service["prefetch"] for service in services}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the service of this process asks FHIR servers for, address by address."""
    addresses: list[str] = []
    get = Transport.get

    def noting(transport: Transport, url: str, token: str, *, deadline: float, allowance: Allowance) -> bytes:
        addresses.append(url)
        return get(transport, url, token, deadline=deadline, allowance=allowance)

    monkeypatch.setattr(Transport, "get", noting)
    return addresses
