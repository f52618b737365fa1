"""Messages nobody could use, for whoever runs this VORI: look at them, and replay them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import get, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from vori.api import Cursor, Limit, Page, PathId, SignedIn, cursor_of, place_of
from vori.data.engine import DB
from vori.errors import Conflict, NotFound
from vori.people.access import require_operator
from vori.streams.relay import Road

MOST_AT_ONCE = 1000

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Letter(Struct, frozen=True, kw_only=True, rename="camel"):
    """A dead letter. `partition` and `offset` say where in Kafka it lies, if it came from there."""

    letter_id: int
    topic: str
    key: str
    consumer: str
    reason: str
    partition: int | None
    offset: int | None
    created_at: datetime
    replayed_at: datetime | None


class LetterDetail(Letter, frozen=True, kw_only=True, rename="camel"):
    """With the message itself; bytes that are no text are in base64, as `encoding` says."""

    payload: str
    encoding: str


class Replay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which of those not replayed yet: all, or those of a topic or a consumer."""

    topic: Name | None = None
    consumer: Name | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] = MOST_AT_ONCE


class Replayed(Struct, frozen=True, kw_only=True, rename="camel"):
    """`asked`: their consumer is in another process, which was asked to replay them."""

    replayed: int = 0
    asked: int = 0
    failed: int = 0


def dead_letter_routes(road: Road) -> list[Any]:
    @get(
        "/api/admin/dead-letters", tags=["admin"], summary="Messages nobody could use, newest first"
    )
    async def list_letters(
        principal: SignedIn,
        limit: Limit = 50,
        cursor: Cursor = None,
        topic: Annotated[str | None, QueryParameter(max_length=200)] = None,
        consumer: Annotated[str | None, QueryParameter(max_length=200)] = None,
        waiting: Annotated[
            bool, QueryParameter(description="Only those not replayed yet.")
        ] = False,
    ) -> Page[Letter]:
        require_operator(principal)
        rows = await DB.fetch(
            f"SELECT {_COLUMNS} FROM dead_letters WHERE id < $1"  # noqa: S608 - columns of ours
            " AND ($2::text IS NULL OR topic = $2) AND ($3::text IS NULL OR consumer = $3)"
            " AND (NOT $4 OR replayed_at IS NULL) ORDER BY id DESC LIMIT $5",
            *(place_of(cursor)[1], topic, consumer, waiting, limit + 1),
        )
        page = tuple(Letter(**row) for row in rows[:limit])
        if len(rows) <= limit:
            return Page(items=page)
        return Page(items=page, next_cursor=cursor_of(page[-1].created_at, page[-1].letter_id))

    @get("/api/admin/dead-letters/{letter_id:int}", tags=["admin"], summary="One, with its message")
    async def get_letter(principal: SignedIn, letter_id: PathId) -> LetterDetail:
        require_operator(principal)
        return await _letter(letter_id)

    @post(
        "/api/admin/dead-letters/{letter_id:int}/replay",
        status_code=200,
        tags=["admin"],
        summary="Give one to its consumer again",
    )
    async def replay_letter(principal: SignedIn, letter_id: PathId) -> Replayed:
        require_operator(principal)
        try:
            is_done = await road.replay(letter_id)
        except (NotFound, Conflict):
            raise
        except Exception as exc:
            raise Conflict(
                f"It failed again: {type(exc).__name__}: {exc}",
                code="replay_failed",
                letterId=letter_id,
            ) from exc
        return Replayed(replayed=int(is_done), asked=int(not is_done))

    @post(
        "/api/admin/dead-letters/replay",
        status_code=200,
        tags=["admin"],
        summary="Give all that wait to their consumers again, oldest first",
    )
    async def replay_letters(principal: SignedIn, data: JSONBody[Replay]) -> Replayed:
        require_operator(principal)
        rows = await DB.fetch(
            "SELECT id FROM dead_letters WHERE replayed_at IS NULL"
            " AND ($1::text IS NULL OR topic = $1) AND ($2::text IS NULL OR consumer = $2)"
            " ORDER BY id LIMIT $3",
            *(data.topic, data.consumer, data.limit),
        )
        replayed = asked = failed = 0
        for row in rows:
            try:
                is_done = await road.replay(row["id"])
            except Exception:
                failed += 1  # it stays, and its reason is brought up to date
            else:
                replayed += is_done
                asked += not is_done
        return Replayed(replayed=replayed, asked=asked, failed=failed)

    return [list_letters, get_letter, replay_letter, replay_letters]


async def _letter(letter_id: int) -> LetterDetail:
    rows = await DB.fetch(
        f"SELECT {_COLUMNS}, payload, encoding FROM dead_letters WHERE id = $1",  # noqa: S608
        letter_id,
    )
    if not rows:
        raise NotFound(f"There is no dead letter {letter_id}.", letterId=letter_id)
    return LetterDetail(**rows[0])


_COLUMNS = (
    'id AS letter_id, topic, key, consumer, reason, "partition", "offset", created_at, replayed_at'
)
