"""The roof: everything is loaded once and put together here; what is wrong with it stops the start."""

from __future__ import annotations

import datetime as dt
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from flask import Flask

from .access.address import Servers
from .access.fhir import FhirReader
from .advice import Adviser
from .clinical.dialect import GENERIC
from .clinical.findings import Finding
from .hooks.discovery import services, write_discovery
from .knowledge import loader
from .mapping.reads import prefetch_templates
from .mapping.terminology import Terminology
from .metrics import Metrics
from .profiles import dialect_named, never_offered
from .settings import Settings, read_settings
from .web import PUBLIC_SANDBOX, Origins, create_web


def create_app(settings: Settings | None = None) -> Flask:
    """The service as a WSGI application, by default with the settings of the environment.

    Bad settings, bad knowledge and unreadable files of the site are errors that name the place.
    """
    settings = settings or read_settings(os.environ)
    _log_as_json(settings.log_level)
    metrics = Metrics()
    adviser = create_adviser(settings, told=lambda finding: metrics.count_finding(finding.rule, finding.severity))
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
            "knowledge": adviser.knowledge.version,
            **({"dialect": adviser.dialect.name} if adviser.dialect != GENERIC else {}),
            **never_offered((adviser.dialect,)),
        },
    )


def create_adviser(settings: Settings, *, told: Callable[[Finding], None] = lambda finding: None) -> Adviser:
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
        servers=Servers(settings.fhir_servers, loopback=not settings.production),
        reader=FhirReader(max_pages=settings.page_cap),
        card_key=settings.card_key.encode(),
        today=_today(settings),
        waiting=threading.BoundedSemaphore(max(1, settings.threads // 2)),
        told=told,
        deadline_s=settings.deadline_s,
        dialect=dialect_named(settings.dialect),
    )


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
