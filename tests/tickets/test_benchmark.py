"""The project's own measure of ticket engines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.tickets import Gold, Report, compare, long_meeting, score

pytest.importorskip("kiwipiepy")

CASE = {
    "meetingId": 1,
    "startedAt": "2026-03-18T10:00:00+00:00",
    "language": "en",
    "members": [{"userId": 1, "name": "Nora Quist"}],
    "existingTickets": [{"ticketId": "T-1", "title": "Paint the fence", "status": "IN_PROGRESS"}],
    "segments": [
        {"seq": 0, "speaker": 1, "text": "The fence is painted and finished."},
        {"seq": 1, "speaker": 1, "text": "I'll mow the lawn by Friday."},
    ],
    "gold": {
        "newTickets": [
            {"title": "Mow the lawn", "assigneeId": 1, "due": "2026-03-20", "evidence": [1]}
        ],
        "ticketUpdates": [{"ticketId": "T-1", "newStatus": "DONE"}],
    },
}


def test_a_folder_of_cases_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.json").write_text(json.dumps(CASE))
    assert score(tmp_path, []) == 0
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("all")
    assert "tickets_f1=1 updates_f1=1" in line


def test_wrong_answers_lower_the_score() -> None:
    gold = Gold(
        traps=[],
        new_tickets=[],
        ticket_updates=[],
    )
    report = Report()
    said = {
        "newTickets": [{"title": "x", "content": "", "status": "TODO", "assigneeId": None, "due": None, "evidence": [3]}],
        "ticketUpdates": [{"ticketId": "T-1", "newStatus": "DONE"}],
        "blockers": [],
    }  # fmt: skip
    compare(said, gold, report)
    assert (report.tickets.f1(), report.updates.f1(), report.blockers.f1()) == (0.0, 0.0, 1.0)


def test_a_case_that_cannot_be_read_counts_as_failed(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(CASE))
    assert score(tmp_path, ["false"]) == 1


def test_the_long_meeting_is_the_same_each_time() -> None:
    assert long_meeting(60) == long_meeting(60)
    assert len(long_meeting(60).segments) == 60
