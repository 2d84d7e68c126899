"""GETs of JSON that end by a deadline, whatever the server does, and never bring more than was bargained for.

No Python HTTP client has a total time-out: each receive starts the clock anew, and a server that drips one byte at a
time holds its caller for ever. Here the sockets themselves count down to one instant, through TLS handshake, headers
and body, so that a thread that reads always comes back and its connection is closed.
"""

from __future__ import annotations

import logging
import math
import random
import re
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import requests
import urllib3
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from .networks import Networks

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TOO_LATE = "the FHIR server did not answer in time"

_CHUNK = 65536
_TOKEN = re.compile(r"[!-~]*")
_WORTH_A_RETRY = frozenset({500, 502, 503, 504})
_HEADERS = {
    "Accept-Encoding": "gzip",
    # Servers serve an earlier result of the same search for a minute: an allergy entered just now would be missing.
    "Cache-Control": "no-cache",
    "User-Agent": "cds-service",
}
# It writes the addresses that it reads into its log, and they name the patient.
logging.getLogger("urllib3").propagate = False


class Unanswered(Exception):
    """A GET that brought nothing to use. `status` is the HTTP status, 0 where there was none.

    The text names neither address nor token; `pause` is after how many seconds another try is worth it, None if never.
    `ill` says that the server itself seems to be (unreachable, silent, failing, overrun); `rest_s` for how many
    seconds it asked to be left alone, 0 where it did not.
    """

    def __init__(
        self, reason: str, *, status: int = 0, pause: float | None = None, ill: bool = False, rest_s: float = 0.0
    ) -> None:
        """`reason` is a sentence without a full stop."""
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.pause = pause
        self.ill = ill
        self.rest_s = rest_s


class Allowance:
    """How many decoded bytes may still be read, shared by the threads that read for one request."""

    def __init__(self, size: int) -> None:
        """`size` is in bytes."""
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Raises Unanswered where fewer bytes are left than are to be taken."""
        with self._lock:
            self._left -= size
            if self._left < 0:
                raise Unanswered("the FHIR server sent more than is read for one request")


class Transport:
    """The connections to FHIR servers: no redirects, cookies, proxies or .netrc; safe to share between threads."""

    def __init__(
        self,
        *,
        connections: int = 64,
        ca_file: str = "",
        networks: Networks | None = None,
        accept: str = "application/fhir+json",
    ) -> None:
        """Keeps up to so many idle connections to each server. `ca_file` names further authorities to trust (PEM).

        `networks` are those that names may lead to; without them only public ones. `accept` is the media type that is
        asked for.
        """
        self._adapter = _Adapter(connections, ca_file, networks or Networks())
        self._headers = {**_HEADERS, "Accept": accept}

    def get(self, url: str, token: str, *, deadline: float, allowance: Allowance) -> bytes:
        """The body of a 200, decompressed.

        Everything ends by the deadline, an instant of `time.monotonic()`. A server error (500, 502, 503, 504), a
        connection that broke, and a 429 that names its time are tried once more if that fits; 401 and 403 never are.
        Raises Unanswered, and NotAllowedServer where the server's name leads to a network that is not listed: then
        nothing was sent.
        """
        try:
            return self._get(url, token, deadline, allowance)
        except Unanswered as fault:
            if fault.pause is None or time.monotonic() + fault.pause >= deadline:
                raise
            time.sleep(fault.pause)
        return self._get(url, token, deadline, allowance)

    def close(self) -> None:
        """Closes the idle connections."""
        self._adapter.close()

    def _get(self, url: str, token: str, deadline: float, allowance: Allowance) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unanswered(TOO_LATE)
        if not _TOKEN.fullmatch(token):
            raise Unanswered("the access token has characters that no header can carry")
        # The exceptions of requests carry the request with its token: none of them leaves this function.
        try:
            headers = {**self._headers, "Authorization": f"Bearer {token}"} if token else self._headers
            request = requests.Request("GET", url, headers=headers).prepare()
            timeout = urllib3.Timeout(total=left)
            # requests takes urllib3's own time-out, which alone counts connecting and reading together.
            response = self._adapter.send(request, stream=True, timeout=timeout)  # type: ignore[arg-type]
            with response:
                _check_head(response)
                return _read_body(response, allowance)
        except requests.exceptions.SSLError:
            raise Unanswered("no trusted TLS connection to the FHIR server", ill=True) from None
        except requests.RequestException as fault:
            raise _unanswered(fault) from None


def _check_head(response: requests.Response) -> None:
    status = response.status_code
    if status != 200:
        what = "a redirect, which is not followed" if status in range(300, 400) else f"status {status}"
        raise Unanswered(
            f"the FHIR server answered with {what}",
            status=status,
            pause=_pause(response),
            ill=status >= 500 or status == 429,
            rest_s=(_named_wait(response) or 0.0) if status in (429, 503) else 0.0,
        )
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", "gzip"):
        raise Unanswered("the FHIR server sent a compression that was not asked for")


def _pause(response: requests.Response) -> float | None:
    seconds = _named_wait(response)
    if response.status_code == 429:
        return seconds
    if response.status_code in _WORTH_A_RETRY:
        return _jitter() if seconds is None else seconds
    return None


def _named_wait(response: requests.Response) -> float | None:
    """The seconds of a Retry-After; a date in it is not read, for the clocks need not agree."""
    named = response.headers.get("Retry-After", "")
    return float(named) if named.isascii() and named.isdigit() else None


def _jitter() -> float:
    return random.uniform(0.05, 0.15)


def _read_body(response: requests.Response, allowance: Allowance) -> bytes:
    chunks: list[bytes] = []
    for chunk in response.iter_content(_CHUNK):
        allowance.take(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


def _unanswered(fault: requests.RequestException) -> Unanswered:
    cause = fault.args[0] if fault.args else None
    if isinstance(fault, requests.Timeout) or isinstance(cause, ReadTimeoutError):
        return Unanswered(TOO_LATE, ill=True)
    if isinstance(cause, ProtocolError):
        return Unanswered("the FHIR server broke the connection", pause=_jitter(), ill=True)
    if isinstance(fault, requests.ConnectionError):
        return Unanswered("the FHIR server could not be reached", ill=True)
    return Unanswered("the FHIR server sent what could not be read")


class _Countdown(socket.socket):
    """A socket whose time-out bounds all that is received until it is set anew, not each single receive.

    Sending is left as it is: our requests are small, and the standard library bounds a whole `sendall`.
    """

    _end = math.inf

    def settimeout(self, value: float | None) -> None:
        self._end = math.inf if value is None else time.monotonic() + value
        super().settimeout(value)

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        if self._end < math.inf:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            super().settimeout(left)
        return super().recv_into(buffer, nbytes or 0, flags)


class _TlsCountdown(_Countdown, ssl.SSLSocket):
    """The same under TLS."""


def _connect(connection: HTTPConnection, networks: Networks) -> socket.socket:
    """A connected socket that counts down from here on: name, address and handshake have one time-out together.

    It leads to an address that was looked at; the name stays what the certificate is held against.
    """
    timeout = connection.timeout
    end = time.monotonic() + timeout if isinstance(timeout, int | float) else math.inf
    try:
        endpoints = networks.resolve(connection.host, connection.port)
    except (socket.gaierror, UnicodeError) as fault:
        unknown = fault if isinstance(fault, socket.gaierror) else socket.gaierror("not a name")
        raise NameResolutionError(connection.host, connection, unknown) from None
    for endpoint in endpoints:
        left = end - time.monotonic()
        if left <= 0:
            break
        connecting = _Countdown(endpoint.family, socket.SOCK_STREAM)
        try:
            for option in connection.socket_options or ():
                connecting.setsockopt(*option)
            connecting.settimeout(None if left == math.inf else left)
            connecting.connect(endpoint.address)
        except TimeoutError:
            connecting.close()
            break
        except OSError:
            connecting.close()
            continue
        if end < math.inf:
            connecting.settimeout(max(end - time.monotonic(), 0.001))
        return connecting
    else:
        raise NewConnectionError(connection, "no address could be connected to")
    raise ConnectTimeoutError(connection, "no address could be connected to in time")


def _pools(listed: Networks) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """The pools by scheme, of connections that may lead to these networks."""

    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, listed)

    class TlsConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, listed)

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": Pool, "https": TlsPool}


class _Adapter(HTTPAdapter):
    """The adapter of requests on sockets that count down, with one TLS context made once."""

    def __init__(self, connections: int, ca_file: str, networks: Networks) -> None:
        self._networks = networks
        self._context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
        if ca_file:
            self._context.load_verify_locations(ca_file)
        self._context.sslsocket_class = _TlsCountdown
        super().__init__(pool_connections=16, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: object) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = _pools(self._networks)

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Nothing to set: the context verifies, and would otherwise load the authorities anew with each connection."""
