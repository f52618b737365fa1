from __future__ import annotations

import re

import msgspec
import pytest

from tools.event_docs import DOCUMENT, document, example
from vori.streams.codec import decode
from vori.streams.topics import RECEIVED, TOPICS

EVERY = pytest.mark.parametrize("topic", [*TOPICS, *RECEIVED], ids=lambda topic: topic.name)


@EVERY
def test_every_topic_is_documented_with_all_its_fields(topic):
    rows = [row for row in DOCUMENT.read_text().splitlines() if row.startswith(f"| `{topic.name}`")]
    assert len(rows) == 1
    _, _, _, when, told, _ = rows[0].split("|")
    assert when.strip() == topic.doc
    fields = msgspec.structs.fields(topic.struct)
    assert re.findall(r"`(\w+)`", told) == [field.encode_name for field in fields]
    assert re.findall(r"\*`(\w+)`\*", told) == [
        field.encode_name for field in fields if not field.required
    ]


@EVERY
def test_every_topic_has_an_example_that_can_be_read_and_keyed(topic):
    event = decode(topic, example(topic))
    assert isinstance(event, topic.struct)
    assert topic.key(event)
    assert f"```json\n{example(topic)}\n```" in DOCUMENT.read_text()


def test_the_document_is_what_the_code_says():
    text = DOCUMENT.read_text()
    assert document(text) == text, "run python -m tools.event_docs"
