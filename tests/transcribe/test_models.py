import http.server
import json
import os
import shutil
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transcribe.random_whisper import write_random_whisper
from vori.errors import BadMessage, Unavailable
from vori.transcribe import models
from vori.transcribe.models import Fetched, read_model_files, resolve
from vori.transcribe.whisper import Whisper


@pytest.fixture(scope="module")
def whisper_path(tmp_path_factory) -> Path:
    return write_random_whisper(tmp_path_factory.mktemp("models") / "random")


@pytest.fixture
def copy(whisper_path, tmp_path) -> Path:
    return Path(shutil.copytree(whisper_path, tmp_path / "copy"))


@pytest.fixture(autouse=True)
def no_hub(monkeypatch, tmp_path):
    """Nothing outside is asked, and this machine's own cache is out of sight."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(models, "_shared_cache", lambda repository: None)
    monkeypatch.setattr(models, "DEMO_PATH", tmp_path / "no-demo")


@pytest.fixture
def demo(monkeypatch, whisper_path) -> Path:
    monkeypatch.setattr(models, "DEMO_PATH", whisper_path)
    return whisper_path


# A model that is named.


def test_a_directory_is_taken_as_it_is(whisper_path, tmp_path):
    model = resolve(str(whisper_path), home=tmp_path)
    assert (model.path, model.name, model.is_demo) == (whisper_path, "random", False)
    assert model.warning == ""


def test_a_relative_directory_is_taken(whisper_path, tmp_path, monkeypatch):
    monkeypatch.chdir(whisper_path.parent)
    assert resolve("random", home=tmp_path).path.resolve() == whisper_path
    assert resolve("./random", home=tmp_path).path.resolve() == whisper_path


@pytest.mark.parametrize("name", ["small", "Systran--faster-whisper-small"])
def test_a_model_put_into_home_needs_no_hub(whisper_path, tmp_path, name):
    shutil.copytree(whisper_path, tmp_path / "models" / name)
    model = resolve("small", home=tmp_path)
    assert (model.path, model.name) == (tmp_path / "models" / name, "small")


def test_a_model_in_the_machines_cache_needs_no_hub(whisper_path, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(models, "_shared_cache", lambda repo: asked.append(repo) or whisper_path)
    assert resolve("owner/name", home=tmp_path).path == whisper_path
    assert asked == ["owner/name"]


def test_an_unknown_name_is_refused_with_the_nearest_right_one(tmp_path):
    with pytest.raises(BadMessage, match="'small'") as caught:
        resolve("smal", home=tmp_path)
    assert caught.value.code == "unknown_model"
    with pytest.raises(BadMessage, match=r"model 'xyzzy'\. Known are auto"):
        resolve("xyzzy", home=tmp_path)


def test_a_directory_that_is_not_there_is_no_model(tmp_path):
    with pytest.raises(BadMessage, match="does not exist") as caught:
        resolve(str(tmp_path / "nowhere"), home=tmp_path)
    assert caught.value.code == "not_a_model"


def test_demo_is_the_shipped_model_with_a_warning(demo, tmp_path):
    model = resolve("demo", home=tmp_path)
    assert (model.path, model.is_demo) == (demo, True)
    assert "synthetic" in model.warning


def test_demo_that_is_not_shipped_says_so(tmp_path):
    with pytest.raises(Unavailable, match="ships no demo model") as caught:
        resolve("demo", home=tmp_path)
    assert caught.value.code == "no_model"


# Directories that hold no model.


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(BadMessage, match=name) as caught:
        read_model_files(copy)
    assert caught.value.code == "not_a_model"


def test_a_model_for_another_engine_is_recognised(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 8)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BadMessage, match=r"model\.safetensors is for another engine"):
        read_model_files(tmp_path)


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"a": 1'])
def test_a_broken_config_is_named(copy, content):
    (copy / "config.json").write_text(content)
    with pytest.raises(BadMessage, match=r"config\.json"):
        read_model_files(copy)


def test_a_tokenizer_without_whispers_tokens_is_refused(copy):
    (copy / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"content": "<s>"}]}))
    with pytest.raises(BadMessage, match="startoftranscript"):
        read_model_files(copy)


def test_another_ctranslate2_model_is_told_from_whisper(copy):
    name = b"TransformerSpec\0"
    (copy / "model.bin").write_bytes(struct.pack("<IH", 6, len(name)) + name)
    with pytest.raises(BadMessage, match="TransformerSpec"):
        read_model_files(copy)


@pytest.mark.parametrize("keep", [0, 3, 10, 30, 100, 5_000, 400_000, -1])
def test_a_model_that_is_cut_off_is_refused(copy, keep):
    whole = (copy / "model.bin").read_bytes()
    (copy / "model.bin").write_bytes(whole[:keep])
    with pytest.raises(BadMessage) as caught:
        Whisper(models.ResolvedModel(copy, "copy"), device="cpu")
    assert caught.value.code == "not_a_model"


@pytest.mark.parametrize("content", [b"PK\x03\x04" * 100, b"\xff" * 1000, b"ggml" * 50])
def test_a_file_of_another_format_is_refused(copy, content):
    (copy / "model.bin").write_bytes(content)
    with pytest.raises(BadMessage) as caught:
        read_model_files(copy)
    assert caught.value.code == "not_a_model"


def test_a_card_tells_how_to_use_the_model(copy):
    card = {"name": "vori-demo", "languages": ["en"], "minWindowS": 2.5, "contextTokens": 0}
    (copy / "vori.json").write_text(json.dumps({**card, "madeBy": "later fields are fine"}))
    files = read_model_files(copy)
    assert files.card.name == "vori-demo"
    assert (files.card.min_window_s, files.card.context_tokens) == (2.5, 0)
    assert (files.encoder_positions, files.decoder_positions) == (1500, 448)


# The hub.


class Hub:
    """What `huggingface_hub` asks of a hub, on a loopback port."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.cut_off: set[str] = set()
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                hub.asked.append(f"{self.command} {self.path}")
                if self.path.startswith("/api/models/"):
                    siblings = [{"rfilename": n, "size": len(b)} for n, b in hub.files.items()]
                    body = {"id": "owner/name", "sha": "0" * 40, "siblings": siblings}
                    self.answer(json.dumps(body).encode(), kind="application/json")
                    return
                name = self.path.rsplit("/", 1)[-1]
                self.answer(hub.files[name], name=name)

            def answer(self, body: bytes, *, kind="application/octet-stream", name="") -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("X-Repo-Commit", "0" * 40)
                self.send_header("ETag", f'"{name}{len(body)}"')
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hub(whisper_path, monkeypatch) -> Iterator[Hub]:
    files = {file.name: file.read_bytes() for file in whisper_path.iterdir()}
    hub = Hub({**files, "README.md": b"not wanted"})
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield hub
    hub.close()


def test_a_model_is_fetched_once_with_progress(hub, tmp_path):
    seen: list[Fetched] = []
    model = resolve("owner/name", home=tmp_path, progress=seen.append)
    assert model.path == tmp_path / "models" / "owner--name"
    Whisper(model, device="cpu", workers=1)
    wanted = sum(len(body) for name, body in hub.files.items() if name != "README.md")
    assert seen[-1] == Fetched("owner/name", wanted, wanted)
    assert not any("README" in path for path in hub.asked)
    asked = len(hub.asked)
    assert resolve("owner/name", home=tmp_path).path == model.path
    assert len(hub.asked) == asked


def test_half_a_download_is_completed(hub, whisper_path, tmp_path):
    half = tmp_path / "models" / "owner--name"
    half.mkdir(parents=True)
    shutil.copy(whisper_path / "config.json", half)
    assert resolve("owner/name", home=tmp_path, progress=print).path == half
    assert (half / "model.bin").exists()


def test_a_repository_that_is_no_whisper_model_is_refused(hub, tmp_path):
    del hub.files["tokenizer.json"]
    with pytest.raises(BadMessage, match=r"tokenizer\.json"):
        resolve("owner/name", home=tmp_path)


@pytest.fixture
def silent_hub(monkeypatch) -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        yield endpoint


def test_a_hub_that_never_answers_is_noticed_in_time(silent_hub, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "HUB_DEADLINE_S", 0.3)
    with pytest.raises(Unavailable, match=r"did not answer within 0\.3 s") as caught:
        resolve("auto", home=tmp_path)
    message = caught.value.message
    assert caught.value.code == "no_model"
    assert all(way in message for way in ("(1)", "(2) set speech.model", "(3)"))
    assert str(tmp_path / "models" / "small") in message


def test_the_deadline_is_five_seconds():
    assert models.HUB_DEADLINE_S <= 5


def test_a_hub_that_refuses_gives_way_to_the_demo_with_a_loud_warning(demo, tmp_path):
    model = resolve("auto", home=tmp_path)
    assert (model.path, model.is_demo) == (demo, True)
    assert "small could not be fetched" in model.warning
    assert "(2) set speech.model" in model.warning
    assert "synthetic" in model.warning


def test_auto_asks_for_the_larger_model_where_there_is_cuda(tmp_path):
    with pytest.raises(Unavailable, match="large-v3-turbo"):
        resolve("auto", device="cuda", home=tmp_path)


def test_a_model_asked_for_by_name_is_never_replaced_by_the_demo(demo, tmp_path):
    with pytest.raises(Unavailable, match="base could not be fetched"):
        resolve("base", home=tmp_path)


@pytest.mark.parametrize("by", ["setting", "environment"])
def test_offline_the_hub_is_not_asked(hub, tmp_path, monkeypatch, by):
    if by == "environment":
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Unavailable, match="stay offline"):
        resolve("small", home=tmp_path, offline=by == "setting")
    assert hub.asked == []


def test_a_download_that_stalls_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "STALL_S", 0.0)
    stop = threading.Event()
    got = models._InThread(lambda: stop.wait(120))
    began = time.monotonic()
    with pytest.raises(Unavailable, match="no byte came"):
        models._watch(got, tmp_path, lambda _done: None)
    assert time.monotonic() - began < 60
    stop.set()


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_on_a_terminal_a_bar_is_drawn(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with models._reporter(None) as report:
        report(Fetched("small", 50, 100))
    assert "speech model small" in capsys.readouterr().err
