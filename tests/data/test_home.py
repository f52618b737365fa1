from __future__ import annotations

import os
import subprocess
import sys

import pytest

from vori.data.home import open_home
from vori.errors import Conflict, Unavailable

HOLD = """
import sys
from pathlib import Path
from vori.data.home import open_home
with open_home(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_vori_on_one_home_is_refused_and_told_who_holds_it(home):
    with pytest.raises(Conflict) as refused, open_home(home.path):
        pass
    assert refused.value.code == "home_in_use"
    assert str(os.getpid()) in refused.value.message


def test_a_home_is_free_again_once_its_process_is_killed(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Conflict) as refused, open_home(tmp_path):
            pass
        assert str(holder.pid) in refused.value.message
        holder.kill()
        holder.wait()
        with open_home(tmp_path):
            pass


def test_a_home_is_made_for_its_owner_only(tmp_path):
    with open_home(tmp_path / "a" / "home") as home:
        assert home.path.stat().st_mode & 0o777 == 0o700


def test_a_home_that_is_a_file_is_refused_with_advice(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(Unavailable, match="set VORI_HOME") as refused, open_home(tmp_path / "home"):
        pass
    assert refused.value.code == "home_unusable"
