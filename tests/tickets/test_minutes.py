"""Minutes that cite when each thing was said."""

from __future__ import annotations

import re

import pytest

from tests.tickets.meetings import DONE, IN_PROGRESS, meeting
from vori.ids import UserId
from vori.tickets.extract.local import read
from vori.tickets.messages import Extraction, Passage
from vori.tickets.minutes import NotedMove, NotedTicket, minutes

pytest.importorskip("kiwipiepy")

ENGLISH = """
1|Right, the garden fence is finished, painted and all.
2|Lovely. Who is going to call the landlord about the boiler?
1|No idea, I don't know.
2|We decided to keep the old sign in front of the shop.
1|I'll order new gloves by Friday.
2|We can't start the roof until the permit arrives.
"""
KOREAN = """
3|울타리 도색은 어제 다 끝났어요
4|간판은 그대로 쓰기로 했어요
3|제가 금요일까지 장갑 주문할게요
4|시청 허가가 안 나서 지붕 공사를 못 하고 있어요
"""


def written(passage: Passage, **more: object) -> str:
    return minutes(passage, read(passage), **more)  # type: ignore[arg-type]


def test_english_minutes_have_every_part() -> None:
    text = written(meeting(ENGLISH, ("Paint the garden fence", IN_PROGRESS)), language="en")
    for part in ("# Minutes", "## Summary", "## Decisions", "## New tickets", "## Blockers"):
        assert part in text
    assert "T-0 Paint the garden fence** → done [00:00]" in text
    assert re.search(r"gloves.*Nora Quist, to do, due 2026-03-20 \[00:20\]", text)
    assert re.search(r"boiler\? \[00:05\]", text.split("## Open questions")[1])
    assert "keep the old sign" in text.split("## Decisions")[1].split("##")[0]


def test_korean_minutes_are_korean() -> None:
    text = written(meeting(KOREAN, ("울타리 도색", IN_PROGRESS)), language="ko")
    assert text.startswith("# 회의록 · 2026-03-18 10:00")
    assert "T-0 울타리 도색** → 완료 [00:00]" in text
    assert "배수정, 할 일, 기한 2026-03-20 [00:10]" in text
    assert "허가가 안 나서" in text.split("## 막힌 일")[1]
    assert "간판은 그대로" in text.split("## 결정 사항")[1].split("##")[0]


def test_the_language_follows_the_talk_when_none_is_chosen() -> None:
    assert written(meeting(KOREAN)).startswith("# 회의록")
    assert written(meeting(ENGLISH)).startswith("# Minutes")


def test_every_line_cites_a_time() -> None:
    lines = [x for x in written(meeting(ENGLISH)).splitlines() if x.startswith("- ")]
    assert len(lines) >= 5
    assert all(re.search(r"\[\d\d:\d\d\]", line) for line in lines)


@pytest.mark.parametrize(
    ("language", "says"), [("en", "Nothing was said"), ("ko", "나눈 말이 없습니다")]
)
def test_an_empty_meeting_has_minutes_too(language: str, says: str) -> None:
    assert says in minutes(meeting("-|  "), Extraction(), language=language)


def test_stored_tickets_are_listed_with_their_ids() -> None:
    passage = meeting(ENGLISH)
    text = minutes(
        passage,
        Extraction(),
        language="en",
        made=[
            NotedTicket(ticket_id="T-7", title="Order gloves", assignee_id=UserId(2), evidence=(4,))
        ],
        moved=[NotedMove(ticket_id="T-3", title="Fence", to_status=DONE, evidence=(0,))],
    )
    assert "**T-7 Order gloves** — Ben Okoye, to do [00:20]" in text
    assert "**T-3 Fence** → done [00:00]" in text


def test_speech_cannot_break_the_markdown() -> None:
    text = written(meeting("1|I'll fix the `gate` [now](x) <b>#1</b> by Friday"), language="en")
    assert "<b>" not in text.replace("\\<b\\>", "")
    assert "](x)" not in text.replace("\\](x)", "")


def test_hours_are_shown_from_the_first_hour_on() -> None:
    passage = meeting("\n".join(f"1|I'll fix gate {i} by Friday" for i in range(730)))
    assert "[1:00:" in written(passage, language="en")
