"""Coded sound that brings its decoder down, and decoders that somebody ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes import tones
from tests.security import codecs
from tests.transcribe.sounds import muxed, s16, sweep, wav, webm
from tests.transcribe.test_recordings import (
    SENTENCE,
    Host,
    host,  # noqa: F401
    send,
    stored,
    words,
)
from vori.errors import BadMessage, TooLarge
from vori.ids import AudioId
from vori.transcribe import container, sandbox
from vori.transcribe.container import decode_file
from vori.transcribe.messages import AudioFormat, Encoding, Samples
from vori.transcribe.nursery import Limits
from vori.transcribe.outgoing import Finished, Notice
from vori.transcribe.sandbox import DecoderDied, Sandbox, open_decoder

SOUND = webm(sweep(3))
# Of the wall clock so much that eating memory is never stopped by it.
LIMITS = Limits(cpu_s=1, wall_s=3, memory_bytes=256 << 20)


@pytest.fixture(scope="module")
def real() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


@pytest.fixture(scope="module")
def flawed() -> Iterator[Sandbox]:
    os.environ["VORI_TEST_SECRET"] = "told to nobody"
    made = Sandbox(LIMITS, codecs.__name__)
    yield made
    made.close()
    del os.environ["VORI_TEST_SECRET"]


def decoders_of(box: Sandbox) -> list[int]:
    """The processes that decode for it."""
    assert box.process is not None
    nursery = box.process.pid
    return [
        int(pid) for pid in Path(f"/proc/{nursery}/task/{nursery}/children").read_text().split()
    ]


def pieces(data: bytes, size: int = 1000) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def here(data: bytes) -> Samples:
    decoder = container.open_decoder(AudioFormat())
    return np.concatenate([*(decoder.feed(piece) for piece in pieces(data)), decoder.finish()])


@pytest.mark.parametrize(
    "data", [SOUND, muxed(sweep(3), "ogg", "libopus"), wav(s16(sweep(3, 44_100)), rate_hz=44_100)]
)
def test_sound_decoded_apart_is_the_same_to_the_sample(real: Sandbox, data: bytes) -> None:
    decoder = open_decoder(AudioFormat(), sandbox=real)
    got = [decoder.feed(piece) for piece in pieces(data, 777)]
    got.append(decoder.finish())
    assert np.array_equal(np.concatenate(got), here(data))
    assert decoder.decoded_samples == len(here(data))


def test_files_decoded_apart_are_the_same_to_the_sample(real: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    path.write_bytes(muxed(sweep(3), "mp4", "aac"))
    apart = list(sandbox.decode_file(path, limit_s=10, sandbox=real))
    assert [len(block) for block in apart[:2]] == [16_000, 16_000]
    assert np.array_equal(
        np.concatenate(apart), np.concatenate(list(decode_file(path, limit_s=10)))
    )
    length_ms = sandbox.file_duration_ms(path, sandbox=real)
    assert length_ms is not None
    assert 2990 < length_ms < 3100
    with pytest.raises(TooLarge) as refused:
        list(sandbox.decode_file(path, limit_s=1, sandbox=real))
    assert refused.value.code == "audio_too_long"


def test_pcm_and_what_is_no_sound_need_no_process() -> None:
    box = Sandbox()
    for fmt, data in (
        (AudioFormat(encoding=Encoding.S16LE), s16(sweep(1, 16_000))),
        (AudioFormat(), wav(s16(sweep(1, 16_000)), rate_hz=16_000)),
    ):
        decoder = open_decoder(fmt, sandbox=box)
        assert len(decoder.feed(data)) + len(decoder.finish()) == 16_000
    nonsense = open_decoder(AudioFormat(), sandbox=box)
    with pytest.raises(BadMessage) as refused:
        nonsense.feed(b"this is no sound at all")
    assert refused.value.code == "unknown_audio"
    assert box.process is None


def test_a_damaged_header_is_told_as_ever(real: Sandbox) -> None:
    decoder = open_decoder(AudioFormat(), sandbox=real)
    with pytest.raises(BadMessage) as refused:
        for piece in pieces(SOUND[:4] + b"\xff" * 200_000, 65_536):
            decoder.feed(piece)
    assert not isinstance(refused.value, DecoderDied)


def test_a_decoder_that_is_killed_is_replaced_and_no_sample_is_lost(real: Sandbox) -> None:
    before = set(decoders_of(real)) if real.process else set()
    decoder = open_decoder(AudioFormat(), sandbox=real)
    got, fed = [], 0
    for number, piece in enumerate(pieces(SOUND)):
        if number in (2, 5, 9):
            [pid] = set(decoders_of(real)) - before
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(DecoderDied):
                decoder.feed(piece)
        so_far = SOUND[:fed]
        got.append(decoder.feed(piece, lambda: pieces(so_far, 333)))  # noqa: B023
        fed += len(piece)
    got.append(decoder.finish())
    assert np.array_equal(np.concatenate(got), here(SOUND))


def test_a_nursery_that_is_killed_is_replaced_and_running_decoders_go_on(real: Sandbox) -> None:
    decoder = open_decoder(AudioFormat(), sandbox=real)
    first = decoder.feed(SOUND[:9000])
    assert real.process is not None
    os.kill(real.process.pid, signal.SIGKILL)
    real.process.wait(60)
    other = open_decoder(AudioFormat(), sandbox=real)
    assert np.array_equal(other.feed(SOUND[:9000]), first)
    rest = np.concatenate([decoder.feed(SOUND[9000:]), decoder.finish()])
    assert np.array_equal(np.concatenate([first, rest]), here(SOUND))
    other.close()


@pytest.mark.parametrize(
    ("word", "why"),
    [
        (codecs.CRASH, "crashed"),
        (codecs.HANG, "too long"),
        (codecs.SLEEP, "too long"),
        (codecs.EAT, "too much memory"),
    ],
)
def test_sound_that_brings_its_decoder_down_harms_no_other(
    flawed: Sandbox, word: bytes, why: str
) -> None:
    good = open_decoder(AudioFormat(), sandbox=flawed)
    first = good.feed(SOUND[:9000])
    [beside] = decoders_of(flawed)[-1:]
    bad = open_decoder(AudioFormat(), sandbox=flawed)
    came_before = bad.feed(SOUND[:9000])
    assert np.array_equal(came_before, first)
    for replay in (None, lambda: [SOUND[:9000]]):
        with pytest.raises(DecoderDied, match=why) as refused:
            bad.feed(word, replay)
        assert refused.value.code == "decoder_failed"
    bad.close()
    assert beside in decoders_of(flawed)
    rest = np.concatenate([good.feed(SOUND[9000:]), good.finish()])
    assert np.array_equal(np.concatenate([first, rest]), here(SOUND))


def test_a_file_that_brings_its_decoder_down_is_told(flawed: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "sound"
    for word in (codecs.CRASH, codecs.HANG, codecs.EAT):
        path.write_bytes(word)
        with pytest.raises(DecoderDied):
            list(sandbox.decode_file(path, limit_s=10, sandbox=flawed))
    assert sandbox.file_duration_ms(path, sandbox=flawed) is None


def test_a_mistake_in_a_codec_is_an_error_and_no_end(flawed: Sandbox) -> None:
    decoder = open_decoder(AudioFormat(), sandbox=flawed)
    decoder.feed(SOUND[:9000])
    with pytest.raises(BadMessage) as refused:
        decoder.feed(codecs.FAIL)
    assert refused.value.code == "undecodable_audio"
    decoder.close()


def test_a_decoder_has_no_secrets_and_writes_no_files(flawed: Sandbox) -> None:
    decoder = open_decoder(AudioFormat(), sandbox=flawed)
    decoder.feed(SOUND[:9000])
    with pytest.raises(BadMessage) as refused:
        decoder.feed(codecs.WRITE)
    assert refused.value.code == "reached_"
    decoder.close()


def test_a_nursery_nobody_needs_goes_and_comes_again() -> None:
    box = Sandbox(Limits(idle_s=0.05))
    for _ in range(2):
        decoder = open_decoder(AudioFormat(), sandbox=box)
        assert len(decoder.feed(SOUND[:9000]))
        decoder.close()
        assert box.process is not None
        assert box.process.wait(60) == 0
    box.close()


def test_whoever_waits_for_a_decoder_is_answered_when_it_is_closed() -> None:
    box = Sandbox(Limits(wall_s=600), codecs.__name__)
    decoder = open_decoder(AudioFormat(), sandbox=box)
    decoder.feed(SOUND[:9000])
    raised: list[BaseException] = []

    def wait() -> None:
        try:
            decoder.feed(codecs.SLEEP)
        except BadMessage as exc:
            raised.append(exc)

    waiting = threading.Thread(target=wait)
    waiting.start()
    decoder.close()
    waiting.join(60)
    assert not waiting.is_alive()
    assert isinstance(raised[0], DecoderDied)
    box.close()


GONE = """
import os
from tests.transcribe.sounds import sweep, webm
from vori.transcribe import sandbox
from vori.transcribe.messages import AudioFormat
decoder = sandbox.open_decoder(AudioFormat())
decoder.feed(webm(sweep(0.5)))
nursery = sandbox.SANDBOX.process.pid
with open(f"/proc/{nursery}/task/{nursery}/children") as children:
    print(nursery, children.read(), flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_vori_that_is_killed_leaves_no_decoder_behind() -> None:
    told = subprocess.run(
        [sys.executable, "-c", GONE], capture_output=True, text=True, timeout=300, check=False
    )
    pids = [int(pid) for pid in told.stdout.split()]
    assert len(pids) == 2, told.stderr
    deadline_s = time.monotonic() + 60
    while any(is_at_work(pid) for pid in pids):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def is_at_work(pid: int) -> bool:
    """A zombie is not: whoever adopts orphans here may be slow to bury them."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def coded(numbers: list[int | None]) -> bytes:
    sound = tones(numbers)
    at = np.arange(len(sound) * 3) / 3
    return webm(np.interp(at, np.arange(len(sound)), sound).astype(np.float32), frame_ms=20)


@pytest.mark.postgres
async def test_a_room_whose_decoder_is_killed_loses_no_word(
    host: Host,  # noqa: F811
    real: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "SANDBOX", real)
    data = coded(SENTENCE)
    third = len(data) // 3
    async with host.running() as recordings:
        live = await host.open(recordings, format=AudioFormat())
        before = set(decoders_of(real)) if real.process else set()
        for start in range(0, len(data), third):
            await send(live, data[start : start + third], host.listener)
            await live.until_heard()
            for pid in set(decoders_of(real)) - before:
                os.kill(pid, signal.SIGKILL)
        await live.finish()
    assert await stored() == words(SENTENCE)
    assert host.told(Notice) == []
    assert host.told(Finished)


@pytest.mark.postgres
async def test_a_room_whose_sound_is_made_to_do_harm_keeps_what_came_before_and_others_go_on(
    host: Host,  # noqa: F811
    flawed: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "SANDBOX", flawed)
    data = coded(SENTENCE)
    async with host.running() as recordings:
        live = await host.open(recordings, format=AudioFormat())
        listener = host.listener
        other = await host.open(recordings, format=AudioFormat(), audio_id=AudioId("b"))
        await send(live, data, listener)
        await live.until_heard()
        await live.feed(codecs.CRASH, listener)
        with pytest.raises(DecoderDied):
            await live.until_heard()
        await send(other, data, host.listener)
        await other.finish()
        notices: list[Any] = [m for m in listener._waiting if isinstance(m, Notice)]
        assert [(n.code, n.fatal, n.close_code) for n in notices] == [
            ("decoder_failed", True, 4400)
        ]
        while live in recordings._of(live.key.meeting_id):
            await live._let_go.wait()
            break
    texts = await texts_by_recording()
    assert texts == {"a": words(SENTENCE), "b": words(SENTENCE)}


async def texts_by_recording() -> dict[str, list[str]]:
    from vori.data.engine import DB

    found: dict[str, list[str]] = {}
    for row in await DB.fetch(
        "SELECT r.audio_id, c.text FROM captions c JOIN recordings r ON r.id = c.recording_id"
        " ORDER BY c.recording_id, c.seq"
    ):
        found.setdefault(row["audio_id"], []).extend(row["text"].split())
    return found
