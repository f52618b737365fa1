"""Write the topics of docs/events.md from the Structs they carry: `python -m tools.event_docs`.

The table and an example of every topic stand between two marks; the rest is written by hand. A
test keeps both the same.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from vori.streams.topics import RECEIVED, TOPICS, Topic

DOCUMENT = Path(__file__).parents[1] / "docs" / "events.md"
BEGIN, END = "<!-- topics: begin -->", "<!-- topics: end -->"
KEYS = {
    "_meeting": "`meetingId`",
    "_group": "`groupId`",
    "_meeting_or_ticket": "`meetingId`, else `ticketId`",
}
OTHER_KEYS = {"vori.dead-letter": "the message's key", "voriAudioStream": "`randomkey`"}
SAID = {
    "text": "배포는 금요일까지 제가 할게요.",
    "quote": "배포는 금요일까지 제가 할게요.",
    "title": "배포하기",
    "language": "ko",
    "timeZone": "Asia/Seoul",
    "markdown": "# 주간 회의\n…",
    "audioId": "mic-1",
    "ticketId": "T-7",
    "name": "김민지",
    "engine": "local",
    "period": "7d",
    "topic": "ticket.created",
    "key": "12",
    "consumer": "reports",
    "payload": "{}",
    "encoding": "utf-8",
    "randomkey": "kitchen",
    "audiodata": "GkXfo59ChoEBQveBAULygQRC84EIQoKE",
}
NUMBERS = {"meetingId": 12, "groupId": 1, "startMs": 4200, "endMs": 6900, "meetingStartMs": 64_200}
UUID_TEXT = "01982b7e-5c00-7000-8000-000000000001"


def example(topic: Topic) -> str:
    """A message of the topic as JSON, indented: every field once, with a value it may have."""
    value = _value(inspect.type_info(topic.struct), "")
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _value(kind: Any, name: str) -> Any:
    if isinstance(kind, inspect.StructType):
        value = {field.encode_name: _value(field.type, field.encode_name) for field in kind.fields}
        if kind.tag_field is not None:
            return {kind.tag_field: kind.tag, **value}
        return value
    if isinstance(kind, inspect.UnionType):
        return _value(next(t for t in kind.types if not isinstance(t, inspect.NoneType)), name)
    if isinstance(kind, inspect.EnumType):
        first: enum.Enum = next(iter(kind.cls))
        return first.value
    if isinstance(kind, inspect.LiteralType):
        return kind.values[0]
    if isinstance(kind, inspect.VarTupleType | inspect.ListType | inspect.SetType):
        return [_value(kind.item_type, name.removesuffix("s"))]
    if isinstance(kind, inspect.FrozenSetType):
        return [_value(kind.item_type, name)]
    if isinstance(kind, inspect.TupleType):
        return [_value(item, name) for item in kind.item_types]
    if isinstance(kind, inspect.DictType):
        return {"meetings": _value(kind.value_type, name)}
    return _plain(kind, name)


def _plain(kind: Any, name: str) -> Any:
    if isinstance(kind, inspect.IntType):
        return NUMBERS.get(name, kind.ge or 1)
    if isinstance(kind, inspect.FloatType):
        return 0.5
    if isinstance(kind, inspect.BoolType):
        return False
    if isinstance(kind, inspect.StrType):
        return SAID.get(name, "…")
    if isinstance(kind, inspect.UUIDType):
        return UUID_TEXT
    if isinstance(kind, inspect.DateTimeType):
        return "2026-03-16T03:00:00Z"
    if isinstance(kind, inspect.DateType):
        return "2026-03-20"
    if isinstance(kind, inspect.AnyType):
        return "…"
    raise TypeError(f"{name}: no example for {kind}")


def row(topic: Topic) -> str:
    fields = " ".join(
        f"`{field.encode_name}`" if field.required else f"*`{field.encode_name}`*"
        for field in msgspec.structs.fields(topic.struct)
    )
    key = KEYS.get(getattr(topic.key, "__name__", ""), OTHER_KEYS.get(topic.name))
    return f"| `{topic.name}` | {key} | {topic.doc} | {fields} |"


def topics() -> str:
    """What stands between the marks."""
    every = (*TOPICS, *RECEIVED)
    table = ["| topic | key | when | fields |", "|---|---|---|---|", *map(row, every)]
    examples = [
        "\n".join(
            (
                f"<details><summary><code>{topic.name}</code>: {topic.struct.__name__}</summary>",
                "",
                "```json",
                example(topic),
                "```",
                "",
                "</details>",
            )
        )
        for topic in every
    ]
    return "\n".join([BEGIN, *table, "", "One of each:", "", *examples, END])


def document(text: str) -> str:
    """The document, its topics written anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + topics() + after


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
