"""The floor: what any Python service pays to take a request and answer; beside it the service is measured.

The same server with the same settings, one Flask route, the body decoded without types, a constant answer.
"""

from __future__ import annotations

import os

import msgspec
from flask import Flask, Response, request

from cds_service.server import serve
from cds_service.settings import Settings, read_settings

_ANSWER = b'{"cards":[]}'
_READY = b'{"status":"ready"}'


def create_floor(settings: Settings) -> Flask:
    """The bare application. It takes the same addresses as the service."""
    app = Flask("floor", static_folder=None)

    @app.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        msgspec.json.decode(request.get_data())
        return Response(_ANSWER, content_type="application/json")

    @app.get("/health/ready")
    def ready() -> Response:
        return Response(_READY, content_type="application/json")

    return app


if __name__ == "__main__":
    serve(read_settings(os.environ), create_floor)
