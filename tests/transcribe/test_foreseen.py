"""The end of an utterance is put into words while it is still being waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from tests.fakes import tones
from tests.transcribe.sounds import s16
from tests.transcribe.test_recordings import Host, host, send, stored, words
from vori.transcribe.live import Speaking
from vori.transcribe.messages import RATE_HZ
from vori.transcribe.outgoing import Final, Hypothesis, VoiceEnded

__all__ = ["host"]
pytestmark = pytest.mark.postgres

SILENCE = bytes(2 * RATE_HZ // 1000 * 300)
"""300 ms: enough to think that it is over, and too little to know."""


async def until(host: Host, is_so: Any) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0.005)


def finals_decoded(host: Host) -> int:
    return sum(window.is_final for window in host.recogniser.windows)


async def test_final_words_are_known_when_the_utterance_ends(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2, 3])) + SILENCE, host.listener)
        await until(host, lambda: finals_decoded(host) == 1)
        assert not host.told(VoiceEnded)
        decoded = len(host.recogniser.windows)
        await send(live, SILENCE, host.listener)
        await host.hear(Final)
        assert len(host.recogniser.windows) == decoded, "the end was put into words again"
        await live.finish()
    assert await stored() == words([1, 2, 3])


async def test_who_only_paused_loses_nothing_and_is_heard_again(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2])) + SILENCE, host.listener)
        await until(host, lambda: finals_decoded(host) == 1)
        await send(live, s16(tones([3, 4])) + SILENCE, host.listener)
        await until(host, lambda: finals_decoded(host) == 2)
        await send(live, SILENCE, host.listener)
        final = await host.hear(Final)
        assert finals_decoded(host) == 2
        await live.finish()
    assert [word.text for word in final.caption.words] == words([1, 2, 3, 4])
    assert await stored() == words([1, 2, 3, 4])


async def test_silence_is_not_decoded_again_and_again(host: Host) -> None:
    """A room that waits 5 s for the end of an utterance decodes the pause once."""
    host.silence_ms = 5_000
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2])) + SILENCE, host.listener)
        await until(host, lambda: finals_decoded(host) == 1)
        decoded = len(host.recogniser.windows)
        for _ in range(10):
            await send(live, SILENCE, host.listener)
            await live.until_heard()
            await asyncio.sleep(0.01)
        assert len(host.recogniser.windows) == decoded
        assert host.told(Hypothesis)
        await live.finish()
    assert await stored() == words([1, 2])


async def test_an_end_that_could_not_be_foreseen_is_put_into_words_at_the_end(host: Host) -> None:
    host.recogniser.fail = [RuntimeError("engine")] * 20
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2])) + SILENCE, host.listener)
        await until(host, lambda: len(host.recogniser.fail) < 20)
        host.recogniser.fail.clear()
        await send(live, SILENCE, host.listener)
        await live.finish()
    assert await stored() == words([1, 2])


def test_sound_counts_as_waiting_from_the_last_settled_word_on() -> None:
    speaking = Speaking(1_000)
    speaking.grow(np.zeros(4 * RATE_HZ, np.float32))
    assert speaking.unsettled_s(None) == 4.6, "nothing of it was shown yet"
    speaking.guess()
    assert speaking.unsettled_s(None) == 1.0, "it had its turn, others come first"
    speaking.grow(np.zeros(RATE_HZ, np.float32))
    assert speaking.unsettled_s(None) == 2.0
    assert speaking.unsettled_s(5_500) == 0.5
