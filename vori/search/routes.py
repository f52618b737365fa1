"""Search over HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromQuery, QueryParameter

from vori.api import Cursor, Limit, Page, SignedIn, place_of
from vori.errors import BadMessage
from vori.ids import BIGINT_MAX, GroupId
from vori.people.access import require_member
from vori.search import store
from vori.search.messages import Found
from vori.search.text import words_of


class Kind(StrEnum):
    CAPTIONS = "captions"
    TICKETS = "tickets"


@get("/api/search", tags=["search"], summary="Sentences and tickets that hold all the words")
async def search(
    principal: SignedIn,
    q: Annotated[
        str,
        QueryParameter(
            min_length=1,
            max_length=200,
            description="Korean words are found anywhere, others from their beginning on.",
        ),
    ],
    group_id: Annotated[int | None, QueryParameter(name="groupId", ge=1, le=BIGINT_MAX)] = None,
    kind: FromQuery[Kind | None] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Found:
    if group_id is not None:
        require_member(principal, GroupId(group_id))
    if cursor is not None and kind is None:
        raise BadMessage("Say with `kind` which list `cursor` is of.", code="no_kind")
    groups = list(principal.roles) if group_id is None else [GroupId(group_id)]
    words = words_of(q)
    captions = (
        Page(items=())
        if kind is Kind.TICKETS
        else await store.captions(groups, words, before=_caption_of(cursor), limit=limit)
    )
    tickets = (
        Page(items=())
        if kind is Kind.CAPTIONS
        else await store.tickets(groups, words, before=place_of(cursor), limit=limit)
    )
    return Found(words=words, captions=captions, tickets=tickets)


def _caption_of(cursor: str | None) -> UUID:
    if cursor is None:
        return store.NEWEST_CAPTION
    try:
        return UUID(cursor)
    except ValueError as exc:
        raise BadMessage("`cursor` is not one that a list gave.", code="bad_cursor") from exc
