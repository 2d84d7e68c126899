"""What is done around the server: putting the service together, looking for a free port, saying when it answers."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from ..settings import Settings, SettingsError
from .faults import CannotStart

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SHOWN = "methotrexate-without-folic-acid"
SHOWN_SERVICE = "myositis-order-sign"
PATIENCE_S = 30.0
CALM_S = 0.5
"""Seconds after the first answer in which the server's other workers start and say so."""


def create(settings: Settings) -> WSGIApplication:
    """The service. Raises CannotStart."""
    from ..app import create_app

    with starting():
        return create_app(settings)


@contextmanager
def starting() -> Iterator[None]:
    """Turns what stops the start of the service, which names file and place, into CannotStart."""
    from ..knowledge.faults import BadKnowledge
    from ..mapping.terminology.site import SiteMappingError

    try:
        yield
    except (BadKnowledge, SiteMappingError, SettingsError, OSError) as error:
        raise CannotStart(f"the service cannot start: {error}") from None


def is_free(host: str, port: int) -> bool:
    """Whether a server may listen there. An address that is none counts as free: the server will say what is wrong."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except socket.gaierror:
        return True
    except OSError:
        return False
    return True


def call_to_try(address: str, as_of: str = "") -> str:
    """A line for a shell that asks the service there for a card; it works from any folder, today and in a year."""
    day = f" --as-of {as_of}" if as_of else ""
    return (
        f"{this_command()} call --fixture {SHOWN}{day} --print-request |\n"
        f"  curl -s -H 'Content-Type: application/json' --data-binary @- {address}/cds-services/{SHOWN_SERVICE}"
    )


def address(host: str, port: int) -> str:
    """The address to type on this machine for a server that listens on `host`."""
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{named}]:{port}" if ":" in named else f"http://{named}:{port}"


def this_command() -> str:
    """How this command line was started, so that it can be started again from another folder."""
    script = Path(sys.argv[0]).absolute()
    if script.name.startswith("cds-service") and os.access(script, os.X_OK):
        return quote(str(script))
    return f"{quote(sys.executable)} -m cds_service.cli"


def announce(host: str, port: int, text: str) -> None:
    """Prints `text` once the service answers at that address, however long the start takes up to 30 s.

    A child process waits for it, since the server takes this one over. Call it before any thread is started.
    """
    if port == 0:
        return
    parent = os.getpid()
    sys.stdout.flush()
    if os.fork():
        return
    try:
        deadline = time.monotonic() + PATIENCE_S
        while os.getppid() == parent and time.monotonic() < deadline:
            if _answers(host, port):
                time.sleep(CALM_S)
                sys.stdout.write(text)
                sys.stdout.flush()
                break
            time.sleep(0.1)
    finally:
        os._exit(0)


def _answers(host: str, port: int) -> bool:
    known = address(host, port).removeprefix("http://")
    connection = http.client.HTTPConnection(known, timeout=1)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
