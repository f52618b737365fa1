"""Which voices speak: trained ones, and those held out entirely for the figures."""

from __future__ import annotations

import random
from dataclasses import dataclass

from synthesise import Espeak, Flite, Spoken

ACCENTS = {
    "en-us": 5,
    "gmw/en": 4,  # British
    "en-gb-x-rp": 2,
    "en-gb-scotland": 2,
    "en-029": 1,  # Caribbean
    "en-gb-x-gbclan": 1,
    "en-us-nyc": 1,
}
_VARIANTS = """
f1 f2 f3 f5 m1 m2 m3 m4 m5 m7 m8 f1 f2 f3 f5 m1 m2 m3 m4 m5 m7 m8
Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike
Nguyen adam anika announcer antonio aunty belinda benjamin boris caleb david ed edward edward2
grandma grandpa gustave iven iven2 iven3 iven4 john klatt klatt2 klatt3 klatt5 klatt6 michel miguel
norbert pablo paul pedro quincy rob robert sandro shelby steph steph3 travis victor zac
"""
VARIANTS = _VARIANTS.split()
#: never heard in training
HELD_OUT_ACCENT = "en-gb-x-gbcwmd"
HELD_OUT_VARIANTS = ["f4", "m6", "klatt4", "Alex", "linda", "marcelo", "max", "steph2"]
FLITE = ("slt", "rms", "awb", "kal16")


@dataclass(frozen=True, slots=True)
class Voice:
    """One way to speak. family: espeak, flite or festival; speed and pitch in its own units."""

    family: str
    name: str
    speed: float
    pitch: float
    range_: float = 50.0


def trained_espeak(rng: random.Random) -> Voice:
    accent = rng.choices(list(ACCENTS), list(ACCENTS.values()))[0]
    variant = "" if rng.random() < 0.1 else "+" + rng.choice(VARIANTS)
    return _espeak(rng, accent + variant)


def held_out_espeak(rng: random.Random) -> Voice:
    if rng.random() < 0.25:
        return _espeak(rng, f"{HELD_OUT_ACCENT}+{rng.choice(HELD_OUT_VARIANTS)}")
    accent = rng.choices(list(ACCENTS), list(ACCENTS.values()))[0]
    return _espeak(rng, f"{accent}+{rng.choice(HELD_OUT_VARIANTS)}")


def _espeak(rng: random.Random, name: str) -> Voice:
    return Voice(
        "espeak", name, rng.randrange(130, 196), rng.randrange(25, 76), rng.randrange(30, 76)
    )


def flite(rng: random.Random) -> Voice:
    name = rng.choices(FLITE, (3, 3, 3, 2))[0]
    return Voice("flite", name, rng.uniform(0.85, 1.2), rng.uniform(0.85, 1.2))


class Speakers:
    """The in-process synthesisers, opened once."""

    def __init__(self) -> None:
        self.espeak = Espeak()
        self.flite = Flite()

    def speak(self, text: str, voice: Voice) -> Spoken:
        if voice.family == "espeak":
            return self.espeak.speak(
                text, voice.name, rate=int(voice.speed), pitch=int(voice.pitch),
                range_=int(voice.range_),
            )  # fmt: skip
        return self.flite.speak(text, voice.name, stretch=voice.speed, f0=voice.pitch)
