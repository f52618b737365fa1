"""Meetings that start, stream, drop, resume and end, for seconds here and for hours by `make soak`."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks import soak
from vori.settings import Database
from vori.transcribe.models import DEMO_PATH


@pytest.mark.journey
@pytest.mark.model
def test_meetings_that_come_and_go_leave_nothing_behind_and_lose_nothing() -> None:
    if not (DEMO_PATH / "model.bin").exists():
        pytest.skip("no demo model in this copy")
    found = asyncio.run(soak.soak(minutes=0.2, rooms=4, lengths_s=(6.0, 8.0)))
    # In half a minute memory and the pool are still being filled for the first time.
    del found["levels"]["rssMb"]
    assert found["levels"].pop("connections")["max"] <= Database().pool_size
    assert soak.failures(found) == [], found
    assert found["rooms"] >= 4
    assert found["cuts"] >= 1
    assert found["words"] > 20


def test_what_grows_or_is_lost_is_found() -> None:
    """The judge itself: a soak that was not well fails."""
    level = {"early": 10.0, "late": 90.0, "max": 90.0, "levelledOff": False}
    found = dict.fromkeys(("lostCaptions", "doubledFinals", "lostSoundMs", "troubles", "tracebacks"), 0)  # fmt: skip
    assert soak.failures(found | {"captions": 5, "levels": {}}) == []
    assert soak.failures(found | {"captions": 0, "levels": {}}) == ["no captions"]
    assert soak.failures(found | {"captions": 5, "levels": {"files": level}}) == ["files grows"]
    assert soak.failures(found | {"captions": 5, "lostCaptions": 1, "levels": {}}) == [
        "lostCaptions"
    ]
