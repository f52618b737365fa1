"""Spoken sentences on disk, in shards made in any order by any number of processes.

Shard i is `NNNNN.npy` (int16, all sentences one after another, 16 kHz) with `NNNNN.json`, written
last: a list of {text, voice, at, n, words: [[start_s, end_s]], phones: [[start_s, name]]}.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import time
from pathlib import Path

import numpy as np
import sentences
import voices
from numpy.typing import NDArray
from synthesise import RATE_HZ, Espeak, NotSpoken, Spoken, festival

PER_SHARD = 400
FLITE_SHARE, FESTIVAL_SHARE, OPUS_SHARE = 0.25, 0.025, 0.12
COMMON_WORDS = 6000
#: shards from this one on hold meeting talk that makes sense (`talk.py`)
FIRST_TALK_SHARD = 10_000


def work_folder() -> Path:
    """Where everything big lives: $VORI_DEMO_MODEL_WORK or build/demo-model."""
    folder = Path(os.environ.get("VORI_DEMO_MODEL_WORK", "build/demo-model"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def kept_apart() -> list[str]:
    """Sentences that training must never hear: the demo meeting's and `unseen.txt`."""
    here = Path(__file__).parent
    truth = json.loads((here / "../../vori/demo/truth.json").read_text())
    return [s["text"] for s in truth["segments"]] + (here / "unseen.txt").read_text().splitlines()


def common_words(folder: Path) -> list[str]:
    """The salad words, cached in `folder`; one spelling for each sound, by espeak-ng."""
    path = folder / "common.json"
    if not path.exists():
        espeak = Espeak()
        candidates = sentences.common_words(COMMON_WORDS * 2)
        every = set(candidates) | {w.lower() for w in sentences.own_words()}
        sound = {w: espeak.phonemes(w) for w in sorted(every)}
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(sentences.common_words(COMMON_WORDS, sound)))
        temporary.rename(path)
    return list(json.loads(path.read_text()))


def through_opus(pcm: NDArray[np.int16], kbps: int) -> NDArray[np.int16]:
    """Opus at `kbps` and back, same length, by ffmpeg."""
    raw = ["-f", "s16le", "-ar", str(RATE_HZ), "-ac", "1"]
    quiet = ["ffmpeg", "-v", "error", *raw, "-i", "pipe:0"]
    opus = ["-c:a", "libopus", "-b:a", f"{kbps}k", "-application", "voip", "-f", "ogg", "pipe:1"]
    coded = subprocess.run([*quiet, *opus], input=pcm.tobytes(), capture_output=True, check=True)
    back = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "pipe:0", *raw, "pipe:1"],
        input=coded.stdout, capture_output=True, check=True,
    )  # fmt: skip
    out = np.frombuffer(back.stdout, np.int16)
    return np.concatenate([out, np.zeros(max(0, len(pcm) - len(out)), np.int16)])[: len(pcm)]


def make_shard(folder: Path, index: int, speakers: voices.Speakers, common: list[str]) -> None:
    """Shard `index`; its sentences and voices depend on `index` alone."""
    rng = random.Random(7_000_000 + index)
    texts = sentences.draw(
        index, PER_SHARD, common=common, exclude=kept_apart(), only_talk=index >= FIRST_TALK_SHARD
    )
    spoken: list[tuple[str, str, Spoken]] = []
    for_festival: list[str] = []
    for text in texts:
        r = rng.random()
        if r < FESTIVAL_SHARE and index < FIRST_TALK_SHARD:
            for_festival.append(text)
            continue
        one = r < FESTIVAL_SHARE + FLITE_SHARE
        voice = voices.flite(rng) if one else voices.trained_espeak(rng)
        try:
            spoken.append((text, f"{voice.family}:{voice.name}", speakers.speak(text, voice)))
        except NotSpoken:
            continue
    for text, result in zip(for_festival, festival(for_festival), strict=True):
        if result is not None:
            spoken.append((text, "festival:slt", result))
    rng.shuffle(spoken)
    rows, parts, at = [], [], 0
    for text, name, one_spoken in spoken:
        n = len(one_spoken.pcm)
        if n > 14 * RATE_HZ or n < 0.2 * RATE_HZ:
            continue
        words = [[round(a, 3), round(b, 3)] for a, b in one_spoken.words]
        phones = [[round(s, 3), p] for s, p in one_spoken.phones]
        rows.append(
            {"text": text, "voice": name, "at": at, "n": n, "words": words, "phones": phones}
        )
        parts.append(one_spoken.pcm)
        at += n
    pcm = np.concatenate(parts)
    coded = rng.sample(range(len(rows)), int(len(rows) * OPUS_SHARE))
    chosen = [slice(rows[i]["at"], rows[i]["at"] + rows[i]["n"]) for i in coded]
    back = through_opus(np.concatenate([pcm[s] for s in chosen]), rng.choice((8, 12, 16, 24)))
    at = 0
    for s in chosen:
        pcm[s] = back[at : at + s.stop - s.start]
        at += s.stop - s.start
    temporary = folder / f"{index:05d}.{os.getpid()}.npy"
    np.save(temporary, pcm)
    temporary.rename(folder / f"{index:05d}.npy")
    temporary = folder / f"{index:05d}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(rows))
    temporary.rename(folder / f"{index:05d}.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=250, help="end before this shard")
    parser.add_argument("--step", type=int, default=1, help="every n-th shard: one process of n")
    options = parser.parse_args()
    folder = work_folder() / "shards"
    folder.mkdir(exist_ok=True)
    common = common_words(work_folder())
    speakers = voices.Speakers()
    for index in range(options.first, options.count, options.step):
        if not (folder / f"{index:05d}.json").exists():
            begin = time.monotonic()
            make_shard(folder, index, speakers, common)
            print(f"shard {index} {time.monotonic() - begin:.1f} s", flush=True)


if __name__ == "__main__":
    main()
