from __future__ import annotations

import itertools
import random
from uuid import UUID

import numpy as np
import pytest

from vori.transcribe.merge import Spoken, duplicates, level_db

_ids = itertools.count(1)


def spoken(
    mic: int,
    start_s: float,
    end_s: float,
    text: str,
    *,
    own: bool = False,
    sure: float = 0.9,
    db: float = -30.0,
) -> Spoken:
    return Spoken(
        caption_id=UUID(int=next(_ids)),
        recording_id=UUID(int=mic),
        start_ms=round(start_s * 1000),
        end_ms=round(end_s * 1000),
        text=text,
        has_speaker=own,
        sureness=sure,
        level_db=db,
    )


def left(*captions: Spoken) -> list[str]:
    """What is still in the transcript, by time; whoever stands for another is itself in it."""
    found = duplicates(captions)
    assert not set(found.values()) & found.keys()
    return [one.text for one in captions if one.caption_id not in found]


@pytest.mark.parametrize(
    ("room", "own"),
    [
        ("Let's ship the login page on Friday.", "let's ship the log in page on friday"),
        ("결제 모듈은 제가 금요일까지 하겠습니다.", "결제모듈은 제가 금요일까지 하겠습니다"),
        ("I will write the report for the board.", "I will write the report for the boards"),
        ("그럼 서버 설정을 먼저 확인할게요", "그러면 서버 설정을 먼저 확인할게요"),
        ("문서는 십오일까지 제가 보내겠습니다", "문서는 십오 일까지 제가 보내겠습니다"),
        ("회의는 내일 세 시에 시작합니다", "회의는 내일 세시에 시작합니다"),
    ],
)
def test_a_sentence_that_two_microphones_heard_is_kept_once(room: str, own: str) -> None:
    assert left(spoken(1, 0, 3, room), spoken(2, 0.3, 3.1, own, own=True)) == [own]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("We ship it on the 14th of May.", "We ship it on the 15th of May."),
        ("The budget is two million won.", "The budget is three million won."),
        ("회의는 월요일 오후에 하겠습니다", "회의는 화요일 오후에 하겠습니다"),
        ("그 문서는 십오일까지 제가 보내겠습니다", "그 문서는 십육일까지 제가 보내겠습니다"),
        ("회의는 내일 세 시에 시작하겠습니다", "회의는 내일 네 시에 시작하겠습니다"),
        (
            "We pay them fifteen thousand for the licence",
            "We pay them sixteen thousand for the licence",
        ),
        ("The release is on the ninth of March then", "The release is on the ninth of April then"),
        ("We will deploy the server today.", "We won't deploy the server today."),
        ("서버를 배포하겠습니다 오늘", "서버를 배포하지 않겠습니다 오늘"),
        ("I will take the login page then.", "I will fix the payment page then."),
        ("Yes.", "Yes."),
        ("네 네", "네 네"),
    ],
)
def test_what_differs_or_may_be_two_answers_stays(one: str, other: str) -> None:
    assert left(spoken(1, 0, 3, one), spoken(2, 0.1, 3, other, own=True)) == [one, other]


def test_the_same_words_at_another_time_or_by_the_same_microphone_stay() -> None:
    text = "I will write the report for the board."
    assert len(left(spoken(1, 0, 3, text), spoken(2, 60, 63, text))) == 2
    assert len(left(spoken(1, 0, 3, text), spoken(1, 0, 3, text))) == 2


def test_the_room_s_long_caption_goes_when_people_s_own_have_all_of_it() -> None:
    room = spoken(
        9, 0, 9, "I take the login page. Then who deploys it? Minsu deploys it to staging."
    )
    own = [
        spoken(1, 0.2, 2.9, "I take the login page", own=True),
        spoken(2, 3.0, 5.2, "then who deploys it", own=True),
        spoken(3, 5.3, 9.1, "Minsu deploys it to staging", own=True),
    ]
    assert left(room, *own) == [one.text for one in own]
    assert room.text in left(room, *own[:2]), "one sentence is in nobody's own caption"


def test_of_two_owners_who_hear_the_sentence_the_surer_one_stays() -> None:
    near = spoken(1, 0.3, 3, "please send the invoice to the client", own=True, sure=0.95)
    far = spoken(2, 0, 3, "please send the invoice to the clients", own=True, sure=0.6)
    assert left(far, near) == [near.text]


def test_a_sentence_is_said_by_whose_microphone_is_louder() -> None:
    speaker = spoken(1, 0.3, 3, "please send the invoice to the client", own=True, db=-20, sure=0.7)
    neighbour = spoken(2, 0, 3, "please send the invoice to the client", own=True, db=-38)
    assert duplicates([speaker, neighbour]) == {neighbour.caption_id: speaker.caption_id}


def test_loudness_is_that_of_the_sound() -> None:
    full = np.sin(np.arange(16_000) / 10).astype(np.float32)
    assert level_db(full) == pytest.approx(-3, abs=0.1)
    assert level_db(full / 10) == pytest.approx(-23, abs=0.1)
    assert level_db(full * 0) is None
    assert level_db(full[:0]) is None


def test_of_equals_the_earlier_stays_whatever_the_order_they_come_in() -> None:
    first = spoken(1, 0, 3, "we start with the open questions of last week")
    second = spoken(2, 0.2, 3.2, "we start with the open questions of last week.")
    assert left(first, second) == left(second, first) == [first.text]


def test_random_meetings_lose_no_sentence() -> None:
    """Each sentence is said once and heard by one to three microphones, with small mistakes."""
    dice = random.Random(7)
    nouns = ["login page", "payment module", "report", "invoice", "server", "design", "contract"]
    verbs = ["finish", "review", "rewrite", "test", "deploy", "document", "translate"]
    for _ in range(20):
        at, heard, said = 0.0, [], []
        for n in range(40):
            who = f"{dice.choice(['Mina', 'Jun', 'Ada', 'Minsu'])} speaks item {n}"
            sentence = f"{who} and will {dice.choice(verbs)} the {dice.choice(nouns)}"
            said.append(f"item {n} ")
            mics = dice.sample([1, 2, 3], dice.randint(1, 3))
            for mic in mics:
                slip = dice.uniform(-0.4, 0.4)
                text = sentence.replace("speaks", "speak") if dice.random() < 0.3 else sentence
                heard.append(spoken(mic, at + slip, at + 2.5 + slip, text + " ", own=mic == 3))
            at += dice.uniform(0.5, 3)
        dice.shuffle(heard)
        kept = left(*heard)
        for sentence in said:
            assert sum(sentence in text for text in kept) == 1, sentence
