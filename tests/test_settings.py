from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from vori import settings
from vori.settings import BadSetting, Settings, load

DEFAULT = Path(__file__).parents[1] / "config" / "default.toml"


def test_default_file_says_what_the_program_does() -> None:
    assert load([DEFAULT], environ={}) == Settings()


def test_default_file_names_every_setting() -> None:
    text = DEFAULT.read_text(encoding="utf-8")
    shown = tomllib.loads("\n".join(line.removeprefix("# ") for line in text.splitlines()[4:]))
    leaves = {name for name, _ in settings._leaves(shown)}
    assert leaves == set(settings.names())


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("[server]\nport = 1\nhost = '::1'\n")
    read = load([file], {"VORI_SERVER__PORT": "2", "HOME": "/"}, {"server.port": 3})
    assert (read.server.port, read.server.host) == (3, "::1")


def test_variables_become_numbers_flags_and_lists() -> None:
    read = load(
        environ={
            "VORI_AUDIO__IDLE_S": "2.5",
            "VORI_SERVER__DEV": "true",
            "VORI_SERVER__WORKERS": "web, tickets",
            "VORI_HOME": "/tmp/x",
        }
    )
    assert read.audio.idle_s == 2.5
    assert read.server.dev is True
    assert read.server.workers == ("web", "tickets")
    assert read.home_path == Path("/tmp/x")


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("VORI_SERVER__WORKERS", "web,trancribe", "choose from web, transcribe, tickets"),
        ("VORI_SPEECH__DEVICE", "gpu", "choose from auto, cpu, cuda"),
        ("VORI_SPEECH__MODLE", "x", "did you mean speech.model?"),
        ("VORI_PORT", "1", "did you mean server.port?"),
        ("VORI_SERVER__PORT", "many", "server.port = 'many'"),
        ("VORI_SERVER__PORT", "70000", "65535"),
        ("VORI_SERVER__WORKERS", "web,wbe", "wbe"),
        ("VORI_AUDIO__IDLE_S", "-1", "audio.idle_s"),
    ],
)
def test_wrong_settings_are_refused_by_name(variable: str, value: str, says: str) -> None:
    with pytest.raises(BadSetting) as caught:
        load(environ={variable: value})
    assert variable in caught.value.message
    assert says in caught.value.message


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "b.toml"
    broken.write_text("[server\n")
    for path in (broken, tmp_path / "missing.toml"):
        with pytest.raises(BadSetting, match=path.name):
            load([path], environ={})


def test_settings_survive_a_round_trip() -> None:
    assert msgspec.convert(msgspec.to_builtins(Settings()), Settings) == Settings()
