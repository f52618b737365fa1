"""How fast and how large a model is through VORI, beside a plain faster-whisper loop.

    python benchmarks/speech.py MODEL SOUND [--text FILE] [--language en] [--repeat 3] [--json]

Both put the same file into final words with times, beam 5, voice activity detection first, in
processes of their own, taking turns. Figures are medians; the ratio is of the same run.

    realTimeFactor   seconds of work on the wall clock per second of sound
    cpuFactor        the same in seconds of CPU
    memoryMb         most memory the process had, above what it had before the model was loaded
    wer              word error rate against --text, without case and punctuation
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from vori import log
from vori.settings import Log

ROADS = ("vori", "plain")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="directory of a Whisper model for CTranslate2")
    parser.add_argument("sound", type=Path, help="any sound file")
    parser.add_argument("--text", type=Path, help="file with what is said in it")
    parser.add_argument("--language", default="en")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--road", choices=ROADS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.road:
        log.configure(Log())
        run = run_vori if options.road == "vori" else run_plain
        print(json.dumps(run(options.model, options.sound, options.language)))
        return
    runs: dict[str, list[dict[str, Any]]] = {road: [] for road in ROADS}
    for _ in range(options.repeat):
        for road in ROADS:
            runs[road].append(in_own_process(road, options))
    figures = {road: summed_up(runs[road], options.text) for road in ROADS}
    keys = ("realTimeFactor", "cpuFactor", "memoryMb")
    figures["plainOverVori"] = {
        key: round(figures["plain"][key] / figures["vori"][key], 2) for key in keys
    }
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for road, values in figures.items():
        print(f"{road:<14}", "  ".join(f"{key} {value}" for key, value in values.items()))


def in_own_process(road: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, str(options.model), str(options.sound), "--road", road]
    command += ["--language", options.language]
    answer: dict[str, Any] = json.loads(subprocess.check_output(command))
    return answer


def summed_up(runs: list[dict[str, Any]], truth: Path | None) -> dict[str, Any]:
    sound_s = runs[0]["soundS"]
    values: dict[str, Any] = {
        "soundS": round(sound_s, 1),
        "realTimeFactor": round(median(run["wallS"] for run in runs) / sound_s, 4),
        "cpuFactor": round(median(run["cpuS"] for run in runs) / sound_s, 4),
        "memoryMb": round(median(run["memoryMb"] for run in runs)),
        "words": len(runs[0]["text"].split()),
    }
    if truth:
        values["wer"] = round(word_error_rate(truth.read_text(), runs[0]["text"]), 4)
    return values


def run_vori(path: Path, sound: Path, language: str) -> dict[str, Any]:
    from vori.transcribe.container import decode_file
    from vori.transcribe.models import ResolvedModel
    from vori.transcribe.offline import transcribe_samples
    from vori.transcribe.silero import Silero
    from vori.transcribe.voice import VoiceGate
    from vori.transcribe.whisper import Whisper

    samples = list(decode_file(sound, limit_s=36_000))
    before = Before()
    model = Whisper(ResolvedModel(path, path.name), device="cpu")
    gate = VoiceGate(Silero().new_room())
    before.work_begins()
    said = transcribe_samples(model, gate, samples, language=language, workers=2)
    text = " ".join(piece.text for one in said for piece in one.pieces)
    return before.measured(text, sum(map(len, samples)) / 16_000)


def run_plain(path: Path, sound: Path, language: str) -> dict[str, Any]:
    import numpy as np
    from faster_whisper import WhisperModel

    from vori.transcribe.container import decode_file

    samples = np.concatenate(list(decode_file(sound, limit_s=36_000)))
    before = Before()
    model = WhisperModel(str(path), device="cpu", compute_type="int8")
    before.work_begins()
    segments, _ = model.transcribe(
        samples, language=language, vad_filter=True, word_timestamps=True
    )
    text = " ".join(segment.text.strip() for segment in segments)
    return before.measured(text, len(samples) / 16_000)


class Before:
    """Clocks and memory before the model is loaded."""

    def __init__(self) -> None:
        self.memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def work_begins(self) -> None:
        self.wall_s, self.cpu_s = time.perf_counter(), time.process_time()

    def measured(self, text: str, sound_s: float) -> dict[str, Any]:
        most_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "wallS": time.perf_counter() - self.wall_s,
            "cpuS": time.process_time() - self.cpu_s,
            "memoryMb": (most_kb - self.memory_kb) / 1024,
            "soundS": sound_s,
            "text": text,
        }


def word_error_rate(truth: str, heard: str) -> float:
    """Substitutions, deletions and insertions per word of the truth."""
    said, got = words(truth), words(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / max(1, len(said))


def words(text: str) -> list[str]:
    return re.sub(r"[^\w\s']", " ", text.casefold()).split()


if __name__ == "__main__":
    main()
