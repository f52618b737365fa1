"""`vori serve` told to stop before it listens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.journey, pytest.mark.postgres]


TRIES = 8


def test_a_stop_during_the_start_leaves_no_database_running(server_dir: Path) -> None:
    for number in range(TRIES):
        status, printed, database = stopped_on_its_way(server_dir / f"home{number}")
        assert not database.is_running()
        if status == 128 + signal.SIGTERM:
            assert printed == b""
            return
        assert status == 0  # it was up before it was told to stop, which shows nothing: once more
    pytest.fail("it was never told to stop before it was up")


def stopped_on_its_way(home: Path) -> tuple[int, bytes, psutil.Process]:
    """Told to stop once its database is there: its status, what it printed, and the database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VORI_")}
    command = [sys.executable, "-m", "vori", "--home", str(home), "serve", "--dev", "--port", "0"]
    process = subprocess.Popen(
        command, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    pid_file = home / "postgres" / "postmaster.pid"
    deadline = time.monotonic() + 120
    while not (pid_file.exists() and pid_file.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    database = psutil.Process(int(pid_file.read_text().split()[0]))
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=120)
    return process.returncode, printed, database
