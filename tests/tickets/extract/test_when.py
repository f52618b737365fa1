"""The learned reader of days: which of those that were said is a piece of work due on."""

from __future__ import annotations

from datetime import date

import pytest

from tests.tickets.extract.test_worth import passage
from tools.ticket_reader import train_worth
from vori.tickets.extract import local, when, worth
from vori.tickets.extract.clause import Clause, Mark
from vori.tickets.extract.dates import Day
from vori.tickets.extract.due import Role, told
from vori.tickets.extract.people import People


def due(lines: list[str], word: str) -> date | None:
    """The due date of the one draft that has the word; the meeting is on Wednesday 18 March 2026."""
    drafts = local.read(passage(lines)).new_tickets
    [draft] = [d for d in drafts if word in f"{d.title} {d.content}".lower()]
    return draft.due


SMALL_TALK = [
    "1|morning all is everybody here",
    "2|just about yeah the bus was late again",
]


@pytest.mark.parametrize(
    ("lines", "word", "day"),
    [
        (
            [
                "1|ben could you get the price list to the printer",
                "2|yep when do you need that by",
                "1|the twenty sixth would be good",
                "2|okay will do",
            ],
            "price list",
            "2026-03-26",
        ),
        (
            [
                "1|the shop window looks terrible ben could you repaint the sign by friday",
                "2|sure i'll do that",
                "1|great the accounts are fine by the way",
                "2|good to hear",
                "1|oh ben the sign actually make that monday i need the ladder this week",
                "2|monday it is",
            ],
            "sign",
            "2026-03-23",
        ),
        (
            [
                "1|the fair is on saturday as you know",
                "2|yeah my sister's coming up for it",
                "1|can you order new cable ties ben",
                "2|sure i'll order some",
            ],
            "cable ties",
            None,
        ),
        (
            [
                "1|벤 님 안내문 좀 새로 뽑아 주세요",
                "2|네 언제까지 드리면 될까요",
                "1|금요일까지면 좋겠어요",
                "2|네 알겠습니다",
            ],
            "안내문",
            "2026-03-20",
        ),
    ],
)
def test_a_day_counts_for_the_work_it_was_said_of(
    lines: list[str], word: str, day: str | None
) -> None:
    found = due([*SMALL_TALK, *lines], word)
    assert found == (date.fromisoformat(day) if day else None)


def said(day: int, order: int) -> when.Said:
    clause = Clause("by then", (order,), None, order, 0, Mark.NONE, {})
    return when.Said(
        clause, Day(day=date(2026, 3, day), start=0, end=7), Role.LIMIT, told(clause), (order,),
        frozenset(), False,
    )  # fmt: skip


def test_the_most_probable_day_counts_and_of_equals_the_later() -> None:
    days = [(0.7, said(20, 1), date(2026, 3, 20)), (0.9, said(23, 4), date(2026, 3, 23))]
    assert when.best(days) == date(2026, 3, 23)
    assert when.best(
        [(p, s, d) for (p, s, d) in [*days, (0.9, said(24, 5), date(2026, 3, 24))]]
    ) == (date(2026, 3, 24))


def test_no_day_counts_that_is_hardly_probable() -> None:
    assert when.best([]) is None
    assert when.best([(when.LEAST - 0.01, said(20, 1), date(2026, 3, 20))]) is None


def test_the_shipped_weights_of_days_fit_what_is_weighed() -> None:
    assert len(worth.shipped().due) == len(when.NAMES)
    talk = local.Talk(local.Board(()), People(passage([]).members), date(2026, 3, 18))
    talk.hear_all(passage([*SMALL_TALK, "1|ben could you order paper by friday", "2|yep"]).segments)
    [work] = talk.works
    [(dating, day)] = talk.dating(work)
    assert day == date(2026, 3, 20)
    assert len(when.weighed(dating, [], talk.odds)) == len(when.NAMES)


def test_the_last_caption_that_tells_a_due_date_is_the_one_learned_from() -> None:
    days = train_worth.Days(
        weighed=[[1.0, 0.0], [1.0, 1.0]],
        dates=[date(2026, 3, 20), date(2026, 3, 23)],
        is_due=[False, True],
        told={date(2026, 3, 23)},
        ruled=None,
    )
    assert train_worth.is_right(date(2026, 3, 23), days)
    assert not train_worth.is_right(date(2026, 3, 20), days)
    assert not train_worth.is_right(None, days)
    low, high = (
        worth.probability(
            sum(w * x for w, x in zip(train_worth.train_days([days] * 20), row, strict=True))
        )
        for row in days.weighed
    )
    assert low < 0.5 < high
