"""Speech whose words and their times are known, for the caption benchmarks.

The bundled meeting's sentences, cut out of it; their words' times are in `meeting_words.json`,
which this file writes where espeak-ng and the demo model's tools are installed (a change of the
meeting asks for it):

    python -m benchmarks.sounds
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from vori.demo.play import SOUND, TRUTH
from vori.transcribe.container import decode_file
from vori.transcribe.messages import RATE_HZ, Samples

ROOT = Path(__file__).parent.parent
WORDS = Path(__file__).parent / "meeting_words.json"
MARGIN_MS = 60
TAG, MARK = 64, 0xA5C3
LOUDNESS_FLOOR = 10 ** (-62 / 20)
FLITE_VOICES = ("slt", "rms")
"""The voices of flite that speak at 16 kHz."""


class Spoken(Struct, frozen=True):
    """A word; times in seconds."""

    text: str
    start_s: float
    end_s: float


class Sentence(Struct, frozen=True):
    """Word times count from the sentence's start."""

    samples: Samples
    words: tuple[Spoken, ...]


class Speech(Struct, frozen=True):
    """What one room hears, and what is said in it. Word times count from its start."""

    samples: Samples
    words: tuple[Spoken, ...]
    starts_s: tuple[float, ...]
    """Where sentences begin."""


def meeting_sentences() -> list[Sentence]:
    """The bundled meeting, cut between its sentences."""
    samples = np.concatenate(list(decode_file(SOUND, limit_s=3600)))
    truth = msgspec.json.decode(TRUTH.read_bytes())
    known = msgspec.json.decode(WORDS.read_bytes()) if WORDS.exists() else {}
    result = []
    for segment in truth["segments"]:
        texts = segment["text"].split()
        begin_ms = max(0, segment["startMs"] - MARGIN_MS)
        cut = samples[begin_ms * 16 : (segment["endMs"] + MARGIN_MS) * 16]
        length_ms = segment["endMs"] - segment["startMs"]
        times = known.get(segment["text"])
        if not times or abs(times[-1][1] - length_ms) > 250:
            times = by_letters(texts, length_ms)
        offset_ms = segment["startMs"] - begin_ms
        words = tuple(
            Spoken(text, (offset_ms + start) / 1000, (offset_ms + end) / 1000)
            for text, (start, end) in zip(texts, times, strict=True)
        )
        result.append(Sentence(cut.astype(np.float32), words))
    return result


def by_letters(texts: Sequence[str], length_ms: float) -> list[tuple[float, float]]:
    """Word times of a sentence of which only the length is known."""
    ends = np.cumsum([len(text) for text in texts]) * length_ms / sum(map(len, texts))
    return list(zip([0.0, *ends[:-1].tolist()], ends.tolist(), strict=True))


def flite_sentences(texts: Sequence[str]) -> list[Sentence]:
    """The texts by flite's voices, in turn; raises OSError where flite is not installed."""
    sys.path.insert(0, str(ROOT / "tools" / "demo_model"))
    from synthesise import Flite, NotSpoken  # type: ignore[import-not-found]

    flite = Flite()
    result = []
    for number, text in enumerate(texts):
        try:
            spoken = flite.speak(text, FLITE_VOICES[number % 2], stretch=1.0, f0=1.0)
        except NotSpoken:
            continue
        sound = spoken.pcm.astype(np.float32)
        words = tuple(
            Spoken(word, start_s, end_s)
            for word, (start_s, end_s) in zip(_said(text), spoken.words, strict=True)
        )
        result.append(Sentence(sound * (0.5 / np.abs(sound).max()), words))
    return result


def texts_by_flite() -> list[Sentence]:
    """The meeting's sentences and plain English that the demo model was not trained on."""
    texts = [s["text"] for s in msgspec.json.decode(TRUTH.read_bytes())["segments"]]
    texts += (ROOT / "tools" / "demo_model" / "unseen.txt").read_text().splitlines()
    return flite_sentences(texts)


def _said(text: str) -> list[str]:
    return re.findall(r"[A-Za-z']+[^A-Za-z'\s]*", text)


def compose(
    sentences: Sequence[Sentence], *, seconds: float, duty: float = 0.6, seed: int = 0
) -> Speech:
    """Sentences in random order with pauses between them, so that speech fills `duty` of the time.

    Ends with 1.5 s of silence, so that the last sentence is over.
    """
    dice = random.Random(seed)
    parts: list[Samples] = []
    words: list[Spoken] = []
    starts: list[float] = []
    count, spoken = 0, 0.0
    order: list[Sentence] = []

    def pause(length_s: float) -> None:
        nonlocal count
        silence = np.zeros(round(length_s * RATE_HZ), np.float32)
        parts.append(silence)
        count += len(silence)

    pause(dice.uniform(0.2, 3.0))
    while sentences:
        order = order or dice.sample(sentences, len(sentences))
        sentence = order.pop()
        length_s = len(sentence.samples) / RATE_HZ
        if count / RATE_HZ + length_s + 1.5 > seconds:
            break
        start_s = count / RATE_HZ
        starts.append(start_s + sentence.words[0].start_s)
        words += [
            Spoken(word.text, start_s + word.start_s, start_s + word.end_s)
            for word in sentence.words
        ]
        parts.append(sentence.samples)
        count += len(sentence.samples)
        spoken += length_s
        # Long pauses are cut by chance, the mean stays.
        pause(max(0.6, dice.uniform(0.5, 1.5) * (spoken / duty - count / RATE_HZ)))
    pause(max(0.0, seconds - count / RATE_HZ))
    samples = np.concatenate(parts)
    floor = np.random.default_rng(seed).standard_normal(len(samples)) * LOUDNESS_FLOOR
    return Speech((samples + floor).astype(np.float32), tuple(words), tuple(starts))


def tagged(samples: Samples, room: int) -> NDArray[np.int16]:
    """The sound as 16 bit samples whose last bits tell the room and the place in it.

    Blocks of 64 samples: 16 bits of MARK, 16 of the room, 32 of the block's number.
    """
    pcm = np.clip(np.rint(samples * 32_767), -32_767, 32_766).astype(np.int16)
    blocks = np.arange(-(-len(pcm) // TAG), dtype=np.uint64)
    words = (np.uint64(MARK) << np.uint64(48)) | np.uint64(room << 32) | blocks
    bits = np.unpackbits(words.astype(">u8").view(np.uint8))[: len(pcm)]
    return (pcm & ~np.int16(1)) | bits.astype(np.int16)


def find_tag(samples: Samples) -> tuple[int, int] | None:
    """The room and the place in it, in samples, of the first of these; None: they have no tags."""
    bits = (np.rint(samples[: 4 * TAG] * 32_768).astype(np.int64) & 1).astype(np.uint8)
    for offset in range(TAG):
        some = bits[offset : offset + 2 * TAG]
        if len(some) < 2 * TAG:
            return None
        one, two = (int(word) for word in np.packbits(some).view(">u8"))
        if one >> 48 == MARK and two == one + 1:
            return (one >> 32) & 0xFFFF, (one & 0xFFFF_FFFF) * TAG - offset
    return None


def write_meeting_words() -> None:
    """Speak the meeting again with its own voices, and keep when each word was said."""
    sys.path.insert(0, str(ROOT / "tools" / "demo_model"))
    import meeting  # type: ignore[import-not-found]
    import voices  # type: ignore[import-not-found]

    speakers = voices.Speakers()
    times = {}
    for speaker, text in meeting.SCRIPT:
        spoken = speakers.speak(text, meeting.VOICES[speaker])
        times[text] = [[round(1000 * s), round(1000 * e)] for s, e in spoken.words]
    WORDS.write_bytes(msgspec.json.format(msgspec.json.encode(times), indent=1) + b"\n")


if __name__ == "__main__":
    write_meeting_words()
