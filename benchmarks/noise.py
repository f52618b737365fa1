"""Words made of sound in which nobody speaks: there should be none.

    python -m benchmarks.noise [--seconds 600] [--model demo|DIRECTORY]

Room noise, keyboard clicks, chords of music-like tones and breath, made from a seed, one after
the other in stretches of 10 s, each louder than the one before it of its kind.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vori.transcribe.messages import RATE_HZ, Samples
from vori.transcribe.models import ResolvedModel, resolve
from vori.transcribe.offline import transcribe_samples
from vori.transcribe.silero import Silero
from vori.transcribe.voice import VoiceGate
from vori.transcribe.whisper import Whisper

STRETCH_S = 10
LEVELS = (0.01, 0.03, 0.1)


def room(count: int, dice: np.random.Generator) -> Samples:
    """Pink noise and the hum of a mains."""
    spectrum = np.fft.rfft(dice.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 50.0))
    noise = np.fft.irfft(spectrum, count)
    hum = np.sin(2 * np.pi * 50 * np.arange(count) / RATE_HZ)
    return np.asarray(noise / np.abs(noise).max() + 0.1 * hum, np.float32)


def keyboard(count: int, dice: np.random.Generator) -> Samples:
    """Clicks of 10 to 30 ms, some six a second."""
    sound = np.zeros(count, np.float32)
    for at in dice.integers(0, count - 600, count * 6 // RATE_HZ):
        length = int(dice.integers(160, 480))
        click = dice.standard_normal(length) * np.exp(-np.arange(length) / (length / 5))
        sound[at : at + length] += click.astype(np.float32) * dice.uniform(0.3, 1.0)
    return sound / np.abs(sound).max()


def music(count: int, dice: np.random.Generator) -> Samples:
    """A chord every half second, each tone with two overtones, fading."""
    sound = np.zeros(count, np.float32)
    step = RATE_HZ // 2
    for at in range(0, count - step, step):
        time = np.arange(step) / RATE_HZ
        for semitone in dice.choice(24, 3, replace=False):
            hz = 220 * 2 ** (semitone / 12)
            tone = sum(np.sin(2 * np.pi * hz * n * time) / n for n in (1, 2, 3))
            sound[at : at + step] += (tone * np.exp(-3 * time)).astype(np.float32)
    return sound / np.abs(sound).max()


def breath(count: int, dice: np.random.Generator) -> Samples:
    """Noise that swells and ebbs every three to four seconds."""
    time = np.arange(count) / RATE_HZ
    swell = np.maximum(0, np.sin(2 * np.pi * time / dice.uniform(3, 4))) ** 2
    sound = np.convolve(dice.standard_normal(count), np.hanning(9), "same") * swell
    return np.asarray(sound / np.abs(sound).max(), np.float32)


def nobody_speaks(seconds: int, seed: int = 0) -> Iterator[Samples]:
    dice = np.random.default_rng(seed)
    kinds = (room, keyboard, music, breath)
    for number in range(seconds // STRETCH_S):
        level = LEVELS[number // len(kinds) % len(LEVELS)]
        yield level * kinds[number % len(kinds)](STRETCH_S * RATE_HZ, dice)


def measure(seconds: int = 600, model: str = "demo") -> dict[str, Any]:
    """How many words are told, with the voice gate, and what the gate took for speech."""
    found = (
        resolve("demo", home=Path.home() / ".vori")
        if model == "demo"
        else ResolvedModel(Path(model), Path(model).name)
    )
    recogniser = Whisper(found, device="cpu")
    sound = nobody_speaks(seconds)
    said = list(transcribe_samples(recogniser, VoiceGate(Silero().new_room()), sound))
    words = [word.text for one in said for piece in one.pieces for word in piece.words]
    return {"soundS": seconds, "utterances": len(said), "words": len(words), "text": words[:20]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--model", default="demo")
    options = parser.parse_args()
    print(json.dumps(measure(options.seconds, options.model), indent=2))


if __name__ == "__main__":
    main()
