"""Whom a name means."""

from __future__ import annotations

import pytest

from vori.ids import UserId
from vori.tickets.extract.people import People
from vori.tickets.messages import Member


def people(*names: str, **nicknames: str) -> People:
    return People(
        Member(
            user_id=UserId(i),
            name=name,
            nicknames=(nicknames[f"n{i}"],) if f"n{i}" in nicknames else (),
        )
        for i, name in enumerate(names, 1)
    )


TEAM = people(
    "김민지", "남궁선", "박지훈", "이지훈", "Hyunwoo Baek", "Grace Moon", "Peter Nowak",
    "Sarah Okafor", "Sarah Lindholm", "Will Hunt", "Ida Storm", n11="Captain",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("민지 씨가 해 주세요", (1,)),
        ("김민지님", (1,)),
        ("김 팀장님한테", (1,)),
        ("선 씨", (2,)),
        ("지훈 선생님이", (3, 4)),
        ("이지훈 선생님이요", (4,)),
        ("현우 님이 도면을", (5,)),
        ("백현우 님", (5,)),
        ("그레이스 씨", (6,)),
        ("Grace가 보내 드릴게요", (6,)),
        ("lovely pete the pump", (7,)),
        ("sarah could you book that", (8, 9)),
        ("yeah you sarah l sorry", (9,)),
        ("Sarah Okafor will do it", (8,)),
        ("Will, can you do that", (10,)),
        ("ask Captain about it", (11,)),
    ],
)
def test_a_name_is_understood(text: str, who: tuple[int, ...]) -> None:
    assert [m.who for m in TEAM.find(text)] == [who]


@pytest.mark.parametrize(
    "text", ["he will do it", "there is a grace period", "고객님 문의", "보안팀장님한테", "하나님"]
)
def test_words_that_only_look_like_names_are_nobody(text: str) -> None:
    assert TEAM.find(text) == []


def test_two_thousand_members_are_told_apart_in_time() -> None:
    crowd = People(Member(user_id=UserId(i), name=f"Name{i} Family{i}") for i in range(1, 2001))
    assert [m.who for m in crowd.find("Name1999 could you look at it")] == [(1999,)]


def test_no_members_means_nobody() -> None:
    assert people().find("민지 씨 Sarah") == []
