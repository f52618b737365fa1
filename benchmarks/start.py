"""How long `vori serve` takes to answer, on a new home and on a used one, and its memory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

WARM_RUNS = 3


def measure() -> dict[str, Any]:
    """Seconds from the process's start to the first answer of `/health/live` and a good
    `/health/ready` (model loaded), and MB of memory when ready: resident for VORI itself, the
    processes' own share (PSS) for PostgreSQL, whose processes share most of theirs.
    """
    with tempfile.TemporaryDirectory(prefix="vori-bench-") as path:
        cold = _start(Path(path))
        warm = [_start(Path(path)) for _ in range(WARM_RUNS)]
    return {
        "cold": cold,
        "warm": {name: sorted(run[name] for run in warm)[WARM_RUNS // 2] for name in cold},
    }


def _start(path: Path) -> dict[str, float]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("VORI_")}
    started = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "vori", "--home", str(path / "home"), "serve", "--dev"),
            *("--port", "0", "--model", "demo"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environ,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the server did not start"
        _until(found[0] + "/health/live")
        live_s = time.perf_counter() - started
        _until(found[0] + "/health/ready")
        ready_s = time.perf_counter() - started
        vori = psutil.Process(process.pid)
        mega = 1024 * 1024
        return {
            "liveS": live_s,
            "readyS": ready_s,
            "voriRssMb": vori.memory_info().rss / mega,
            "postgresPssMb": sum(c.memory_full_info().pss for c in vori.children(recursive=True))
            / mega,
        }
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _until(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
                return
        except urllib.error.URLError:  # an HTTPError too
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
