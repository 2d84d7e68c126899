"""The roof: everything is loaded once and put together here; what is wrong with it stops the start."""

from __future__ import annotations

import atexit
import datetime as dt
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

import structlog
from flask import Flask

from .access.address import Servers
from .access.client import Client, ServersOfClients
from .access.fhir import FhirReader
from .access.store import BadAddress, Shown, Store, StoreError, Tally, default_address
from .advice import Adviser
from .clinical.dialect import GENERIC
from .clinical.findings import Finding, Hook
from .feedback import Registrar
from .hooks.card_id import CardId
from .hooks.discovery import services, write_discovery
from .knowledge import loader
from .mapping.reads import prefetch_templates
from .mapping.terminology import Terminology
from .metrics import Metrics
from .profiles import dialect_named, never_offered
from .settings import Settings, bad_ca_file, bad_database, no_driver, read_settings
from .trust import NOBODY_ASKED, create_verifier, known_clients, reachable
from .web import PUBLIC_SANDBOX, Origins, create_web

Shows: TypeAlias = Callable[[CardId], None]
"""What is told of each card."""

_log = structlog.get_logger("cds_service.app")


def create_app(settings: Settings | None = None, *, feedback: bool = True) -> Flask:
    """The service as a WSGI application, by default with the settings of the environment.

    Bad settings, bad knowledge and unreadable files of the site are errors that name the place. A feedback store that
    cannot be used is none: the service says so in its readiness and advises all the same. Without `feedback` nothing is
    kept at all, as befits a trial on one's own machine.
    """
    settings = settings or read_settings(os.environ)
    _log_as_json(settings.log_level)
    metrics = Metrics()
    clients = known_clients(settings)
    verifier = create_verifier(settings, clients)
    offered = services(prefetch_templates)
    store = create_store(settings) if feedback else None
    adviser = create_adviser(
        settings,
        clients,
        told=lambda finding: metrics.count_finding(finding.rule, finding.severity),
        shown=_not_counted if store is None else _counted(store, {each.hook: each.id for each in offered}),
    )
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
            **({"dialect": adviser.dialect.name} if adviser.dialect != GENERIC else {}),
            **never_offered((adviser.dialect, *(client.dialect for client in clients))),
        },
        verifier=verifier,
        open_discovery=settings.open_discovery,
        registrar=None if store is None else _create_registrar(settings, store),
        explain=None if settings.production or clients else adviser.explain,
    )


def create_store(settings: Settings) -> Store:
    """The feedback store, its tables brought up to date if it can be used."""
    store = open_store(settings)
    try:
        store.prepare()
    except StoreError as error:
        _log.error("feedback cannot be kept", store=store.address, problem=error.problem)
    return store


def open_store(settings: Settings) -> Store:
    """The feedback store as it is; nothing is opened yet.

    Raises SettingsError for what is no address, and for PostgreSQL's where its driver was not installed.
    """
    try:
        return Store(settings.database_url or default_address(os.environ))
    except BadAddress:
        raise bad_database() from None
    except ModuleNotFoundError:
        raise no_driver() from None


def _create_registrar(settings: Settings, store: Store) -> Registrar:
    return Registrar(
        store=store,
        card_key=settings.card_key.encode(),
        now=lambda: dt.datetime.now(dt.UTC),
        keep_comments=settings.feedback_comments,
    )


def _counted(store: Store, service_of: Mapping[Hook, str]) -> Shows:
    """Counts cards in memory; what is left when a process ends is written then."""
    tally = Tally(store.add_shown)
    atexit.register(tally.flush)

    def count(card: CardId) -> None:
        tally.add(
            Shown(
                day=card.day,
                rule=card.number,
                severity=card.severity,
                hook=card.hook,
                service=service_of[card.hook],
                knowledge=card.version,
            )
        )

    return count


def _not_counted(card: CardId) -> None:
    """Nothing."""


def create_adviser(
    settings: Settings,
    clients: tuple[Client, ...] = (),
    *,
    told: Callable[[Finding], None] = lambda finding: None,
    shown: Shows = _not_counted,
) -> Adviser:
    """The line with everything that it rests on; `told` and `shown` are given what goes out."""
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
        reader=_reader(settings),
        card_key=settings.card_key.encode(),
        today=_today(settings),
        waiting=threading.BoundedSemaphore(_places(settings)),
        told=told,
        shown=shown,
        deadline_s=settings.deadline_s,
        dialect=dialect_named(settings.dialect),
    )


def _places(settings: Settings) -> int:
    """How many requests of a worker may wait for FHIR servers at once: the others find half of the threads free."""
    return max(1, settings.threads // 2)


def _reader(settings: Settings) -> FhirReader:
    """The reader of FHIR servers; no single server gets more than three quarters of the places."""
    try:
        return FhirReader(
            places=max(1, _places(settings) * 3 // 4),
            max_pages=settings.page_cap,
            ca_file=settings.fhir_ca_file,
            networks=reachable(settings),
        )
    except OSError:
        raise bad_ca_file() from None


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
        logger_factory=lambda *_: _Unfailing(sys.stderr),
    )


class _Unfailing(structlog.WriteLogger):
    """Writes a line, or not at all: a log on a full disk fails no request."""

    def msg(self, message: str) -> None:
        """One line."""
        with suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg
