"""The roof: everything is loaded once and put together here; what is wrong with it stops the start."""

from __future__ import annotations

import atexit
import datetime as dt
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from flask import Flask

from .access.address import Servers
from .access.client import Client, ServersOfClients
from .access.fhir import FhirReader
from .access.keys import Keys, PinnedKeys, PublishedKeys, fetcher
from .access.replay import ReplayStore, StoreFailure
from .access.tokens import Verifier
from .access.transport import Transport
from .advice import Adviser
from .clients import read_clients
from .clinical.findings import Finding
from .hooks.discovery import services, write_discovery
from .knowledge import loader
from .mapping.reads import prefetch_templates
from .mapping.terminology import Terminology
from .metrics import Metrics
from .settings import Settings, SettingsError, read_settings
from .web import PUBLIC_SANDBOX, Origins, create_web

NOBODY_ASKED = "NOT VERIFIED: nobody is asked who calls, an Authorization header is ignored; for development alone"

_log = structlog.get_logger("cds_service.app")


def create_app(settings: Settings | None = None) -> Flask:
    """The service as a WSGI application, by default with the settings of the environment.

    Bad settings, bad knowledge and unreadable files of the site are errors that name the place.
    """
    settings = settings or read_settings(os.environ)
    _log_as_json(settings.log_level)
    metrics = Metrics()
    clients = _clients(settings)
    adviser = create_adviser(
        settings, clients, told=lambda finding: metrics.count_finding(finding.rule, finding.severity)
    )
    verifier = create_verifier(settings, clients) if clients else None
    if verifier is None:
        _log.warning(NOBODY_ASKED, profile=settings.profile)
    elif settings.fhir_servers:
        _log.warning("CDS_FHIR_SERVERS is not used: each client has its own servers in the clients' file")
    offered = services(prefetch_templates)
    return create_web(
        adviser,
        offered,
        write_discovery(offered),
        metrics=metrics,
        origins=_origins(settings),
        body_limit=settings.body_limit,
        about={
            "profile": settings.profile,
            "callers": NOBODY_ASKED if verifier is None else "verified",
            "knowledge": adviser.knowledge.version,
        },
        verifier=verifier,
    )


def create_adviser(
    settings: Settings, clients: tuple[Client, ...] = (), *, told: Callable[[Finding], None] = lambda finding: None
) -> Adviser:
    """The line with everything that it rests on; `told` is given each finding that goes out."""
    terminology = Terminology.load(Path(settings.mapping_file) if settings.mapping_file else None)
    return Adviser(
        knowledge=loader.load(
            terminology.name_of,
            terminology.ingredients,
            terminology.procedures,
            site=Path(settings.site_file) if settings.site_file else None,
        ),
        terminology=terminology,
        servers=ServersOfClients(Servers(settings.fhir_servers, loopback=not settings.production), clients),
        reader=FhirReader(max_pages=settings.page_cap),
        card_key=settings.card_key.encode(),
        today=_today(settings),
        waiting=threading.BoundedSemaphore(max(1, settings.threads // 2)),
        told=told,
        deadline_s=settings.deadline_s,
    )


def create_verifier(settings: Settings, clients: tuple[Client, ...]) -> Verifier:
    """What tells which of these clients calls.

    Key sets are fetched once here; one that cannot be had now is fetched when its client calls. Raises SettingsError
    where used tokens cannot be remembered.
    """
    transport = Transport(accept="application/json")
    keys: Mapping[str, Keys] = {client.id: _keys_of(client, transport) for client in clients}
    published = [each for each in keys.values() if isinstance(each, PublishedKeys)]
    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(PublishedKeys.warm, published))
    transport.close()  # A connection must not be shared with the workers that are forked from here.
    return Verifier(clients, keys, _replay_store(settings), public_url=settings.public_url.rstrip("/"))


def _clients(settings: Settings) -> tuple[Client, ...]:
    if not settings.clients_file:
        if settings.production:
            raise SettingsError("CDS_CLIENTS_FILE: the production profile needs it")
        return ()
    return read_clients(Path(settings.clients_file), production=settings.production)


def _keys_of(client: Client, transport: Transport) -> Keys:
    if not client.jwks_url:
        return PinnedKeys(client.keys)

    def tell(reason: str) -> None:
        _log.warning("keys not renewed", client=client.id, reason=reason)

    return PublishedKeys(client.jwks_url, fetcher(transport), told=tell)


def _replay_store(settings: Settings) -> ReplayStore:
    if settings.production and not settings.replay_file:
        _log.warning("used tokens are forgotten when the service ends: CDS_REPLAY_FILE can name a file for them")
    try:
        return ReplayStore(Path(settings.replay_file) if settings.replay_file else _passing_file())
    except StoreFailure as fault:
        raise SettingsError(f"CDS_REPLAY_FILE: cannot be used ({fault})") from None


def _passing_file() -> Path:
    """A file for this service and its workers, in a folder that nobody else may enter and that goes with the service."""
    folder = tempfile.mkdtemp(prefix="cds-replay-")
    maker = os.getpid()

    def remove() -> None:
        if os.getpid() == maker:  # Workers leave by this way too.
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return Path(folder) / "used.sqlite3"


def _origins(settings: Settings) -> Origins:
    """In development pages on this machine and the public sandbox may call; in production only those named."""
    named = frozenset(settings.cors_origins)
    return Origins(named) if settings.production else Origins(named | {PUBLIC_SANDBOX}, loopback=True)


def _today(settings: Settings) -> Callable[[], dt.date]:
    """The day at the site, asked anew for each request."""
    if settings.as_of is not None:
        fixed = settings.as_of
        return lambda: fixed
    zone = ZoneInfo(settings.timezone) if settings.timezone else None
    return lambda: dt.datetime.now(zone).date()


def _log_as_json(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
