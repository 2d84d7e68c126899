"""What an operator can count: calls by service and status, their seconds, findings by rule and severity. No ids.

With several workers the numbers of all of them are added up, if `PROMETHEUS_MULTIPROC_DIR` names a folder before this
module is first imported (`server.serve` sees to that).
"""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MutexValue, ValueClass

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The instruments of one service, and their page for Prometheus."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "cds_requests", "Calls of a service by HTTP status.", ("service", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "cds_request_seconds",
            "Seconds from the head of a call to its answer.",
            ("service",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._refused = Counter(
            "cds_refused_tokens",
            "Calls whose caller was not verified, by reason.",
            ("reason",),
            registry=self._registry,
        )
        self._findings = Counter(
            "cds_findings", "Findings shown on cards.", ("rule", "severity"), registry=self._registry
        )

    def count_call(self, service: str, status: int, seconds: float) -> None:
        """One answered call."""
        self._calls.labels(service, str(status)).inc()
        self._seconds.labels(service).observe(seconds)

    def count_finding(self, rule: str, severity: str) -> None:
        """One finding that went out on a card."""
        self._findings.labels(rule, severity).inc()

    def count_refused(self, reason: str) -> None:
        """One call that did not show who makes it."""
        self._refused.labels(reason).inc()

    def page(self) -> bytes:
        """Everything counted so far, in the text format of Prometheus, over all workers."""
        if ValueClass is MutexValue:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
