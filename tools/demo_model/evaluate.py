"""The figures of the card, through stock faster-whisper.

Sentences: new ones of the grammar, seeds apart from training's and none of its sentences; and
`unseen.txt`, plain English that no grammar made. Voices: trained ones, and held-out ones.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import corpus as corpora
import numpy as np
import sentences
import voices
from numpy.typing import NDArray
from synthesise import RATE_HZ, NotSpoken

HERE = Path(__file__).parent
SEED = 9_000_001
Sound = NDArray[np.float32]


def errors(truth: str, heard: str) -> tuple[int, int]:
    """(word errors, words of the truth), both sides in `sentences.normal` form."""
    a, b = sentences.normal(truth).split(), sentences.normal(heard).split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1], len(a)


def new_sentences(count: int) -> list[str]:
    """Sentences of the grammar that no training shard can hold, of three words and more."""
    common = corpora.common_words(corpora.work_folder())
    shards = (corpora.work_folder() / "shards").glob("*.json")
    trained = {
        sentences.normal(row["text"]) for path in shards for row in json.loads(path.read_text())
    }
    grammar = sentences.Grammar(SEED, common)
    result: list[str] = []
    while len(result) < count:
        text = sentences.tidy(grammar._expand("S"))
        if 3 <= len(text.split()) <= 24 and sentences.normal(text) not in trained:
            result.append(text)
    return result


def spoken(
    texts: list[str], kind: str, speakers: voices.Speakers, group: int
) -> list[tuple[str, Sound]]:
    """(text, sound) files of `group` sentences by one voice with pauses of 0.3 to 0.8 s."""
    rng = random.Random(f"{SEED} {kind}")
    pick = {
        "trained espeak-ng": voices.trained_espeak,
        "trained flite": voices.flite,
        "held-out espeak-ng": voices.held_out_espeak,
    }[kind]
    files: list[tuple[str, Sound]] = []
    for i in range(0, len(texts), group):
        voice = pick(rng)
        parts: list[Sound] = []
        said: list[str] = []
        for text in texts[i : i + group]:
            try:
                pcm = speakers.speak(text, voice).pcm
            except NotSpoken:
                continue
            said.append(text)
            parts += [pcm / np.float32(32768), np.zeros(rng.randrange(4800, 12800), np.float32)]
        if said:
            files.append((" ".join(said), np.concatenate(parts).astype(np.float32)))
    return files


def rate(model: Any, files: list[tuple[str, Sound]], beam: int, show: bool) -> float:
    """Word error rate over `files`; `show` prints what was misheard."""
    wrong = total = 0
    for truth, sound in files:
        segments, _ = model.transcribe(sound, language="en", beam_size=beam)
        heard = " ".join(s.text.strip() for s in segments)
        e, n = errors(truth, heard)
        wrong, total = wrong + e, total + n
        if show and e:
            print(f"  {e}/{n} {truth}\n      {heard}")
    return wrong / total


def words_on_nothing(model: Any, *, vad: bool) -> dict[str, int]:
    """Words heard on 60 s of silence and of white and pink noise at -30 dBFS (RMS)."""
    rng = np.random.default_rng(SEED)
    n = 60 * RATE_HZ
    white = rng.standard_normal(n)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1000.0), n)
    sounds = {"silence": np.zeros(n), "white noise": white, "pink noise": pink}
    result = {}
    for name, sound in sounds.items():
        level = sound / (sound.std() + 1e-12) * 10 ** (-30 / 20)
        segments, _ = model.transcribe(level.astype(np.float32), language="en", vad_filter=vad)
        result[name] = len(" ".join(s.text for s in segments).split())
    return result


def time_of_ten_seconds(path: Path, files: list[tuple[str, Sound]]) -> tuple[float, float]:
    """Median (CPU s, wall s) of greedy transcription of 10 s of speech with one thread."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(path), device="cpu", compute_type="int8", cpu_threads=1)
    sound = np.concatenate([s for _, s in files])[: 10 * RATE_HZ]
    cpu, wall = [], []
    for _ in range(9):
        c, w = time.process_time(), time.perf_counter()
        list(model.transcribe(sound, language="en", beam_size=1)[0])
        cpu.append(time.process_time() - c)
        wall.append(time.perf_counter() - w)
    return sorted(cpu)[4], sorted(wall)[4]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--count", type=int, default=40, help="sentences of each kind")
    parser.add_argument("--group", type=int, default=1, help="sentences in one file")
    parser.add_argument("--beams", default="1,5")
    parser.add_argument("--show", action="store_true", help="print what was misheard")
    options = parser.parse_args()
    from faster_whisper import WhisperModel

    model = WhisperModel(str(options.model), device="cpu", compute_type="int8")
    unseen = (HERE / "unseen.txt").read_text().splitlines()[: options.count * 3 // 2]
    texts = {"grammar": new_sentences(options.count), "unseen": unseen}
    speakers = voices.Speakers()
    figures: dict[str, Any] = {}
    for kind in ("trained espeak-ng", "trained flite", "held-out espeak-ng"):
        for name, lines in texts.items():
            files = spoken(lines, kind, speakers, options.group)
            for beam in map(int, options.beams.split(",")):
                value = rate(model, files, beam, options.show)
                figures[f"WER {kind}, {name}, beam {beam}"] = round(value, 4)
                print(
                    f"WER {kind}, {name} ({len(files)} files), beam {beam}: {value:.1%}", flush=True
                )
    for vad in (True, False):
        figures[f"words on 60 s, VAD {'on' if vad else 'off'}"] = words_on_nothing(model, vad=vad)
    figures["10 s of speech, one thread, CPU s and wall s"] = [
        round(t, 3)
        for t in time_of_ten_seconds(options.model, spoken(unseen, "trained flite", speakers, 1))
    ]
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
