"""`GET /metrics`: how VORI is doing, in Prometheus' text format.

Numbers only, under names and labels that the code knows: no names of people, groups or meetings,
and no words. What workers say of their health comes from memory; what is counted in the database
is counted at most every `KEEP_S`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.datastructures import State
from msgspec import Struct
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from vori.data.engine import DB
from vori.errors import VoriError
from vori.people.access import require_operator
from vori.people.auth import principal_of
from vori.worker import Health
from vori.worker import State as WorkerState

KEEP_S = 15.0
ENGINES = ("local", "claude", "claude+local", "local+claude")
KINDS = ("created", "updated", "dismissed", "undone")
TOKENS = ("input", "output", "cache_read", "cache_write")

_COUNTS = """
SELECT (SELECT count(*) FROM captions) AS captions,
       (SELECT count(*) FROM recordings WHERE status = 'OPEN') AS recordings_open,
       (SELECT count(*) FROM tickets WHERE dismissed_at IS NULL AND status <> 'DONE') AS open_tickets,
       (SELECT count(*) FROM proposals WHERE state = 'OPEN') AS open_proposals,
       (SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL) AS dead_letters
"""
_MEETINGS = "SELECT status, count(*) AS n FROM meetings GROUP BY status"
_CHANGES = """
SELECT coalesce(receipt ->> 'engine', '') AS engine, kind, count(*) AS n
FROM ticket_history GROUP BY 1, 2
"""
_SPENT = """
SELECT coalesce(sum(cost), 0) AS cost, count(DISTINCT meeting_id) AS meetings,
       coalesce(sum(input_tokens), 0)::bigint AS input,
       coalesce(sum(output_tokens), 0)::bigint AS output,
       coalesce(sum(cache_read_tokens), 0)::bigint AS cache_read,
       coalesce(sum(cache_write_tokens), 0)::bigint AS cache_write
FROM token_usage
"""


class Counted(Struct, frozen=True, kw_only=True):
    """What the database holds; `at_s` is the loop's time."""

    at_s: float
    counts: Mapping[str, int]
    meetings: Mapping[str, int]
    changes: Mapping[tuple[str, str], int]
    """Changes of tickets by engine (`human` for people, `other` for engines unknown) and kind."""
    tokens: Mapping[str, int]
    cost: float
    hosted_meetings: int


class Metrics:
    """Keeps what was counted last."""

    def __init__(self) -> None:
        self._counted: Counted | None = None
        self._counting = asyncio.Lock()

    async def text(self, workers: Mapping[str, Health]) -> bytes:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Told(workers, await self._count()))
        registry.register(ProcessCollector(registry=None))  # memory, processor, open files: Linux
        written: bytes = generate_latest(registry)
        return written

    async def _count(self) -> Counted | None:
        """None while the database is away."""
        async with self._counting:
            if self._counted is None or time.monotonic() - self._counted.at_s > KEEP_S:
                try:
                    self._counted = await _counted()
                except VoriError:
                    self._counted = None
            return self._counted


async def _counted() -> Counted:
    [counts] = await DB.fetch(_COUNTS)
    [spent] = await DB.fetch(_SPENT)
    changes: dict[tuple[str, str], int] = {}
    for row in await DB.fetch(_CHANGES):
        engine = (
            row["engine"] if row["engine"] in ENGINES else "other" if row["engine"] else "human"
        )
        kind = row["kind"] if row["kind"] in KINDS else "other"
        changes[engine, kind] = changes.get((engine, kind), 0) + row["n"]
    return Counted(
        at_s=time.monotonic(),
        counts=dict(counts),
        meetings={row["status"]: row["n"] for row in await DB.fetch(_MEETINGS)},
        changes=changes,
        tokens={name: spent[name] for name in TOKENS},
        cost=float(spent["cost"]),
        hosted_meetings=spent["meetings"],
    )


class _Told(Collector):
    """One answer."""

    def __init__(self, workers: Mapping[str, Health], counted: Counted | None) -> None:
        self._workers = workers
        self._counted = counted

    def collect(self) -> Iterable[Metric]:
        states = GaugeMetricFamily(
            "vori_worker_state", "1 for the state a worker is in.", labels=("worker", "state")
        )
        for name, health in self._workers.items():
            for state in WorkerState:
                states.add_metric((name, state.value), float(health.state is state))
        yield states
        for name, health in self._workers.items():
            yield from _figures(f"vori_{_snake(name)}", health.detail)
        yield GaugeMetricFamily("vori_tasks", "Tasks of the event loop.", len(asyncio.all_tasks()))
        yield GaugeMetricFamily(
            "vori_database_connections",
            "Connections to the database that are open.",
            DB.pool.get_size() if DB.pool is not None else 0,
        )
        yield GaugeMetricFamily(
            "vori_database_up", "Whether the database answers.", self._counted is not None
        )
        if self._counted is not None:
            yield from _in_database(self._counted)


def _figures(prefix: str, detail: Mapping[str, Any]) -> Iterable[Metric]:
    """A worker's numbers; those it tells of each of its parts get the label `part`."""
    parts: dict[str, list[tuple[str, float]]] = {}
    for key, value in detail.items():
        if _is_number(value):
            yield GaugeMetricFamily(f"{prefix}_{_snake(key)}", "As in /health.", float(value))
        elif isinstance(value, Mapping):
            for inner, figure in value.items():
                if _is_number(figure):
                    parts.setdefault(inner, []).append((key, float(figure)))
    for inner, figures in parts.items():
        family = GaugeMetricFamily(f"{prefix}_{_snake(inner)}", "As in /health.", labels=("part",))
        for key, figure in figures:
            family.add_metric((_label(key),), figure)
        yield family


def _in_database(counted: Counted) -> Iterable[Metric]:
    yield CounterMetricFamily("vori_captions", "Final captions stored.", counted.counts["captions"])
    for name, doc in (
        ("recordings_open", "Recordings that are open."),
        ("open_tickets", "Tickets that are not done."),
        ("open_proposals", "Proposals that wait for people."),
        ("dead_letters", "Messages that could not be used."),
    ):
        yield GaugeMetricFamily(f"vori_{name}", doc, counted.counts[name])
    meetings = GaugeMetricFamily("vori_meetings", "Meetings by status.", labels=("status",))
    for status in ("SCHEDULED", "LIVE", "ENDED"):
        meetings.add_metric((status,), counted.meetings.get(status, 0))
    yield meetings
    changes = CounterMetricFamily(
        "vori_ticket_changes", "Changes of tickets, by what made them.", labels=("engine", "kind")
    )
    for (engine, kind), n in sorted(counted.changes.items()):
        changes.add_metric((engine, kind), n)
    yield changes
    tokens = CounterMetricFamily(
        "vori_hosted_tokens", "Tokens that hosted engines counted.", labels=("kind",)
    )
    for kind, n in counted.tokens.items():
        tokens.add_metric((kind,), n)
    yield tokens
    yield CounterMetricFamily(
        "vori_hosted_cost", "What they cost, in the currency of the prices.", counted.cost
    )
    yield CounterMetricFamily(
        "vori_hosted_meetings", "Meetings that a hosted engine has read.", counted.hosted_meetings
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)  # True and False count as 1 and 0


def _snake(name: str) -> str:
    name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    return re.sub(r"[^a-z0-9_]", "_", name)


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:60]


@get("/metrics", opt={"open": True}, include_in_schema=False)
async def read_metrics(request: Request[Any, Any, Any], state: State) -> Response[bytes]:
    """For administrators, by their token; where `server.open_metrics` is set, for everybody."""
    if not state["parts"].open_metrics:
        require_operator(await principal_of(request))
    metrics: Metrics = state["metrics"]
    text = await metrics.text({worker.name: worker.health() for worker in state["parts"].workers})
    return Response(text, media_type=MediaType.TEXT, headers={"content-type": CONTENT_TYPE_LATEST})
