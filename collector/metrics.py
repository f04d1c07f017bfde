"""The collector's figures for Prometheus, in a registry of their own; the console shows them at /metrics.

Counted by the ingest shell and the fleet's tick, never by anything that decides.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """One object a process; names begin with `branchwatch_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.envelopes = self._counter("envelopes_total", "Envelopes received, by what they carry", "kind")
        self.events = self._counter("events_total", "Events committed", "lane")
        self.duplicates = self._counter("duplicates_total", "Events that came again and were receipted again")
        self.rejections = self._counter("rejections_total", "Envelopes set aside, by reason", "reason")
        self.alarms = self._counter("alarms_total", "Alarms opened, by level", "level")
        self.receipts = self._counter("receipts_total", "Receipts sent, by what they answer", "answers")
        self.commits = Histogram(
            "branchwatch_commit_seconds", "Time of one transaction", buckets=_SECONDS, registry=self.registry
        )
        self.batch = Histogram(
            "branchwatch_commit_envelopes", "Envelopes in one transaction", buckets=_BATCH, registry=self.registry
        )
        self.queue = self._gauge("queue_envelopes", "Envelopes received and not yet committed")
        self.parked = self._gauge("parked_envelopes", "Envelopes that wait for the birth of their signer")
        self.brokers = self._gauge("brokers_connected", "Brokers this collector is subscribed to")
        self.list_faults = self._gauge(
            "revocation_faults", "Issuers of boxes without a list that holds, and lists that somebody else signed"
        )
        self.list_over = self._gauge(
            "revocation_over_seconds", "For how long the oldest revocation list is past its next update, 0 if none is"
        )
        self.backup_age = self._gauge("backup_age_seconds", "Age of the last good backup; NaN if there is none")
        self.collectors = self._gauge(
            "collectors", "Collectors of this database that are there; NaN if it cannot be asked"
        )
        self.silent = self._gauge("boxes_silent", "Boxes that are silent")
        self.notices = self._counter("notices_total", "Tries to send a notice, by outcome", "channel", "outcome")
        self.notices_waiting = self._gauge("notices_waiting", "Notices that wait to leave")
        self.notice_seconds = Histogram(
            "branchwatch_notice_seconds",
            "From a notice's commit until its channel took it",
            buckets=_SECONDS,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """The exposition format of Prometheus."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"branchwatch_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"branchwatch_{name}", text, registry=self.registry)
