"""What the job is told to do, what it tells of it, and the events it reads."""

from __future__ import annotations

from msgspec import Struct

from vori.streams import topics

SOURCES = (
    topics.TRANSCRIPTION_COMPLETED,
    topics.TICKET_CREATED,
    topics.TICKET_UPDATED,
    topics.BLOCKER_NOTED,
)
"""The topics the job reads."""

CURSOR = "analytics"
"""The job's name among the readers of the outbox, which is not emptied before they have read;
also the lock that lets only one job count.
"""


class Plan(Struct, frozen=True, kw_only=True):
    """What to run, and where. `kafka` holds the connector's options; empty: read the outbox."""

    database_url: str
    checkpoint: str
    master: str = "local[*]"
    memory: str = "512m"
    """The driver's heap; with a local master, all there is."""
    trigger_s: float = 2.0
    rows_per_batch: int = 50_000
    kafka: dict[str, str] = {}
    topic_prefix: str = ""
    packages: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    options: dict[str, str] = {}
    """More settings of Spark."""
    ivy: str = ""
    weeks_every_s: float = 600.0
    """0: weeks, insights and words are not counted."""
    words_every_s: float = 20.0
    """Between two looks at the words of meetings that go on; with weeks alone."""
    keep_days: int = 400
    once: bool = False
    """Work off what is there, count the weeks, and end."""


class Report(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One thing the job tells its supervisor."""

    kind: str
    """standby (another job counts), started, batch, weeks, failed"""
    batch: int = 0
    rows: int = 0
    """Messages read."""
    waiting: int = 0
    """Messages in Kafka that were not read yet when the batch began."""
    unreadable: int = 0
    late: int = 0
    """Events that came after their minute was over, and were not counted."""
    batch_ms: int = 0
    lag_ms: int = 0
    """How old the newest event of the batch was when the batch was done."""
    minutes: int = 0
    """Minutes of meetings that may still change."""
    parts: dict[str, int] = {}
    """Of `batch_ms`, what Spark spent on what."""
    message: str = ""
    figures: dict[str, float] = {}
