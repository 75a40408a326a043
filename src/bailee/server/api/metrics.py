"""Counters for Prometheus, by operation; no label comes from a caller."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})
_STEPS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "bailee_requests", "Requests answered.", ("operation", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "bailee_request_seconds", "Time to the end of an answer.", ("operation",), buckets=_STEPS,
            registry=self.registry,
        )  # fmt: skip
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        """Looking them up by labels takes longer than counting; there are as many as operations times statuses."""
        self.streams = Gauge("bailee_streams", "Streams open.", registry=self.registry)
        self.checks_waiting = Gauge("bailee_checks_waiting", "Checks of papers not begun.", registry=self.registry)
        self.checks = Counter("bailee_checks", "Checks of papers ended.", ("state",), registry=self.registry)

    def request(self, operation: str, method: str, status: int, seconds: float) -> None:
        named = (operation, method if method in _METHODS else "other", status)
        found = self._known.get(named)
        if found is None:
            found = self._requests.labels(*map(str, named)), self._seconds.labels(operation)
            self._known[named] = found
        found[0].inc()
        found[1].observe(seconds)

    def listen(self, host: str, port: int) -> None:
        """At a door of their own, in a thread that ends with the process."""
        start_http_server(port, host, self.registry)
