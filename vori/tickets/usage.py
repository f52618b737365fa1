"""What a hosted engine's readings cost, and a month's budget after which the local one reads.

Months are calendar months in UTC. Money is in the currency of the prices in the settings;
VORI knows none by itself, and without them a cost is unknown (None).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vori import log
from vori.clock import Clock
from vori.data.engine import DB
from vori.errors import NotFound
from vori.ids import GroupId, MeetingId, uuid7
from vori.settings import Claude
from vori.tickets.extract import Extractor
from vori.tickets.extract.remarks import told_in
from vori.tickets.messages import Extraction, Passage, Rejected, Usage

_log = log.get(__name__)

PRICED_TOKENS = 1_000_000
"""Prices are for so many tokens."""
COST_DIGITS = 9
"""After the point, when costs are told: sums of binary fractions have a tail."""


class Reading(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a meeting was read last, and what all its readings cost.

    `rejected`: parts of the engine's answer that could not be used. Without a reading yet,
    `engine` is empty.
    """

    meeting_id: MeetingId
    engine: str
    model: str
    notes: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    usage: Usage
    cost: float | None


class Spending(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a group's meetings cost in the month that began at `since`."""

    group_id: GroupId
    since: datetime
    usage: Usage
    tokens: int
    cost: float | None
    budget_tokens: int | None
    budget_cost: float | None
    is_spent: bool


def cost_of(usage: Usage, prices: Claude) -> float | None:
    """The money that tokens cost; None when the price of any of them is not set."""
    counted = (
        (usage.input_tokens, prices.input_price),
        (usage.output_tokens, prices.output_price),
        (usage.cache_read_tokens, prices.cache_read_price),
        (usage.cache_write_tokens, prices.cache_write_price),
    )
    total = 0.0
    for tokens, price in counted:
        if tokens and price is None:
            return None
        total += tokens * (price or 0.0)
    return total / PRICED_TOKENS


class Ledger:
    """Counts what readings cost, and says when a group's budget is spent."""

    def __init__(self, clock: Clock, prices: Claude) -> None:
        self._clock = clock
        self._prices = prices

    async def enter(self, meeting_id: MeetingId, extraction: Extraction) -> None:
        """Count the tokens of one reading; without any, or without the meeting, nothing."""
        usage = extraction.usage
        if usage is None or usage == Usage():
            return
        await DB.fetch(
            "INSERT INTO token_usage (id, group_id, meeting_id, engine, model, input_tokens,"
            " output_tokens, cache_read_tokens, cache_write_tokens, cost, at)"
            " SELECT $2, group_id, id, $3, $4, $5, $6, $7, $8, $9, $10 FROM meetings WHERE id = $1",
            meeting_id,
            uuid7(),
            extraction.engine,
            extraction.model,
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            cost_of(usage, self._prices),
            self._clock.now(),
        )

    async def why_not(self, passage: Passage) -> str:
        """Why the hosted engine may not read this passage, for people; "" when it may.

        A budget in money that cannot be counted lets nothing through.
        """
        rows = await DB.fetch(
            "SELECT m.group_id, g.budget_tokens, g.budget_cost FROM meetings m"
            " JOIN groups g ON g.id = m.group_id WHERE m.id = $1",
            passage.meeting_id,
        )
        if not rows or (rows[0]["budget_tokens"] is None and rows[0]["budget_cost"] is None):
            return ""
        text = _WHY_NOT[told_in(passage)]
        if rows[0]["budget_cost"] is not None and None in (
            self._prices.input_price,
            self._prices.output_price,
        ):
            return text["no_prices"]
        month = await spending(GroupId(rows[0]["group_id"]), at=self._clock.now())
        return text["spent"] if month.is_spent else ""


_WHY_NOT = {
    "en": {
        "spent": "The group's budget for this month is spent; the local engine read this meeting.",
        "no_prices": (
            "The group has a budget in money, but the prices of tokens are not set; the local"
            " engine read this meeting."
        ),
    },
    "ko": {
        "spent": "이번 달 예산을 다 써서 로컬 엔진이 이 회의를 읽었습니다.",
        "no_prices": (
            "금액 예산이 있지만 토큰 가격이 설정되어 있지 않아 로컬 엔진이 이 회의를 읽었습니다."
        ),
    },
}


class WithinBudget:
    """An Extractor: `hosted`, its tokens counted, and `local` once the group's budget is spent.

    A reading that has begun is finished, so a month may end a reading above its budget.
    """

    def __init__(self, hosted: Extractor, local: Extractor, ledger: Ledger) -> None:
        self.name = hosted.name
        self._hosted = hosted
        self._local = local
        self._ledger = ledger

    @classmethod
    def unless_local(cls, full: Extractor, local: Extractor, ledger: Ledger) -> Extractor:
        """`full` within budgets; the local engine by itself costs nothing."""
        return full if full is local else cls(full, local, ledger)

    async def extract(self, passage: Passage) -> Extraction:
        why_not = await self._ledger.why_not(passage)
        if why_not:
            _log.info("budget spent", meeting_id=passage.meeting_id)
            extraction = await self._local.extract(passage)
            return replace(extraction, notes=(why_not, *extraction.notes))
        extraction = await self._hosted.extract(passage)
        await self._ledger.enter(passage.meeting_id, extraction)
        return extraction


async def remember(meeting_id: MeetingId, extraction: Extraction, *, at: datetime) -> None:
    """Keep what people should know about the meeting's last reading."""
    await DB.fetch(
        "INSERT INTO readings (meeting_id, engine, model, notes, rejected, at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (meeting_id) DO UPDATE SET"
        " engine = $2, model = $3, notes = $4, rejected = $5, at = $6"
        " WHERE (readings.engine, readings.model, readings.notes, readings.rejected)"
        " IS DISTINCT FROM ($2, $3, $4::jsonb, $5::jsonb) OR $2 <> 'local'",
        meeting_id,
        extraction.engine,
        extraction.model,
        extraction.notes,
        extraction.rejected,
        at,
    )


async def reading(meeting_id: MeetingId) -> Reading:
    """Raises NotFound when there is no such meeting."""
    rows = await DB.fetch(
        "SELECT m.id AS meeting_id, coalesce(r.engine, '') AS engine,"
        " coalesce(r.model, '') AS model, coalesce(r.notes, '[]') AS notes,"
        " coalesce(r.rejected, '[]') AS rejected"
        " FROM meetings m LEFT JOIN readings r ON r.meeting_id = m.id WHERE m.id = $1",
        meeting_id,
    )
    if not rows:
        raise NotFound(f"There is no meeting {meeting_id}.", meetingId=meeting_id)
    [row] = rows
    [sums] = await DB.fetch(f"SELECT {_SUMS} FROM token_usage WHERE meeting_id = $1", meeting_id)  # noqa: S608
    return Reading(
        meeting_id=meeting_id,
        engine=row["engine"],
        model=row["model"],
        notes=tuple(row["notes"]),
        rejected=tuple(Rejected(**one) for one in row["rejected"]),
        usage=_usage(sums),
        cost=_cost(sums),
    )


async def spending(group_id: GroupId, *, at: datetime) -> Spending:
    """What the group has spent in the month of `at`."""
    since = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    [group] = await DB.fetch(
        "SELECT budget_tokens, budget_cost FROM groups WHERE id = $1", group_id
    )
    [sums] = await DB.fetch(
        f"SELECT {_SUMS} FROM token_usage WHERE group_id = $1 AND at >= $2",  # noqa: S608
        group_id,
        since,
    )
    usage = _usage(sums)
    tokens = (
        usage.input_tokens
        + usage.output_tokens
        + usage.cache_read_tokens
        + usage.cache_write_tokens
    )
    spent_tokens = group["budget_tokens"] is not None and tokens >= group["budget_tokens"]
    spent_cost = group["budget_cost"] is not None and sums["known_cost"] >= group["budget_cost"]
    return Spending(
        group_id=group_id,
        since=since,
        usage=usage,
        tokens=tokens,
        cost=_cost(sums),
        budget_tokens=group["budget_tokens"],
        budget_cost=group["budget_cost"],
        is_spent=spent_tokens or spent_cost,
    )


_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_SUMS = (
    ", ".join(f"coalesce(sum({name}), 0)::bigint AS {name}" for name in _COUNTS)
    + ", coalesce(sum(cost), 0) AS known_cost, count(*) AS readings, count(cost) AS priced"
)


def _usage(sums: Any) -> Usage:
    return Usage(**{name: sums[name] for name in _COUNTS})


def _cost(sums: Any) -> float | None:
    """None when any of the readings has no price, or there are none at all."""
    if not sums["readings"] or sums["priced"] < sums["readings"]:
        return None
    return round(float(sums["known_cost"]), COST_DIGITS)
