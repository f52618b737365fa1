#!/usr/bin/env python3
"""The recipe end to end; resumes wherever it stopped. Needs only the standard library itself.

make.py all        sentences, sound, training, export, demo meeting, figures
make.py figures    the card's figures, of the model in the package
make.py STEP ...   some of: venv corpus train export meeting figures
make.py small      all in miniature (about 800 sentences, 60 steps) into the work folder's `small`,
                   to see in some minutes that the recipe runs; the package is left alone
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODEL = ROOT / "vori" / "transcribe" / "demo_model"
MEETING = ROOT / "vori" / "demo"
IS_SMALL = sys.argv[1:] == ["small"]
WORK = Path(os.environ.get("VORI_DEMO_MODEL_WORK", ROOT / "build" / "demo-model")).resolve()
if IS_SMALL:
    WORK = WORK / "small"
    MODEL, MEETING = WORK / "demo_model", WORK / "demo"
VENV = Path(os.environ.get("VORI_DEMO_MODEL_VENV", ROOT / ".venv-demo-model")).resolve()
SHARDS = 1 if IS_SMALL else int(os.environ.get("VORI_DEMO_MODEL_SHARDS", "320"))
TALK_SHARDS = -(-SHARDS // 10)
FIRST_TALK_SHARD = 10_000  # as in corpus.py
STEPS = ["venv", "corpus", "train", "export", "meeting", "figures"]


def environment() -> dict[str, str]:
    """One thread a process, and freed memory kept: page faults cost half of a step otherwise."""
    return os.environ | {
        "VORI_DEMO_MODEL_WORK": str(WORK),
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
        "MALLOC_TOP_PAD_": str(256 << 20),
    }


def start(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [str(VENV / "bin" / "python"), str(HERE / script), *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment())


def wait(*children: subprocess.Popen[bytes]) -> None:
    for child in children:
        if child.wait() != 0:
            raise SystemExit(f"{' '.join(map(str, child.args))} failed")  # type: ignore[arg-type]


def run(step: str) -> None:
    if step == "venv":
        if not (VENV / "bin" / "python").exists():
            venv.create(VENV, with_pip=True)
        pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "-q", "-r"]
        subprocess.run([*pip, str(HERE / "requirements.txt")], check=True)
    elif step == "corpus":
        cores = os.cpu_count() or 1
        wait(start("corpus.py", "--count", "1"))  # writes the word list that all share
        for first, count in ((0, SHARDS), (FIRST_TALK_SHARD, TALK_SHARDS)):
            end = str(first + count)
            options = [("--first", str(first + i), "--count", end, "--step", str(cores))
                       for i in range(cores)]  # fmt: skip
            wait(*(start("corpus.py", *o) for o in options))
    elif step == "train":
        wait(start("train.py", *(["--steps", "60"] if IS_SMALL else [])))
    elif step == "export":
        wait(start("export.py", str(MODEL)))
    elif step == "meeting":
        wait(start("meeting.py", str(MEETING)))
    elif step == "figures":
        wait(start("evaluate.py", str(MODEL), *(["--count", "5"] if IS_SMALL else [])))
    else:
        raise SystemExit(__doc__)


def main() -> None:
    asked = sys.argv[1:] or ["help"]
    if asked == ["figures"]:
        asked = ["venv", "figures"]
    for step in STEPS if asked in (["all"], ["small"]) else asked:
        print(f"== {step}", flush=True)
        run(step)


if __name__ == "__main__":
    main()
