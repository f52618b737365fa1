"""The project's own measure of ticket engines."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from benchmarks.tickets import Gold, Report, compare, long_meeting, score
from vori.tickets.case import answer, read_case
from vori.tickets.extract.local import read

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


CASES = Path(__file__).parents[2] / "benchmarks" / "cases"
REACH = {"tickets_f1": 0.9, "updates_f1": 0.85, "blockers_f1": 0.75}
SHARES = {"status": 0.9, "assignee": 0.9, "due": 0.85}


def test_the_local_engine_reads_the_meetings_in_the_box_well_in_both_languages() -> None:
    """Forty and more written meetings of many trades; what is lost here is lost everywhere."""
    pools: dict[str, Report] = {}
    for path in sorted(CASES.glob("*.json")):
        whole = json.loads(path.read_bytes())
        gold = msgspec.convert(whole.pop("gold"), Gold)
        found = answer(read(read_case(json.dumps(whole).encode())))
        report = pools.setdefault(whole["language"], Report())
        compare(found, gold, report)
    assert {"en", "ko", "mixed"} <= pools.keys()
    for language, report in pools.items():
        figures = report.lines()
        low = {k: figures[k] for k, least in (REACH | SHARES).items() if figures[k] < least}
        assert low == {}, language
        assert report.traps <= 4, language
