"""Which speech model to use, and where its files are.

`auto` takes the first of: this machine's cache, the hub (`large-v3-turbo` where there is CUDA,
`small` otherwise: smaller ones do not do for Korean), the small model shipped for demos. A model
that is named is never replaced by another one.
"""

from __future__ import annotations

import difflib
import os
import re
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from vori.errors import BadMessage, Unavailable

DEMO_PATH = Path(__file__).parent / "demo_model"
HUB_DEADLINE_S = 4.0  # of the 5 s that people may wait; loading the client takes up to one
STALL_S = 30.0
REPOSITORIES = {
    "tiny": "Systran/faster-whisper-tiny",
    "base": "Systran/faster-whisper-base",
    "small": "Systran/faster-whisper-small",
    "medium": "Systran/faster-whisper-medium",
    "large-v3": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}
FILES = ["model.bin", "config.json", "tokenizer.json", "preprocessor_config.json", "vocabulary.*"]
SPECIAL_TOKENS = (
    "endoftext", "startoftranscript", "translate", "transcribe", "startoflm", "startofprev",
    "notimestamps",
)  # fmt: skip
WAYS_OUT = (
    "Three ways to give VORI a model: (1) connect to the internet once and start again, and it is "
    "fetched and kept; (2) set speech.model (VORI_SPEECH__MODEL) to the directory of a Whisper "
    "model converted for CTranslate2; (3) put such a directory at {cache}/{name}."
)


class ModelCard(Struct, frozen=True, rename="camel"):
    """`vori.json` beside a model: what VORI should know of it. All fields may be left out."""

    name: str = ""
    languages: tuple[str, ...] = ()
    min_window_s: float | None = None
    """The shortest padding it was trained for; None: it wants its full window."""
    context_tokens: int | None = None
    """How much earlier text it can use; 0: it was trained without."""


class ModelFiles(Struct, frozen=True):
    path: Path
    card: ModelCard
    encoder_positions: int
    """50 a second."""
    decoder_positions: int
    is_distilled: bool
    """Its decoder has far fewer layers than its encoder."""


class ResolvedModel(Struct, frozen=True):
    path: Path
    name: str
    is_demo: bool = False
    warning: str = ""
    """Something the user must see, or empty."""


class Fetched(Struct, frozen=True):
    """How far a download is."""

    name: str
    done_bytes: int
    total_bytes: int


Progress = Callable[[Fetched], None]


_PART = r"[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?"
_HUB_NAME = re.compile(rf"(?!.*(?:\.\.|--)){_PART}/{_PART}", re.ASCII)
"""As the hub takes them; the folder `..` is none."""


def resolve(
    spec: str = "auto",
    *,
    device: str = "cpu",
    home: Path,
    offline: bool = False,
    progress: Progress | None = None,
) -> ResolvedModel:
    """Find the model's directory, fetching it from the hub where needed. Blocks; run in a thread.

    spec: `auto`, `demo`, a name of REPOSITORIES, a directory, or a hub repository (`owner/name`).
    device: `cuda` or `cpu`, for `auto`. home: fetched models are kept in `home/models`.
    progress: called a few times a second; None draws a bar on a terminal, and nothing elsewhere.

    Raises BadMessage (`not_a_model`, `unknown_model`) for a setting that cannot be right, and
    Unavailable (`no_model`) where the model is right but cannot be had; a hub that does not
    answer is noticed within 5 s.
    """
    if spec == "auto":
        return _auto("large-v3-turbo" if device == "cuda" else "small", home, offline, progress)
    if spec == "demo":
        return _demo(home)
    if spec in REPOSITORIES:
        return _named(spec, REPOSITORIES[spec], home, offline, progress)
    path = Path(spec).expanduser()
    if path.exists() or spec.startswith((".", "~")) or path.is_absolute():
        return ResolvedModel(read_model_files(path).path, path.name)
    if _HUB_NAME.fullmatch(spec):
        return _named(spec, spec, home, offline, progress)
    names = ["auto", "demo", *REPOSITORIES]
    near = difflib.get_close_matches(spec, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise BadMessage(
        f"There is no speech model {spec!r}{hint} Known are {', '.join(names)}, a directory, "
        "or a hub repository as owner/name.",
        code="unknown_model",
    )


def _auto(name: str, home: Path, offline: bool, progress: Progress | None) -> ResolvedModel:
    try:
        return _named(name, REPOSITORIES[name], home, offline, progress)
    except Unavailable as exc:
        if not (DEMO_PATH / "model.bin").exists():
            raise
        demo = _demo(home)
        warning = f"{exc.message} Until then: {demo.warning}"
        return ResolvedModel(demo.path, demo.name, is_demo=True, warning=warning)


def _demo(home: Path) -> ResolvedModel:
    if not (DEMO_PATH / "model.bin").exists():
        ways = WAYS_OUT.format(cache=home / "models", name="small")
        raise Unavailable(f"This copy of VORI ships no demo model. {ways}", code="no_model")
    files = read_model_files(DEMO_PATH)
    return ResolvedModel(
        files.path,
        files.card.name or "demo",
        is_demo=True,
        warning="the small demo model is in use. It was made to try VORI out and knows synthetic "
        "voices only: real speech comes out wrong.",
    )


def _named(
    name: str, repository: str, home: Path, offline: bool, progress: Progress | None
) -> ResolvedModel:
    kept = home / "models" / repository.replace("/", "--")
    for path in (home / "models" / name, kept, _shared_cache(repository)):
        if path and path.is_dir():
            try:
                return ResolvedModel(read_model_files(path).path, name)
            except BadMessage:
                continue  # half a download: fetch the rest
    ways = WAYS_OUT.format(cache=home / "models", name=name)
    if offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}:
        reason = f"The speech model {name} is not on this machine, and VORI is set to stay offline."
        raise Unavailable(f"{reason} {ways}", code="no_model")
    try:
        _fetch(name, repository, kept, progress)
    except Unavailable as exc:
        reason = f"The speech model {name} could not be fetched: {exc.message}."
        raise Unavailable(f"{reason} {ways}", code="no_model") from exc
    return ResolvedModel(read_model_files(kept).path, name)


def _shared_cache(repository: str) -> Path | None:
    """Where other programs on this machine keep models from the hub."""
    from huggingface_hub import snapshot_download  # half a second to import, seldom needed
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None


def _fetch(name: str, repository: str, to: Path, progress: Progress | None) -> None:
    """Download into `to`. What a broken download has left there is taken up again."""
    from faster_whisper.utils import disabled_tqdm
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    endpoint = os.environ.get("HF_ENDPOINT") or None
    api = HfApi(endpoint=endpoint)
    # In a thread of its own: looking a host's name up knows no timeout. The client's timeout is
    # the longer one, so that the deadline always tells of a hub that says nothing.
    asked = _InThread(
        lambda: api.model_info(repository, files_metadata=True, timeout=2 * HUB_DEADLINE_S)
    )
    if not asked.wait(HUB_DEADLINE_S):
        raise Unavailable(f"the hub did not answer within {HUB_DEADLINE_S:g} s")
    if isinstance(asked.error, RepositoryNotFoundError):
        raise Unavailable(f"the hub has no repository {repository}, or it is private")
    if asked.error is not None:
        raise Unavailable(f"the hub cannot be reached ({type(asked.error).__name__})")
    wanted = [f for f in asked.result.siblings or [] if _is_wanted(f.rfilename)]
    total_bytes = sum(file.size or 0 for file in wanted)

    got = _InThread(
        lambda: snapshot_download(
            repository,
            local_dir=to,
            allow_patterns=FILES,
            endpoint=endpoint,
            tqdm_class=disabled_tqdm,
        )
    )
    with _reporter(progress) as report:
        _watch(got, to, lambda done: report(Fetched(name, min(done, total_bytes), total_bytes)))
    if got.error is not None:
        raise Unavailable(f"the download broke off ({type(got.error).__name__}: {got.error})")


def _is_wanted(name: str) -> bool:
    return any(Path(name).match(pattern) for pattern in FILES) and "/" not in name


def _watch(got: _InThread, to: Path, report: Callable[[int], None]) -> None:
    """Wait for the download, reporting; give up when no byte has come for STALL_S."""
    done, since = -1, time.monotonic()
    while not got.wait(0.2):
        now = sum(file.stat().st_size for file in to.rglob("*") if file.is_file())
        if now != done:
            done, since = now, time.monotonic()
        elif time.monotonic() - since > STALL_S:
            raise Unavailable(f"no byte came for {STALL_S:g} s; the next start goes on from here")
        report(done)
    if got.error is None:
        report(sum(file.stat().st_size for file in to.glob("*") if file.is_file()))


class _InThread:
    """A call in a thread that nobody has to wait for."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: Exception | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, name="hub", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except Exception as exc:
            self.error = exc

    def wait(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()


@contextmanager
def _reporter(progress: Progress | None) -> Iterator[Progress]:
    """The caller's own, or a bar on a terminal, or nothing."""
    if progress is not None:
        yield progress
        return
    if not sys.stderr.isatty():
        yield lambda _fetched: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("speech model")

        def draw(fetched: Fetched) -> None:
            bar.update(
                task,
                description=f"speech model {fetched.name}",
                completed=fetched.done_bytes,
                total=fetched.total_bytes or None,
            )

        yield draw


class _Token(Struct):
    content: str


class _TokenizerFile(Struct):
    added_tokens: list[_Token]


def read_model_files(path: Path) -> ModelFiles:
    """Look at a model's files without loading it.

    CTranslate2 meets a wrong or cut-off file with anything up to the end of the process, so all
    is checked before. Raises BadMessage (`not_a_model`) saying what is missing or wrong.
    """
    if not path.is_dir():
        what = "is a file, not a directory" if path.exists() else "does not exist"
        raise not_a_model(path, f"it {what}")
    missing = [
        n for n in ("model.bin", "config.json", "tokenizer.json") if not (path / n).is_file()
    ]
    if not any((path / f"vocabulary.{kind}").is_file() for kind in ("json", "txt")):
        missing.append("vocabulary.json")
    if missing:
        others = ("*.safetensors", "pytorch_model*.bin", "ggml*.bin", "*.gguf", "*.pt", "*.onnx")
        other = next((str(file.name) for p in others for file in path.glob(p)), None)
        hint = f"; {other} is for another engine, convert it for CTranslate2" if other else ""
        raise not_a_model(path, f"it lacks {', '.join(missing)}{hint}")
    _read_json(path / "config.json", dict[str, Any])
    card = ModelCard()
    if (path / "vori.json").is_file():
        card = _read_json(path / "vori.json", ModelCard)
    special = {t.content for t in _read_json(path / "tokenizer.json", _TokenizerFile).added_tokens}
    lacking = [name for name in SPECIAL_TOKENS if f"<|{name}|>" not in special]
    if not special & {"<|nospeech|>", "<|nocaptions|>"}:
        lacking.append("nospeech")
    if lacking:
        raise not_a_model(path, f"its tokenizer.json lacks Whisper's tokens {', '.join(lacking)}")
    shapes = _read_shapes(path)
    return ModelFiles(
        path=path,
        card=card,
        encoder_positions=shapes.get("encoder/position_encodings/encodings", (1500,))[0],
        decoder_positions=shapes.get("decoder/position_encodings/encodings", (448,))[0],
        is_distilled=_layers(shapes, "encoder") >= 4 * max(1, _layers(shapes, "decoder")),
    )


def _layers(shapes: dict[str, tuple[int, ...]], part: str) -> int:
    return len({name.split("/")[1] for name in shapes if name.startswith(f"{part}/layer_")})


def not_a_model(path: Path, why: str) -> BadMessage:
    """The error for a directory whose files cannot be right."""
    return BadMessage(f"{path} is no Whisper model for CTranslate2: {why}.", code="not_a_model")


def _read_json(file: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise not_a_model(file.parent, f"{file.name} cannot be read ({exc})") from exc


def _read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Walk through model.bin, checking that it is whole; return the shapes of its variables.

    Layout: version u32, name of the kind, revision u32, then counted variables, each a name,
    rank u8, dimensions u32, type u8, size u32 and its bytes; names are a u16 length, the bytes
    and NUL (CTranslate2's `specs/model_spec.py`).
    """
    file = path / "model.bin"
    size = file.stat().st_size
    with file.open("rb") as source:
        try:
            version, kind = _unpack(source, "<I"), _name(source)
            if not 2 <= version <= 99 or not kind.endswith("Spec"):
                raise not_a_model(path, "model.bin has another engine's format")
            if kind != "WhisperSpec":
                raise not_a_model(path, f"model.bin holds a {kind}, not a WhisperSpec")
            shapes: dict[str, tuple[int, ...]] = {}
            _unpack(source, "<I")
            if version != 6:
                return shapes  # another layout, which only the engine knows
            for _ in range(_unpack(source, "<I")):
                name = _name(source)
                shapes[name] = tuple(_unpack(source, "<I") for _ in range(_unpack(source, "<B")))
                _unpack(source, "<B")
                if source.seek(_unpack(source, "<I"), os.SEEK_CUR) > size:
                    raise not_a_model(path, "model.bin is cut off; fetch or copy it again")
        except (struct.error, UnicodeDecodeError) as exc:
            raise not_a_model(path, "model.bin is cut off or damaged") from exc
    return shapes


def _unpack(source: BinaryIO, form: str) -> int:
    [number] = struct.unpack(form, source.read(struct.calcsize(form)))
    return int(number)


def _name(source: BinaryIO) -> str:
    return source.read(_unpack(source, "<H")).rstrip(b"\0").decode("ascii")
