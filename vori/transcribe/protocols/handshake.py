"""Before the first sound, where a convention names no meeting: where it goes, how it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from litestar.connection import WebSocket
from litestar.exceptions import WebSocketDisconnect
from msgspec import Struct

from vori.errors import BadMessage
from vori.ids import BIGINT_MAX, GroupId, MeetingId
from vori.meetings.store import free_id
from vori.people.access import meeting_for, require_member
from vori.people.messages import Principal
from vori.transcribe.recordings import Recordings

ANY_LANGUAGE = frozenset({"", "auto", "multi", "und"})
MAX_HOTWORDS = 2_000
"""Characters; a model is given a few dozen tokens of them."""
MEETING_HEADER = "x-vori-meeting-id"


class Place(Struct, frozen=True, kw_only=True):
    meeting_id: MeetingId
    group_id: GroupId


async def choose_place(query: Mapping[str, str], principal: Principal) -> Place:
    """The meeting that `meeting_id` names, else a new one in `group_id` or the first group.

    A new meeting is made when its sound comes. Raises BadMessage, NotFound.
    """
    meeting, group = _id(query, "meeting_id"), _id(query, "group_id")
    if group is not None:
        require_member(principal, GroupId(group))
    elif meeting is not None:
        group = await meeting_for(principal, MeetingId(meeting))
    elif principal.roles:
        group = min(principal.roles)
    else:
        raise BadMessage("You are in no group yet; make one, or be added to one.", code="no_group")
    meeting_id = await free_id() if meeting is None else MeetingId(meeting)
    return Place(meeting_id=meeting_id, group_id=GroupId(group))


def _id(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= BIGINT_MAX):
        raise BadMessage(
            f"{name} must be a whole number from 1 to {BIGINT_MAX}.", code=f"bad_{name}"
        )
    return int(text)


def spoken_language(tag: str | None, recordings: Recordings) -> str | None:
    """The code a model knows for a tag such as `ko-KR`; None lets the model tell.

    Raises BadMessage when the loaded model does not know it.
    """
    code = (tag or "").strip().lower().replace("_", "-").split("-")[0]
    if code in ANY_LANGUAGE:
        return None
    model = recordings.model
    if model is not None and code not in model.languages:
        known = ", ".join(sorted(model.languages))
        raise BadMessage(
            f"The model in use does not know the language {code[:20]!r}; it knows {known}. "
            "Leave the language out to have it told from the sound.",
            code="unknown_language",
        )
    return code


def subprotocol_of(socket: WebSocket[Any, Any, Any], known: tuple[str, ...]) -> str | None:
    """The first known subprotocol that the client offers: browsers want one of theirs back."""
    offered: Any = socket.scope.get("subprotocols") or []
    return next((name for name in known if name in offered), None)


async def refuse(
    socket: WebSocket[Any, Any, Any], status: int, body: bytes, headers: Mapping[str, str]
) -> None:
    """Answer the request to open a socket with an HTTP error instead; harmless when it is gone."""
    with suppress(WebSocketDisconnect, OSError):  # uvicorn's ClientDisconnected is an OSError
        await _refuse(socket, status, body, headers)


async def _refuse(
    socket: WebSocket[Any, Any, Any], status: int, body: bytes, headers: Mapping[str, str]
) -> None:
    if "websocket.http.response" not in (socket.scope.get("extensions") or {}):
        await socket.accept()
        await socket.send_data(body.decode(), mode="text")
        await socket.close(4000 + status)
        return
    encoded = {"content-type": "application/json", **headers}
    start: Any = {
        "type": "websocket.http.response.start",
        "status": status,
        "headers": [
            (name.encode(), value.encode("latin-1", "replace").replace(b"\n", b" "))
            for name, value in encoded.items()
        ],
    }
    end: Any = {"type": "websocket.http.response.body", "body": body, "more_body": False}
    await socket.send(start)
    await socket.send(end)
