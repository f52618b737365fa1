"""What the routes of every feature share: ids in paths, pages of a list, text that is checked."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import litestar
from litestar.exceptions import SerializationException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, RequestBody
from litestar.params import PathParameter, QueryParameter, SkipValidation
from msgspec import Meta, Struct

from vori.clock import Clock
from vori.errors import BadMessage
from vori.ids import BIGINT_MAX
from vori.people.messages import Principal

T = TypeVar("T")

SignedIn = SkipValidation[Principal]
"""Whoever sent the request; given by `web.build`."""
Now = SkipValidation[Clock]
"""VORI's clock; given by `web.build`."""

PathId = Annotated[int, PathParameter(ge=1, le=BIGINT_MAX)]
BodyId = Annotated[int, Meta(ge=1, le=BIGINT_MAX)]
Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[
    str | None,
    QueryParameter(max_length=100, description="`nextCursor` of the page before this one."),
]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$", max_length=16)]
"""A language tag such as `ko` or `en`."""
TimeZone = Annotated[str, Meta(min_length=1, max_length=64, examples=["Asia/Seoul"])]


FILE: Mapping[str, Any] = {"type": "string", "format": "binary"}
"""JSON schema of a file: a whole body, or a part of a form."""


def reads(bodies: Mapping[str, Any], *, answers: Mapping[str, Any] | None = None) -> Any:
    """`operation_class` of a route that reads its body by itself: what the document says of it.

    `bodies`: JSON schemas by media type; `answers`: those of the answer, where there are several.
    """

    @dataclass
    class Reading(Operation):
        def __post_init__(self) -> None:
            self.request_body = RequestBody(content=_content(bodies), required=True)
            for status, response in (self.responses or {}).items():
                if answers and status.startswith("2") and isinstance(response, OpenAPIResponse):
                    response.content = _content(answers)

    return Reading


def _content(schemas: Mapping[str, Any]) -> dict[str, OpenAPIMediaType]:
    return {kind: OpenAPIMediaType(schema=schema) for kind, schema in schemas.items()}


class Page(Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """Part of a list, newest first. Without `nextCursor` it was the last part."""

    items: tuple[T, ...]
    next_cursor: str | None = None


NEWEST = (datetime(9999, 1, 1, tzinfo=UTC), BIGINT_MAX)


def cursor_of(created_at: datetime, number: int) -> str:
    """The place behind the row made at `created_at` with id `number`, as text for the client."""
    text = f"{created_at.isoformat()} {number}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> tuple[datetime, int]:
    """What `cursor_of` was given; rows of the next page are older. Raises BadMessage."""
    if not cursor:
        return NEWEST
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        moment, _, digits = text.partition(" ")
        created_at, number = datetime.fromisoformat(moment), int(digits)
        if created_at.tzinfo is None or not 1 <= number <= BIGINT_MAX:
            raise ValueError(text)
    except (binascii.Error, ValueError, OverflowError) as exc:
        raise BadMessage("`cursor` is not one that a list gave.", code="bad_cursor") from exc
    return created_at, number


def check_time_zone(name: str) -> str:
    """`name`, if it is a zone of the IANA database; raises BadMessage."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise BadMessage(
            f"There is no time zone {name!r}; write for example Asia/Seoul.", code="bad_time_zone"
        ) from exc
    return name


def check_text(value: Any) -> None:
    """Raise BadMessage when any text in decoded JSON holds what cannot be stored.

    PostgreSQL refuses NUL, and UTF-8 has no lone surrogates.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "\0" in one or any("\ud800" <= c <= "\udfff" for c in one):
                raise _bad_text()
        elif isinstance(one, dict):
            waiting += one.keys()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
"""Part of a surrogate pair: escaped, or in bytes that UTF-8 does not allow."""


class Request(litestar.Request[Any, Any, Any]):
    """A request whose JSON can be read and holds only text that can be stored."""

    async def json(self) -> Any:
        try:
            value = await super().json()
        except RecursionError as exc:
            raise BadMessage("The JSON is nested too deep.", code="too_deep") from exc
        except (SerializationException, UnicodeDecodeError) as exc:
            if _SURROGATE.search(await self.body()):
                raise _bad_text() from exc
            raise BadMessage(f"The body is not JSON: {exc}.", code="bad_json") from exc
        check_text(value)
        return value


def _bad_text() -> BadMessage:
    return BadMessage(
        "Text holds a NUL or half of a surrogate pair; leave them out.", code="bad_text"
    )
