"""Who is let in: the verifier of callers, put together from the settings and the clients' file."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from .access.client import Client
from .access.keys import MAX_WAITING, Keys, PinnedKeys, PublishedKeys, fetcher
from .access.networks import PRIVATE, Networks
from .access.replay import ReplayStore, StoreFailure
from .access.tokens import Verifier
from .access.transport import Transport
from .clients import read_clients
from .settings import Settings, SettingsError, bad_ca_file

NOBODY_ASKED = "NOT VERIFIED: nobody is asked who calls, an Authorization header is ignored; for development alone"

_log = structlog.get_logger("cds_service.trust")


def known_clients(settings: Settings) -> tuple[Client, ...]:
    """Those that may call; none where nobody is asked, which production refuses. Raises SettingsError."""
    if settings.clients_file:
        return read_clients(Path(settings.clients_file), production=settings.production)
    if settings.production:
        raise SettingsError("CDS_CLIENTS_FILE: the production profile needs it")
    return ()


def create_verifier(settings: Settings, clients: tuple[Client, ...]) -> Verifier | None:
    """What tells which of these clients calls; None where there are none, which is said in the log.

    Key sets are fetched once here; one that cannot be had now is fetched when its client calls. Raises SettingsError
    where used tokens cannot be remembered.
    """
    if not clients:
        _log.warning(NOBODY_ASKED, profile=settings.profile, host=settings.host)
        return None
    if settings.fhir_servers:
        _log.warning("CDS_FHIR_SERVERS is not used: each client has its own servers in the clients' file")
    try:
        transport = Transport(accept="application/json", ca_file=settings.fhir_ca_file, networks=reachable(settings))
    except OSError:
        raise bad_ca_file() from None
    places = threading.BoundedSemaphore(_places(settings))
    keys: Mapping[str, Keys] = {client.id: _keys_of(client, transport, places) for client in clients}
    published = [each for each in keys.values() if isinstance(each, PublishedKeys)]
    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(PublishedKeys.warm, published))
    transport.close()  # A connection must not be shared with the workers that are forked from here.
    return Verifier(clients, keys, _replay_store(settings), public_url=settings.public_url.rstrip("/"))


def reachable(settings: Settings) -> Networks:
    """The networks that names of FHIR servers and of key servers may lead to, beside the public ones."""
    return Networks(settings.fhir_networks if settings.production else (*settings.fhir_networks, *PRIVATE))


def _places(settings: Settings) -> int:
    """How many calls of a worker may wait for key sets at once, whosever they are: anybody can make up a `kid`."""
    return max(1, min(MAX_WAITING, settings.threads // 4))


def _keys_of(client: Client, transport: Transport, places: threading.Semaphore) -> Keys:
    if not client.jwks_url:
        return PinnedKeys(client.keys)

    def tell(reason: str) -> None:
        _log.warning("keys not renewed", client=client.id, reason=reason)

    return PublishedKeys(client.jwks_url, fetcher(transport), told=tell, places=places)


def _replay_store(settings: Settings) -> ReplayStore:
    try:
        return ReplayStore(Path(settings.replay_file) if settings.replay_file else _own_file())
    except (OSError, StoreFailure) as fault:
        name = str(fault) if isinstance(fault, StoreFailure) else type(fault).__name__
        raise SettingsError(f"CDS_REPLAY_FILE: cannot be used ({name})") from None


def _own_file() -> Path:
    """The file of whoever runs the service: in `$XDG_DATA_HOME/cds-service`, else in ~/.local/share."""
    home = os.environ.get("XDG_DATA_HOME", "")
    folder = (Path(home) if os.path.isabs(home) else Path.home() / ".local" / "share") / "cds-service"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / "used-tokens.db"
