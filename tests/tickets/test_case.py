"""Case files in, answers out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vori.errors import BadMessage
from vori.tickets.case import answer, main, read_case
from vori.tickets.extract.local import read

CASE: dict[str, Any] = {
    "id": "x",
    "meetingId": 4,
    "kind": "stand-up",
    "language": "en",
    "startedAt": "2026-03-18T10:00:00+00:00",
    "members": [{"userId": 1, "name": "Nora Quist"}],
    "existingTickets": [
        {"ticketId": "T-9", "title": "Paint the fence", "content": "", "status": "IN_PROGRESS", "assigneeId": 1}
    ],
    "segments": [
        {"seq": 1, "startMs": 900, "endMs": 1800, "speaker": 1, "text": "I'll mow the lawn by Friday."},
        {"seq": 0, "startMs": 0, "endMs": 800, "speaker": 1, "text": "The fence is painted and finished."},
    ],
    "gold": {"anything": True},
}  # fmt: skip


def raw(**changes: Any) -> bytes:
    return json.dumps({**CASE, **changes}).encode()


def test_a_case_becomes_a_passage_in_order() -> None:
    passage = read_case(raw())
    assert [s.seq for s in passage.segments] == [0, 1]
    assert passage.existing_tickets[0].assignee_id == 1
    assert passage.started_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (raw(segments=[{"seq": "one", "text": "x"}]), "segments[0].seq"),
        (raw(segments=[{"seq": 1}]), "text"),
        (raw(members=[{"userId": 1}]), "members[0]"),
        (raw(startedAt="yesterday"), "startedAt"),
        (raw(startedAt="2026-03-18T10:00:00"), "startedAt"),
        (raw(language="fr"), "language"),
        (raw(existingTickets=[{"ticketId": "T", "title": "x", "status": "OPEN"}]), "existingTickets[0].status"),
        (raw(segments=[{"seq": 1, "text": "a"}, {"seq": 1, "text": "b"}]), "segments[].seq"),
        (raw(meetingId=2**70), "meetingId"),
        (b"{not json", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b'{"meetingId":' * 10_000, "meetingId"),
        (b"[" * 10_000, "object"),
    ],
)  # fmt: skip
def test_a_broken_case_names_the_field(broken: bytes, field: str) -> None:
    with pytest.raises(BadMessage) as caught:
        read_case(broken)
    assert field in caught.value.message
    assert caught.value.code == "bad_case"


def test_the_answer_is_plain_json() -> None:
    said = json.loads(json.dumps(answer(read(read_case(raw())))))
    assert [t["due"] for t in said["newTickets"]] == ["2026-03-20"]
    assert said["newTickets"][0]["assigneeId"] == 1
    assert said["ticketUpdates"][0]["ticketId"] == "T-9"
    assert said["ticketUpdates"][0]["newStatus"] == "DONE"


def test_the_command_prints_one_object(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_bytes(raw())
    done = subprocess.run(
        [sys.executable, "-m", "vori.tickets.case", str(path)], capture_output=True, check=True
    )
    assert set(json.loads(done.stdout)) == {"newTickets", "ticketUpdates", "blockers"}


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "case.json"
    path.write_bytes(raw(language="fr"))
    assert main([str(path)]) == 1
    assert "language" in capsys.readouterr().err
    assert main([str(tmp_path / "missing.json")]) == 1
    assert main([]) == 2
