"""Structs to the JSON that topics carry, and back."""

from __future__ import annotations

from functools import cache

import msgspec
from msgspec import Struct

from vori.errors import BadMessage
from vori.streams.topics import Topic

_encoder = msgspec.json.Encoder()


def encode(event: Struct) -> str:
    """The event as JSON text.

    Raises BadMessage(code="bad_text") when it holds what JSON or PostgreSQL cannot carry: NUL,
    or half of a surrogate pair.
    """
    try:
        text = _encoder.encode(event).decode()
    except UnicodeEncodeError as exc:
        raise BadMessage("an event's text holds a lone surrogate", code="bad_text") from exc
    if "\\u0000" in text and _holds_nul(msgspec.to_builtins(event)):
        raise BadMessage("an event's text holds a NUL character", code="bad_text")
    return text


def decode(topic: Topic, payload: str | bytes) -> Struct:
    """The payload as the topic's Struct; unknown fields are ignored, so senders can add some.

    Raises BadMessage that names the field which is missing or wrong, never its value.
    """
    try:
        event: Struct = _decoder(topic.struct).decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise BadMessage(f"not a message of {topic.name}: {exc}") from exc
    return event


@cache
def _decoder(struct: type[Struct]) -> msgspec.json.Decoder[Struct]:
    return msgspec.json.Decoder(struct)


def _holds_nul(value: object) -> bool:
    """Whether any text inside holds NUL; its escape in JSON may also be six typed characters."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(part) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return any(_holds_nul(part) for part in value)
    return False
