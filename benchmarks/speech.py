"""How fast and how large a model is through VORI, beside a plain faster-whisper loop.

    python -m benchmarks.speech [MODEL] [SOUND] [--truth FILE] [--repeat 3]

MODEL is whatever `speech.model` may be (default: the demo model), SOUND any sound file (default:
the bundled meeting). Both roads put the same file into final words with times, beam 5, voice
activity detection first, in processes of their own, taking turns; figures are medians.

    realTimeFactor   seconds of work on the wall clock per second of sound
    cpuFactor        the same in seconds of CPU
    memoryMb         most memory the process had, above what it had before the model was loaded
    wordErrorRate    against the truth, without case and punctuation
    plainOverVori    the plain loop's figure over ours: above 1 ours is better
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from vori import log
from vori.demo.play import SOUND, TRUTH, word_error_rate
from vori.settings import Log
from vori.transcribe.container import decode_file
from vori.transcribe.models import resolve

ROADS = ("vori", "plain")
LIMIT_S = 36_000


def measure(
    model: str = "demo",
    sound: Path = SOUND,
    truth: Path | None = TRUTH,
    language: str = "en",
    repeat: int = 3,
) -> dict[str, Any]:
    """Figures of both roads and their ratios, named as in this file's head."""
    path = resolve(model, home=Path.home() / ".vori").path
    runs: dict[str, list[dict[str, Any]]] = {road: [] for road in ROADS}
    for _ in range(repeat):
        for road in ROADS:
            runs[road].append(in_own_process(road, path, sound, language))
    figures: dict[str, Any] = {road: summed_up(runs[road], truth) for road in ROADS}
    figures["plainOverVori"] = {
        key: round(figures["plain"][key] / figures["vori"][key], 2)
        for key in ("realTimeFactor", "cpuFactor", "memoryMb")
    }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", default="demo")
    parser.add_argument("sound", nargs="?", type=Path, default=SOUND)
    parser.add_argument(
        "--truth", type=Path, help="JSON with what is said, as vori/demo/truth.json"
    )
    parser.add_argument("--language", default="en")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--road", choices=ROADS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.road:
        log.configure(Log(level="error"))
        run = run_vori if options.road == "vori" else run_plain
        print(json.dumps(run(Path(options.model), options.sound, options.language)))
        return
    truth = options.truth or (TRUTH if options.sound == SOUND else None)
    figures = measure(options.model, options.sound, truth, options.language, options.repeat)
    print(json.dumps(figures, indent=2))


def in_own_process(road: str, path: Path, sound: Path, language: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.speech", str(path), str(sound), "--road", road]
    root = Path(__file__).parent.parent
    output = subprocess.check_output([*command, "--language", language], cwd=root)
    answer: dict[str, Any] = json.loads(output)
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
        values["wordErrorRate"] = round(word_error_rate(truth, runs[0]["text"]), 4)
    return values


def run_vori(path: Path, sound: Path, language: str) -> dict[str, Any]:
    from vori.transcribe.models import ResolvedModel
    from vori.transcribe.offline import transcribe_samples
    from vori.transcribe.silero import Silero
    from vori.transcribe.voice import VoiceGate
    from vori.transcribe.whisper import Whisper

    samples = list(decode_file(sound, limit_s=LIMIT_S))
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

    samples = np.concatenate(list(decode_file(sound, limit_s=LIMIT_S)))
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


if __name__ == "__main__":
    main()
