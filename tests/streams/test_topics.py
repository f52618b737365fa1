from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from vori.streams.topics import TOPICS

DOCUMENT = Path(__file__).parents[2] / "docs" / "events.md"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
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
