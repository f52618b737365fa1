"""What the caption benchmark makes of a client's messages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.captions import overload, shortened
from benchmarks.measures import Room, commits
from benchmarks.sounds import Speech, Spoken


def speech(*ends_s: float) -> Speech:
    words = tuple(Spoken(f"w{i}", end - 0.3, end) for i, end in enumerate(ends_s))
    return Speech(np.zeros(160_000, np.float32), words, (0.0, 6.0))


def caption(text: str, *, settled: int = 0, final: bool = False) -> dict[str, Any]:
    return {"type": "caption", "seq": 0, "text": text, "final": final, "settledWords": settled}


def test_a_word_counts_as_committed_when_it_is_first_told_as_settled() -> None:
    room = Room(speech(1.0, 2.0))
    room.told(1.5, caption("w0"))
    room.told(2.2, caption("w0 w1", settled=1))
    room.told(2.9, caption("w0 w1", final=True))
    assert [(at, round(delay, 3)) for at, delay in commits(room)] == [(1.0, 1.2), (2.0, 0.9)]


def test_recovery_lasts_until_the_last_word_that_came_late() -> None:
    room = Room(speech(1.0, 4.0, 6.5, 9.0))
    room.told(1.5, caption("w0", settled=1))
    room.told(4.5, {"type": "warning", "code": "lagging"})
    room.told(7.5, caption("w0 w1", settled=2))
    room.told(9.0, caption("w0 w1 w2", settled=3))
    room.told(10.0, caption("w0 w1 w2 w3", final=True))
    watched: Any = SimpleNamespace(ages=[(2.0, 90.0), (4.0, 1_900.0), (8.0, 5_000.0)])
    found = overload([room], watched, 3.0, 6.0)
    assert found["recoveryS"] == 0.5, "said half a second after the load was gone, told 2.5 s later"
    assert (found["queueAgeMsMax"], found["heard"], found["roomsWarned"]) == (1_900.0, 1.0, 1)


def test_sound_that_is_shortened_has_the_words_that_are_whole_in_it() -> None:
    short = shortened(speech(1.0, 4.0, 6.5), 5.0)
    assert len(short.samples) == 80_000
    assert [word.text for word in short.words] == ["w0", "w1"]
    assert short.starts_s == (0.0,)
