from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transcribe import sounds
from vori.errors import Unavailable
from vori.transcribe.container import decode_file
from vori.transcribe.voice import (
    FRAME_SAMPLES,
    SpeechEnded,
    SpeechStarted,
    SpeechWentOn,
    VoiceEvent,
    VoiceGate,
)

RATE = 16_000


def loudness(samples: np.ndarray) -> np.ndarray:
    """A voice model for tests: a frame's mean is its probability of speech."""
    assert len(samples) % FRAME_SAMPLES == 0
    return samples.reshape(-1, FRAME_SAMPLES).mean(axis=1)


def sound(*spans: tuple[float, float]) -> np.ndarray:
    """Spans of (seconds, probability of speech)."""
    return np.concatenate([np.full(round(s * RATE), p, np.float32) for s, p in spans])


def hear(gate: VoiceGate, samples: np.ndarray, *, step: int = 1600) -> list[VoiceEvent]:
    events: list[VoiceEvent] = []
    for at in range(0, len(samples), step):
        events += gate.feed(samples[at : at + step])
    return events + gate.flush()


def utterances(events: list[VoiceEvent]) -> list[tuple[int, int, np.ndarray]]:
    """(start_ms, end_ms, samples) of each, put together as a listener does."""
    done, held, start = [], None, 0
    for event in events:
        if isinstance(event, SpeechStarted):
            assert held is None
            held, start = [event.samples], event.start_ms
        elif isinstance(event, SpeechWentOn):
            assert held is not None
            held.append(event.samples)
        else:
            assert held is not None
            assert event.start_ms == start
            samples = np.concatenate(held)[: (event.end_ms - start) * 16]
            done.append((start, event.end_ms, samples))
            held = None
    assert held is None
    return done


def spans(events: list[VoiceEvent]) -> list[tuple[int, int]]:
    return [(start, end) for start, end, _ in utterances(events)]


def test_speech_begins_with_pre_roll_and_ends_with_a_short_tail():
    samples = sound((2, 0), (1.024, 0.9), (2, 0))
    ((start, end, heard),) = utterances(hear(VoiceGate(loudness), samples))
    assert abs(start - (2000 - 200)) <= 32
    assert abs(end - (3024 + 200)) <= 32
    np.testing.assert_array_equal(heard, samples[start * 16 : end * 16])


def test_silence_gives_nothing():
    assert hear(VoiceGate(loudness), sound((60, 0.1))) == []


def test_a_click_is_not_speech():
    assert hear(VoiceGate(loudness), sound((1, 0), (0.064, 1), (1, 0))) == []


def test_a_short_yes_is_speech():
    assert len(spans(hear(VoiceGate(loudness), sound((1, 0), (0.16, 1), (1, 0))))) == 1


def test_a_weaker_voice_goes_on_but_does_not_begin():
    weak = sound((1, 0), (2, 0.4), (1, 0))
    assert hear(VoiceGate(loudness), weak) == []
    ((start, end),) = spans(hear(VoiceGate(loudness), sound((1, 0), (0.5, 0.9), (2, 0.4), (1, 0))))
    assert abs(start - 800) <= 32
    assert abs(end - 3700) <= 32


def test_a_pause_shorter_than_the_limit_does_not_end_an_utterance():
    talk = sound((1, 0), (1, 1), (0.45, 0), (1, 1), (1, 0))
    assert len(spans(hear(VoiceGate(loudness), talk))) == 1
    assert len(spans(hear(VoiceGate(loudness, silence_ms=400), talk))) == 2


def test_utterances_never_overlap_and_lose_no_voice():
    talk = sound((0.5, 0), (1, 1), (0.52, 0), (1, 1), (0.56, 0), (1, 1), (1, 0))
    found = spans(hear(VoiceGate(loudness), talk))
    assert len(found) == 3
    assert all(before[1] <= after[0] for before, after in pairwise(found))


def test_speech_from_the_first_sample_has_no_pre_roll_to_take():
    ((start, end),) = spans(hear(VoiceGate(loudness), sound((1.024, 1), (1, 0))))
    assert (start, end) == (0, 1224)


def test_speech_that_runs_to_the_end_is_closed_there():
    ((start, end, heard),) = utterances(hear(VoiceGate(loudness), sound((1, 0), (1.01, 1))))
    assert end == 2010
    assert len(heard) == (end - start) * 16


def test_events_come_as_soon_as_they_can():
    gate = VoiceGate(loudness)
    assert gate.feed(sound((1, 0))) == []
    started = gate.feed(sound((0.128, 1)))
    assert isinstance(started[0], SpeechStarted)
    assert gate.is_speaking
    (more,) = gate.feed(sound((0.1, 1)))
    assert isinstance(more, SpeechWentOn)
    quiet = gate.feed(sound((0.6, 0)))
    assert isinstance(quiet[-1], SpeechEnded)
    assert not gate.is_speaking


def test_a_long_utterance_is_cut_where_the_voice_is_weakest():
    breath = sound((24, 0.9), (0.2, 0.4), (20, 0.9), (1, 0))
    events = hear(VoiceGate(loudness), breath)
    (first, second) = utterances(events)
    assert 24_000 <= first[1] <= 24_200
    assert second[0] == first[1]
    assert abs(second[1] - 44_400) <= 32
    for start, end, heard in (first, second):
        np.testing.assert_array_equal(heard, breath[start * 16 : end * 16])


def test_a_monologue_without_a_breath_is_cut_below_the_limit():
    talk = sound((100, 0.9), (1, 0))
    found = spans(hear(VoiceGate(loudness, max_utterance_ms=28_000), talk))
    assert all(end - start <= 28_000 for start, end in found)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert (found[0][0], found[-1][1]) == (0, 100_200)


def test_an_utterance_too_long_that_has_just_fallen_silent_ends_there():
    found = spans(hear(VoiceGate(loudness), sound((27.7, 0.9), (5, 0), (1, 0.9), (1, 0))))
    assert len(found) == 2
    assert abs(found[0][1] - 27_900) <= 40
    assert abs(found[1][0] - 32_500) <= 40


def test_times_count_from_where_the_recording_goes_on():
    gate = VoiceGate(loudness, start_ms=5_000)
    events = gate.feed(sound((1, 0), (1, 1)))
    events += gate.skip_to(60_000)
    assert gate.heard_ms == 60_000
    events += gate.feed(sound((1, 1), (1, 0))) + gate.flush()
    (first, second) = spans(events)
    assert abs(first[0] - 5_800) <= 32
    assert first[1] == 7_000
    assert second[0] == 60_000


def test_skipping_never_goes_back():
    gate = VoiceGate(loudness)
    gate.feed(sound((2.016, 0)))
    gate.skip_to(1_000)
    assert gate.heard_ms == 2016


def test_an_hour_of_silence_is_not_kept():
    gate = VoiceGate(loudness)
    for _ in range(360):
        gate.feed(np.zeros(10 * RATE, np.float32))
    assert sum(frame.nbytes for frame, _ in gate._past) <= 8 * RATE * 4


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.05, 0.3, 1.0, 7.0]), st.sampled_from([0.0, 0.2, 0.4, 0.9])),
        max_size=12,
    ),
    st.sampled_from([1, 160, 512, 1000, 16_000, 10**6]),
)
def test_however_sound_comes_in_the_utterances_are_the_same(talk, step):
    samples = sound((0, 0), *talk)
    if step == 1:
        samples = samples[: 2 * RATE]
    at_once = utterances(hear(VoiceGate(loudness), samples, step=10**7))
    found = utterances(hear(VoiceGate(loudness), samples, step=step))
    assert [(a, b) for a, b, _ in found] == [(a, b) for a, b, _ in at_once]
    for start, end, heard in found:
        np.testing.assert_array_equal(heard, samples[start * 16 : end * 16])
    assert all(before[1] <= after[0] for before, after in pairwise([(a, b) for a, b, _ in found]))


# With the real voice model


@pytest.fixture(scope="module")
def silero():
    pytest.importorskip("onnxruntime")
    from vori.transcribe.silero import Silero, shipped_model

    if shipped_model() is None:
        pytest.skip("faster-whisper, which brings the voice model, is not installed")
    return Silero()


def real(name: str) -> np.ndarray:
    return np.concatenate(list(decode_file(sounds.real(name), limit_s=60)))


def test_the_model_leaves_the_samples_as_they_are_and_remembers_between_calls(silero):
    samples = real("jfk.wav")[: 300 * FRAME_SAMPLES]
    before = samples.copy()
    at_once = silero.new_room()(samples)
    np.testing.assert_array_equal(samples, before)
    room = silero.new_room()
    bit_by_bit = np.concatenate([room(frame) for frame in samples.reshape(-1, FRAME_SAMPLES)])
    np.testing.assert_allclose(bit_by_bit, at_once, atol=1e-6)
    assert at_once.shape == (300,)


def test_rooms_do_not_hear_each_other(silero):
    samples = real("jfk.wav")[: 100 * FRAME_SAMPLES]
    alone = silero.new_room()(samples)
    room, other = silero.new_room(), silero.new_room()
    mixed = []
    for frame in samples.reshape(-1, FRAME_SAMPLES):
        mixed.append(room(frame))
        other(np.ones(FRAME_SAMPLES, np.float32) * 0.1)
    np.testing.assert_allclose(np.concatenate(mixed), alone, atol=1e-6)


def test_the_speech_of_a_real_recording_is_found(silero):
    samples = real("jfk.wav")
    found = spans(hear(VoiceGate(silero.new_room()), samples, step=960))
    # "And so my fellow Americans | ask not | what your country can do for you | ask what …"
    assert 3 <= len(found) <= 5
    assert found[0][0] <= 350
    assert found[-1][1] >= 10_300
    level = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(axis=1)
    outside = np.ones(len(level), bool)
    for start, end in found:
        outside[start // 10 : end // 10] = False
    # After 10.8 s the hall is heard, but nobody speaks.
    assert (level[outside & (np.arange(len(level)) < 1080)] > 0.1).sum() == 0


def test_the_sentences_of_the_original_recording_are_found(silero):
    found = spans(hear(VoiceGate(silero.new_room()), real("original-test.webm")))
    assert 1 <= len(found) <= 3
    assert sum(end - start for start, end in found) >= 5_000


def test_silence_noise_and_tones_are_not_speech(silero):
    at = np.arange(20 * RATE) / RATE
    rng = np.random.default_rng(7)
    noise = rng.normal(size=len(at)).astype(np.float32) * 10 ** (-30 / 20)
    tones = [0.3 * np.sin(2 * np.pi * hz * at) for hz in (50, 100, 440, 1000, 3000)]
    chord = sum(0.08 * np.sin(2 * np.pi * hz * at) for hz in (262, 330, 392, 523))
    for quiet in (np.zeros(len(at)), noise, chord, *tones):
        assert hear(VoiceGate(silero.new_room()), quiet.astype(np.float32)) == []


ENGLISH = "James will write the document tomorrow, and Julia is designing the page right now."
KOREAN = "제임스가 내일 문서를 작성하고, 줄리아가 지금 화면을 디자인하고 있습니다."


@pytest.mark.parametrize(
    ("program", "voice"),
    [
        ("espeak-ng", "en-us"),
        ("espeak-ng", "en-gb+f3"),
        ("espeak-ng", "ko"),
        ("espeak-ng", "ko+f2"),
        ("flite", "slt"),
        ("flite", "kal"),
    ],
)
def test_synthetic_voices_pass_whole(silero, program, voice, tmp_path):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    said, text = tmp_path / "said.wav", KOREAN if "ko" in voice else ENGLISH
    option = ["-v", voice, "-w", str(said)] if program == "espeak-ng" else ["-voice", voice]
    rest = [text] if program == "espeak-ng" else ["-t", text, "-o", str(said)]
    subprocess.run([program, *option, *rest], check=True, capture_output=True)
    speech = np.concatenate(list(decode_file(said, limit_s=60)))
    quiet = np.zeros(RATE, np.float32)
    for gain in (1.0, 0.1):
        samples = np.concatenate([quiet, speech * np.float32(gain), quiet])
        found = spans(hear(VoiceGate(silero.new_room()), samples))
        level = np.abs(samples[: len(samples) // 160 * 160]).reshape(-1, 160).max(axis=1)
        inside = np.zeros(len(level), bool)
        for start, end in found:
            inside[start // 10 : end // 10] = True
        loud = level > 0.1 * level.max()
        assert loud[inside].sum() >= 0.99 * loud.sum()


def test_a_missing_model_says_what_to_install(tmp_path):
    pytest.importorskip("onnxruntime")
    from vori.transcribe.silero import Silero

    with pytest.raises(Unavailable) as missing:
        Silero(tmp_path / "none.onnx")
    assert missing.value.code == "voice_model_missing"


def test_of_silence_no_more_is_kept_than_an_utterance_may_begin_with():
    gate = VoiceGate(loudness)
    assert gate.feed(sound((60.032, 0))) == []
    assert sum(len(frame) for frame, _ in gate._past) <= 0.35 * RATE
    started, *_ = gate.feed(sound((1, 0.9)))
    assert isinstance(started, SpeechStarted)
    assert abs(started.start_ms - (60_032 - 200)) <= 32
    assert (started.samples[: RATE * 150 // 1000] == 0).all()
