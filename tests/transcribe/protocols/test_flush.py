"""What conventions need of a recording besides captions: voice, flushing, what was heard."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes import tones
from tests.transcribe.sounds import s16
from tests.transcribe.test_recordings import Host, send, stored
from vori.errors import BadMessage
from vori.people.auth import ensure_dev
from vori.transcribe.messages import AudioFormat, Encoding
from vori.transcribe.outgoing import (
    Final,
    Flushed,
    Hypothesis,
    Settled,
    VoiceBegan,
    VoiceEnded,
)

pytestmark = pytest.mark.postgres

FILE = AudioFormat(encoding=Encoding.AUTO)


@pytest.fixture
async def host(database: str, tmp_path: Path) -> Host:
    await ensure_dev()
    return Host(tmp_path)


async def test_voice_and_finals_are_told_utterance_by_utterance(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2, None, 3, None])), host.listener)
        await live.finish()
    told = [m for m in host.listener._waiting if isinstance(m, VoiceBegan | VoiceEnded)]
    assert [type(m) for m in told] == [VoiceBegan, VoiceEnded] * 2
    done = [m for m in host.listener._waiting if isinstance(m, Final | Settled)]
    assert [type(m) for m in done] == [Final, Settled] * 2
    assert all(final.ends_utterance and not final.is_flushed for final in host.told(Final))


async def test_flush_makes_final_what_is_open(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2])), host.listener)
        live.flush()
        await host.hear(Flushed)
        assert await stored() == ["w1", "w2"]
        await send(live, s16(tones([3, None])), host.listener)
        await live.finish()
    assert await stored() == ["w1", "w2", "w3"]


async def test_flush_is_marked_on_its_last_final(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        await send(live, s16(tones([1, 2])), host.listener)
        live.flush()
        assert (await host.hear(Final)).is_flushed
        await live.finish()


async def test_flush_of_silence_is_answered(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings)
        live.flush()
        await host.hear(Flushed)
        await send(live, s16(tones([None])), host.listener)
        live.flush()
        live.flush()
        await host.hear(Flushed)
        await host.hear(Flushed)
        await live.finish()
    assert await stored() == []


async def test_files_are_heard_without_partials(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings, is_file=True, hotwords="Rhubarb")
        for start in range(0, 120_000, 16_000):  # listened to in between
            await live.feed(s16(tones([*range(8)]))[start : start + 16_000], host.listener)
            await live.until_heard()
            await asyncio.sleep(0.01)
        await live.finish()
    assert host.told(Hypothesis) == []
    assert {window.hotwords for window in host.recogniser.windows} == {"Rhubarb, Testadmin"}
    assert all(window.is_final for window in host.recogniser.windows)


async def test_what_cannot_be_used_is_told_to_who_waits_until_it_was_heard(host: Host) -> None:
    async with host.running() as recordings:
        live = await host.open(recordings, format=FILE)
        await live.feed(b"\x17\x88" * 3000, host.listener)
        with pytest.raises(BadMessage) as caught:
            await live.until_heard()
    assert caught.value.code == "unknown_audio"
