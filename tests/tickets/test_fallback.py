from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from vori.errors import Unavailable
from vori.ids import MeetingId, TicketId
from vori.tickets.extract.fallback import Selective, Unread, WithFallback, beside_local
from vori.tickets.messages import (
    Blocker,
    Draft,
    Extraction,
    Passage,
    Segment,
    StatusIntent,
    TicketStatus,
    Usage,
)

TOLD = Usage(input_tokens=3)


def passage(count: int = 60) -> Passage:
    return Passage(
        meeting_id=MeetingId(1),
        started_at=datetime(2026, 3, 16, tzinfo=UTC),
        segments=tuple(
            Segment(seq=n + 100, start_ms=n, end_ms=n, text=f"말 {n}") for n in range(count)
        ),
        language="en",
    )


def draft(title: str, *evidence: int, sure: float = 0.9) -> Draft:
    return Draft(title=title, evidence=evidence, confidence=sure)


def done(ticket_id: str, *evidence: int, sure: float = 0.9) -> StatusIntent:
    return StatusIntent(
        ticket_id=TicketId(ticket_id),
        new_status=TicketStatus.DONE,
        evidence=evidence,
        confidence=sure,
    )


class Fixed:
    """Gives what it was told to, and remembers what it read."""

    def __init__(self, name: str, gives: Extraction | Exception) -> None:
        self.name = name
        self.read: list[Passage] = []
        self._gives = gives

    async def extract(self, passage: Passage) -> Extraction:
        self.read.append(passage)
        if isinstance(self._gives, Exception):
            raise self._gives
        return self._gives


async def test_a_sure_local_reading_asks_nobody() -> None:
    sure = Extraction(new_tickets=(draft("a", 110),), ticket_updates=(done("T-1", 120),))
    hosted = Fixed("claude", Extraction(engine="claude"))
    assert await Selective(Fixed("local", sure), hosted).extract(passage()) == sure
    assert hosted.read == []


async def test_only_captions_near_the_doubt_are_asked_about() -> None:
    local = Extraction(
        new_tickets=(draft("sure", 110), draft("unsure", 140, sure=0.3)),
        ticket_updates=(done("T-1", 101, sure=0.2),),
    )
    hosted = Fixed("claude", Extraction(engine="claude"))
    await Selective(Fixed("local", local), hosted, around=2).extract(passage())
    (asked,) = hosted.read
    assert [s.seq for s in asked.segments] == [100, 101, 102, 103, 138, 139, 140, 141, 142]


async def test_where_the_hosted_engine_read_its_reading_counts() -> None:
    local = Extraction(
        new_tickets=(
            draft("sure and far", 110),
            draft("unsure", 140, sure=0.3),
            draft("sure and near", 141),
            draft("half near", 110, 141),
        ),
        ticket_updates=(done("T-1", 141), done("T-2", 110)),
        blockers=(Blocker(evidence=(140,), about="near"), Blocker(evidence=(110,), about="far")),
        notes=("local note",),
    )
    hosted = Extraction(
        new_tickets=(draft("from claude", 140),),
        engine="claude",
        model="m",
        notes=("claude note",),
        usage=TOLD,
    )
    found = await Selective(Fixed("local", local), Fixed("claude", hosted), around=2).extract(
        passage()
    )
    assert [d.title for d in found.new_tickets] == ["sure and far", "half near", "from claude"]
    assert [u.ticket_id for u in found.ticket_updates] == ["T-2"]
    assert [b.about for b in found.blockers] == ["far"]
    assert (found.engine, found.model, found.usage) == ("local+claude", "m", TOLD)
    assert found.notes == ("local note", "claude note")


@pytest.mark.parametrize(
    "failure",
    [
        Unread("Gone.", code="x", partial=Extraction(usage=TOLD), seqs=frozenset({140})),
        Unavailable("Gone."),
        ZeroDivisionError(),
    ],
)
async def test_doubts_stay_as_they_are_when_the_hosted_engine_fails(failure: Exception) -> None:
    local = Extraction(new_tickets=(draft("unsure", 140, sure=0.3),), notes=("local note",))
    found = await Selective(Fixed("local", local), Fixed("claude", failure)).extract(passage())
    assert found.new_tickets == local.new_tickets
    assert "stays as the local engine read it" in found.notes[0]
    assert found.notes[1:] == ("local note",)
    assert found.usage == (TOLD if isinstance(failure, Unread) else None)


async def test_of_two_updates_the_one_from_later_words_wins() -> None:
    partial = Extraction(
        engine="claude",
        ticket_updates=(done("T-1", 105), done("T-2", 150)),
        new_tickets=(draft("Order the chairs", 105),),
    )
    started = StatusIntent(
        ticket_id=TicketId("T-1"), new_status=TicketStatus.IN_PROGRESS, evidence=(140,)
    )
    local = Extraction(
        ticket_updates=(started, done("T-2", 140)),
        new_tickets=(draft("Order the chairs!", 105, 140), draft("Old", 105), draft("New", 141)),
    )
    unread = Unread("Gone.", code="x", partial=partial, seqs=frozenset({140, 141}))
    found = await WithFallback(Fixed("claude", unread), Fixed("local", local)).extract(passage())
    assert {u.ticket_id: u.evidence for u in found.ticket_updates} == {
        "T-1": (140,),
        "T-2": (150,),
    }
    assert [d.title for d in found.new_tickets] == ["Order the chairs", "New"]
    assert found.engine == "claude+local"


async def test_what_the_last_engine_raises_is_raised() -> None:
    broken = Fixed("local", Unavailable("No kiwipiepy.", code="not_installed"))
    with pytest.raises(Unavailable, match="kiwipiepy"):
        await WithFallback(Fixed("claude", Unavailable("Gone.")), broken).extract(passage())


async def test_the_mode_chooses_how_the_engines_work_together() -> None:
    local, hosted = Fixed("local", Extraction()), Fixed("claude", Extraction(engine="claude"))
    assert (await beside_local(hosted, local, "full").extract(passage())).engine == "claude"
    assert (await beside_local(hosted, local, "selective").extract(passage())).engine == "local"


async def test_people_are_told_in_the_meeting_s_language() -> None:
    class Away:
        name = "claude"

        async def extract(self, passage: Passage) -> Extraction:
            raise Unavailable("Claude's API is overloaded.", code="claude_overloaded")

    local = Fixed("local", Extraction(engine="local"))
    for language, told in (
        ("ko", "Claude API가 붐빕니다. 대신 local 엔진이 이 회의를 읽었습니다."),
        ("en", "Claude's API is overloaded. The local engine read this meeting instead."),
        ("mixed", "Claude API가 붐빕니다. 대신 local 엔진이 이 회의를 읽었습니다."),  # it is Korean
    ):
        found = await WithFallback(Away(), local).extract(replace(passage(), language=language))
        assert found.notes == (told,)
