"""The learned readers: what they drop, what they move, and where they stay silent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tools.ticket_reader import talks, train_worth
from vori.ids import MeetingId, TicketId, UserId
from vori.tickets.extract import local, worth
from vori.tickets.messages import (
    Blocker,
    Draft,
    KnownTicket,
    Member,
    Passage,
    Segment,
    TicketStatus,
)


def passage(lines: list[str], *board: tuple[str, TicketStatus]) -> Passage:
    """Lines as "speaker|text", speakers 1 to 3."""
    pairs = [line.split("|", 1) for line in lines]
    return Passage(
        meeting_id=MeetingId(1),
        started_at=datetime(2026, 3, 18, 10, tzinfo=UTC),
        language="mixed",
        segments=tuple(
            Segment(
                seq=i, start_ms=4000 * i, end_ms=4000 * i + 3500, text=t, speaker=UserId(int(s))
            )
            for i, (s, t) in enumerate(pairs)
        ),
        members=tuple(
            Member(user_id=UserId(i), name=name)
            for i, name in enumerate(("Hannah Weiss", "Ben Okoro", "박서준"), 1)
        ),
        existing_tickets=tuple(
            KnownTicket(ticket_id=TicketId(f"T-{i}"), title=title, content="", status=status)
            for i, (title, status) in enumerate(board)
        ),
    )


TALK = [
    "1|morning everybody um let's keep it quick",
    "2|yeah the canal's high again i nearly drove in",
    "1|i'll swim across next time and hold the laptop in my teeth",
    "2|ha please film that",
    "1|right um ben could you ring the supplier about the broken shelves by friday",
    "2|yep leave that one with me",
    "1|lovely thank you that's everything then",
]


def test_a_joke_that_sounds_like_a_promise_makes_no_ticket_and_the_request_beside_it_does() -> None:
    found = local.read(passage(TALK)).new_tickets
    assert [set(d.evidence) & {4, 5} for d in found] == [{4, 5}]
    assert found[0].assignee_id == 2


MISSED = [
    "1|morning everybody um let's keep it quick",
    "2|yeah the canal's high again i nearly drove in",
    "1|okay so the drivers' union asked for new seat cushions and i told them i'd get prices from three suppliers",
    "2|lovely",
    "1|you know what they're like",
    "2|anyway the weather's meant to turn",
    "1|right that's everything then thank you",
]
STUCK = [
    *MISSED[:2],
    "1|how's the roof coming on",
    "2|the surveyor's meant to sign it and he's on a boat so nothing moves",
    "1|right okay that's a pain",
    "2|it is yeah",
    "1|anyway thank you both",
]


def by_rules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "ENOUGH", 1_000)


def test_a_promise_that_no_rule_reads_makes_a_ticket_that_is_not_called_sure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [draft] = local.read(passage(MISSED)).new_tickets
    assert 2 in draft.evidence
    assert draft.assignee_id == 1
    assert draft.confidence <= local.READ_OUT_CONFIDENCE
    assert "judged by how it was told" in draft.reason
    by_rules_alone(monkeypatch)
    assert local.read(passage(MISSED)).new_tickets == ()


def test_somebody_who_is_stuck_in_words_that_no_rule_reads_is_a_blocker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [blocker] = local.read(passage(STUCK)).blockers
    assert 3 in blocker.evidence
    by_rules_alone(monkeypatch)
    assert local.read(passage(STUCK)).blockers == ()


def test_a_report_is_done_and_what_was_asked_for_beside_it_is_to_do() -> None:
    lines = [
        *TALK[:2],
        "1|ben could you write one page for the new starters by the end of the month",
        "2|sure i'm already in there tomorrow so i'll do it then",
        "1|lovely",
        "1|also i put the new blinds up in the back office yesterday they look great",
        "2|oh nice one",
    ]
    found = {d.evidence[0]: d.status for d in local.read(passage(lines)).new_tickets}
    assert found == {2: TicketStatus.TODO, 5: TicketStatus.DONE}


def test_who_is_called_by_name_and_spoken_to_does_it_where_speakers_are_not_known() -> None:
    lines = [
        "1|and there was the back door the deliveries keep coming in through the shop",
        "2|so do you want a little sign for that with an arrow",
        "1|oh could you yes",
        "2|ben d'you wanna knock one up",
        "1|yeah bit of aluminium i can have that by monday",
        "2|lovely thanks",
        "1|right then that's us",
    ]
    talk = passage(lines)
    unknown = replace(talk, segments=tuple(replace(s, speaker=None) for s in talk.segments))
    assert [d.assignee_id for d in local.read(unknown).new_tickets if 3 in d.evidence] == [2]


def test_a_ticket_holds_the_captions_whole_that_tell_what_it_is_about() -> None:
    lines = [
        *TALK[:2],
        "1|next one the forklift the brake's gone soft again",
        "2|yeah it nearly had me on monday",
        "1|ben could you ring the mechanic by friday",
        "2|sure i'll ring him after lunch",
        "1|lovely that's it then",
    ]
    [draft] = local.read(passage(lines)).new_tickets
    assert "mechanic" in draft.content
    assert "ben could you ring the mechanic by friday" in draft.content


def test_whoever_takes_what_was_asked_of_nobody_does_it() -> None:
    lines = [
        *TALK[:2],
        "1|somebody should write that into the handbook one paragraph is enough",
        "2|give it to me i'll write it tomorrow",
        "1|thank you",
        "2|no problem at all",
        "1|right that's it then",
    ]
    assert {d.assignee_id for d in local.read(passage(lines)).new_tickets} == {2}


@pytest.mark.parametrize("lines", [MISSED, STUCK])
def test_what_only_the_readers_find_is_found_live_too(lines: list[str]) -> None:
    live = local.LiveTalk(passage([]))
    drafts: dict[int, Draft | None] = {}
    blockers: dict[int, Blocker | None] = {}
    for segment in passage(lines).segments:
        live.add(segment)
        works, _, blocks = live.changes()
        drafts |= works
        blockers |= blocks
    whole = local.read(passage(lines))
    found = [(d.title, d.assignee_id) for d in drafts.values() if d is not None]
    assert found == [(d.title, d.assignee_id) for d in whole.new_tickets]
    assert [b for b in blockers.values() if b is not None] == list(whole.blockers)


def test_a_few_captions_are_left_to_the_rules() -> None:
    lines = ["2|I'll ring the supplier about the broken shelves"]
    assert len(lines) < worth.ENOUGH
    assert [d.evidence for d in local.read(passage(lines)).new_tickets] == [(0,)]


def test_a_talk_heard_caption_by_caption_ends_with_the_drafts_of_one_that_was_read() -> None:
    whole = passage(TALK)
    live = local.LiveTalk(passage([]))
    drafts: dict[int, object] = {}
    for segment in whole.segments:
        live.add(segment)
        works, _, _ = live.changes()
        drafts |= works
    live_now = [d for d in drafts.values() if d is not None]
    assert live_now == list(local.read(whole).new_tickets)


def test_a_talk_names_the_line_that_it_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talks, "FOLDER", tmp_path)
    (tmp_path / "en-x.txt").write_text("# shop\n1: hello  @q7\n")
    with pytest.raises(ValueError, match=r"en-x\.txt:2: 'q7' is no label"):
        talks.talks("en")


def test_a_talk_keeps_who_made_which_work_and_what_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talks, "FOLDER", tmp_path)
    (tmp_path / "en-x.txt").write_text(
        "# shop, stand-up\n= A | Fix the till | TODO\n"
        "1: could you order paper by friday  @a1 d1\n2: yep  @s1\n2: and the till's mended  @uA>DONE\n"
        "1: we could gild it  @x\n2: the rep won't ring back  @b kA\n"
    )
    [talk] = talks.talks("en")
    assert talk.evidence == [{0, 1}]
    assert talk.makes == {0}
    assert talk.moves == {"T-A": (TicketStatus.DONE, {2})}
    assert (talk.kept, talk.stuck) == ({4}, {4})
    assert (talk.due, talk.status) == ([[0]], [TicketStatus.TODO])


def test_a_talk_keeps_which_new_work_is_done_and_which_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talks, "FOLDER", tmp_path)
    (tmp_path / "en-x.txt").write_text(
        "# shop\n1: i swept the yard by the way  @a1 f1\n2: ta\n1: i'm halfway through the shelves  @a2 p2\n"
        "2: by friday i'd hope  @o2\n2: no make that monday  @d2\n"
    )
    [talk] = talks.talks("en")
    assert talk.status == [TicketStatus.DONE, TicketStatus.IN_PROGRESS]
    assert (talk.finished, talk.begun) == ({0}, {2})
    assert (talk.evidence, talk.due) == ([{0}, {2, 3, 4}], [[], [4]])


def test_the_same_talks_give_the_same_weights() -> None:
    few = [e for t in talks.talks("en")[:6] for e in train_worth.captions(t)]
    assert train_worth.train_captions(few) == train_worth.train_captions(few)


def test_the_shipped_weights_fit_what_is_weighed() -> None:
    made = worth.shipped()
    assert len(made.draft) == len(worth.WEIGHED)
    assert [len(row) for row in made.ticket] == [len(worth.TOLD)] * len(worth.OUTCOMES)
    assert [len(row) for row in made.state] == [len(worth.STATED)] * len(worth.STATES)
    for language in ("en", "ko"):
        weights = made.languages[language]
        assert len(weights.second) == len(worth.TARGETS)
        assert len(weights.bias) == len(worth.TARGETS)
        assert {len(row) for row in weights.rows.values()} == {len(worth.TARGETS)}
