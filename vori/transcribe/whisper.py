"""The Recogniser made with CTranslate2's Whisper.

A window is encoded on its own (on CPUs a batch of encodings is slower than one after the
other), then windows of equal size are decoded together, then aligned for the times of words.
Decoding is without timestamps: their rules slow every step down and the alignment is better.

What CTranslate2 wants, each found the hard way:
- an empty list of prompts ends the process, so empty batches never get there;
- prompts of one batch must be equally long, so earlier text is cut to a few fixed sizes;
- encoder output with as many positions as there are mel bands is taken for sound again,
  so windows have fixed lengths which avoid that;
- `max_length` counts the prompt, and half of it bounds the new tokens.
"""

from __future__ import annotations

import functools
import math
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from msgspec import structs

from vori import log
from vori.errors import BadMessage, TooLarge, Unavailable
from vori.transcribe.guard import POOR_LOGPROB, is_loop
from vori.transcribe.messages import RATE_HZ, Samples, Transcript, Word
from vori.transcribe.models import ModelFiles, ResolvedModel, not_a_model, read_model_files
from vori.transcribe.recogniser import ModelInfo, OutOfMemory, Window
from vori.transcribe.settle import UNSPACED_LANGUAGES

WINDOWS_S = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
"""Sound is padded with silence to one of these, so that windows can share a batch."""
CONTEXT_SIZES = (64, 32, 16, 8)
"""Tokens of hotwords and earlier text, with their marker; what is shorter than 8 is left out."""
POSITIONS_PER_S = 50
CPU_WINDOW_S = 10.0
"""Models trained on full windows lose words in much shorter ones; a model's card may say less."""
BEAM_SIZE = 5
LOOP_PENALTY = 1.2
"""On tokens said before, in the second try; 1 is none."""
MOST_MISFITS = 3
"""A CUDA device whose memory did not hold one window so often in a row is left for the CPU."""
STAY_WEIGHT = 10.0
"""How much likelier a recording stays in its language than it changes, from one utterance on."""

logger = log.get(__name__)


@dataclass(slots=True)
class _Row:
    """One window on its way through the model."""

    index: int
    window: Window
    features: Any
    seconds: float
    beam_size: int
    repetition_penalty: float = 1.0
    encoded: Any = None
    tokenizer: Any = None
    context: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    words: tuple[Word, ...] = ()

    def text(self) -> str:
        return _clean(self.tokenizer.decode(self.tokens))


class Whisper:
    """A loaded model. Several threads may call `transcribe` at once; they share the weights."""

    def __init__(
        self,
        model: ResolvedModel,
        *,
        device: str = "auto",
        compute_type: str = "auto",
        workers: int = 0,
        cpu_threads: int = 1,
        gpus: Sequence[int] = (0,),
        min_window_s: float | None = None,
        context_tokens: int | None = None,
        languages: Sequence[str] = ("ko", "en"),
    ) -> None:
        """Load the model and run it once, so that a device that does not work is found now.

        device: `auto` (CUDA if there is one that works, else CPU), `cuda`, `cpu`.
        compute_type: `auto` is float16 on CUDA and int8 on CPU.
        workers: how many calls run side by side: on CPU one core each, 0 means one per core; on
            CUDA streams of each device, 0 means two (one encodes while the other decodes).
        cpu_threads: cores for each call on CPU; one is best as soon as two rooms speak.
        gpus: CUDA devices among which calls are shared; each holds the weights.
        min_window_s: windows are padded to at least this. None takes what the model's card says,
            else 10 s on CPU, where encoding 30 s costs seven times as much, and the full window
            on CUDA and for distilled models (turbo), which lose most words in short ones.
        context_tokens: how much earlier text the model is given; None as the card says, else 64.
        languages: which ones are told apart where a window does not name its own.

        Raises BadMessage (`not_a_model`) for a directory that holds no Whisper model, and
        Unavailable when the device cannot run it.
        """
        files = read_model_files(model.path)
        self._load_for = functools.partial(
            _load, files, workers=workers, cpu_threads=cpu_threads, gpus=gpus
        )
        self._loaded, device, compute_type = self._load_for(device, compute_type)
        self._engine = self._loaded.model
        self._lock = threading.Lock()
        self._misfits = 0
        self._max_positions = files.encoder_positions
        self._max_length = files.decoder_positions
        full_s = files.encoder_positions / POSITIONS_PER_S
        usual_s = CPU_WINDOW_S if device == "cpu" and not files.is_distilled else full_s
        least_s = _first(min_window_s, files.card.min_window_s, min(usual_s, full_s))
        self._sizes_s = (*(size for size in WINDOWS_S if least_s <= size < full_s), full_s)
        self._context_tokens = int(_first(context_tokens, files.card.context_tokens, 64))
        self._extract = FeatureExtractor(feature_size=self._engine.n_mels)
        self._tokenizers = _tokenizers(self._loaded)
        self._suppress = get_suppressed_tokens(next(iter(self._tokenizers.values())), [-1])
        known = tuple(self._tokenizers)
        self._detectable = tuple(code for code in languages if code in known) or known
        self.model = ModelInfo(
            name=model.name,
            path=model.path,
            is_demo=model.is_demo,
            languages=known if self._engine.is_multilingual else (files.card.languages or ("en",)),
            device=device,
            compute_type=compute_type,
            max_window_s=full_s,
            window_sizes_s=self._sizes_s,
            # Distilled models (turbo) and small ones of our own were never shown how.
            can_translate=self._engine.is_multilingual
            and not files.is_distilled
            and not model.is_demo,
        )

    def transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        """See Recogniser. Raises TooLarge for sound longer than the model's window, and OutOfMemory."""
        try:
            heard = self._transcribe(windows)
            self._misfits = 0
            return heard
        except RuntimeError as exc:  # as CTranslate2 raises it
            if "out of memory" not in str(exc):
                raise
            if len(windows) == 1 and self._gives_way_to_the_cpu():
                return self._transcribe(windows)
            raise OutOfMemory(
                f"The {self.model.device} memory does not hold {len(windows)} windows of the model "
                f"{self.model.name}: set speech.batch_size or speech.replicas lower, "
                "speech.compute_type to int8_float16, or take a smaller model."
            ) from exc

    def _gives_way_to_the_cpu(self) -> bool:
        """Whether it does now: the device's memory did not hold a single window, several times."""
        with self._lock:
            if self._engine.device != "cuda":
                return self.model.device == "cpu"  # another worker's window was the last straw
            self._misfits += 1
            if self._misfits < MOST_MISFITS:
                return False
            logger.error(
                "cuda_out_of_memory",
                model=self.model.name,
                reason="not even one window fits: going on on the CPU, slowly; free the device's "
                "memory or take a smaller model, and start VORI again",
            )
            self._loaded, device, compute_type = self._load_for("cpu", "auto")
            self._engine = self._loaded.model
            self.model = structs.replace(self.model, device=device, compute_type=compute_type)
            return True

    def _transcribe(self, windows: Sequence[Window]) -> list[Transcript]:
        rows = [self._row(i, window) for i, window in enumerate(windows) if len(window.samples)]
        self._encode(rows)
        for row in rows:
            row.tokenizer = self._tokenizer(row)
            row.context = self._context(row)
        self._generate(rows)
        self._generate_again([row for row in rows if _is_poor(row)])
        self._align([row for row in rows if row.tokens and not row.window.translate])
        heard = {row.index: _transcript(row) for row in rows}
        nothing = Transcript(text="", language="", no_speech_prob=1.0)
        return [heard.get(i, nothing) for i in range(len(windows))]

    def _row(self, index: int, window: Window) -> _Row:
        seconds = len(window.samples) / RATE_HZ
        size_s = next((size for size in self._sizes_s if size >= seconds), None)
        if size_s is None:
            raise TooLarge(
                f"This model hears at most {self._sizes_s[-1]:g} s at once, not {seconds:.1f} s",
                code="window_too_long",
            )
        features = log_mel(self._extract, window.samples, frames=round(size_s * 100))
        beam_size = BEAM_SIZE if window.is_final else 1
        return _Row(index, window, features, seconds, beam_size)

    def _encode(self, rows: list[_Row]) -> None:
        """Encode; on CUDA rows of equal size in one call, on CPU one by one."""
        if self._engine.device == "cuda":
            batches = list(_buckets(rows, lambda row: row.features.shape[1]))
        else:
            batches = [[row] for row in rows]
        for batch in batches:
            sound = np.ascontiguousarray(np.stack([row.features for row in batch]))
            encoded = self._engine.encode(ctranslate2.StorageView.from_array(sound), to_cpu=True)
            for row, positions in zip(batch, np.array(encoded), strict=True):
                row.encoded, row.features = positions, None

    def _tokenizer(self, row: _Row) -> Tokenizer:
        language = row.window.language
        if not self._engine.is_multilingual:
            return next(iter(self._tokenizers.values()))
        if language is None:
            language = self._detect_language(row)
        if language not in self._tokenizers:
            known = ", ".join(sorted(self._tokenizers))
            raise BadMessage(f"This model has no language {language!r}; it knows {known}",
                             code="unknown_language")  # fmt: skip
        if row.window.translate:
            hf_tokenizer = self._loaded.hf_tokenizer
            return Tokenizer(hf_tokenizer, True, task="translate", language=language)
        return self._tokenizers[language]

    def _detect_language(self, row: _Row) -> str:
        [ranked] = self._engine.detect_language(_storage([row]))
        weights: dict[str, float] = {
            code: probability * (STAY_WEIGHT if code == row.window.likely_language else 1)
            for code, probability in ((token[2:-2], p) for token, p in ranked)
            if code in self._detectable
        }
        return max(weights, key=lambda code: weights[code])

    def _context(self, row: _Row) -> list[int]:
        """Hotwords and the end of the earlier text, cut to a fixed number of tokens."""
        hot = row.tokenizer.encode(f" {row.window.hotwords.strip()}") if row.window.hotwords else []
        said = row.window.previous_text.strip()
        previous = row.tokenizer.encode(f" {said}") if said else []
        longest = 1 + len(hot) + len(previous)
        size = next((s for s in CONTEXT_SIZES if s <= min(longest, self._context_tokens)), 0)
        if not size:
            return []
        room = size - 1
        hot = hot[: max(room - len(previous), room // 2)]
        return [row.tokenizer.sot_prev, *hot, *previous[len(previous) - (room - len(hot)) :]]

    def _generate(self, rows: list[_Row]) -> None:
        def kind(row: _Row) -> tuple[Any, ...]:
            return len(row.encoded), len(row.context), row.beam_size, row.repetition_penalty

        for batch in _buckets(rows, kind):
            prompts = [
                [*row.context, *row.tokenizer.sot_sequence, row.tokenizer.no_timestamps]
                for row in batch
            ]
            results = self._engine.generate(
                _storage(batch),
                prompts,
                beam_size=batch[0].beam_size,
                repetition_penalty=batch[0].repetition_penalty,
                max_length=self._max_length_of(batch, len(prompts[0])),
                return_scores=True,
                return_no_speech_prob=True,
                suppress_tokens=self._suppress,
            )
            for row, result in zip(batch, results, strict=True):
                ids = result.sequences_ids[0]
                # The score is the mean over the tokens; the end of text counts as one more.
                row.avg_logprob = result.scores[0] * len(ids) / (len(ids) + 1)
                row.no_speech_prob = result.no_speech_prob
                # The batch shares one bound, that of its longest row.
                own = ids[: max_new_tokens(row.seconds)]
                row.tokens = [token for token in own if token < row.tokenizer.eot]

    def _max_length_of(self, batch: list[_Row], prompt: int) -> int:
        new = max(max_new_tokens(row.seconds) for row in batch)
        return min(self._max_length, max(2 * new, prompt + new))

    def _generate_again(self, rows: list[_Row]) -> None:
        """Do without what leads into loops (beam search, earlier text); keep the better."""
        before = [replace(row) for row in rows]
        for row in rows:
            row.context, row.beam_size, row.repetition_penalty = [], 1, LOOP_PENALTY
        self._generate(rows)
        for row, first in zip(rows, before, strict=True):
            if (is_loop(row.text()), -row.avg_logprob) > (
                is_loop(first.text()),
                -first.avg_logprob,
            ):
                row.tokens, row.avg_logprob = first.tokens, first.avg_logprob

    def _align(self, rows: list[_Row]) -> None:
        def kind(row: _Row) -> tuple[Any, ...]:
            return len(row.encoded), row.tokenizer.language

        for batch in _buckets(rows, kind):
            results = self._engine.align(
                _storage(batch),
                batch[0].tokenizer.sot_sequence,
                [row.tokens for row in batch],
                [max(2, round(row.seconds * 100)) for row in batch],
            )
            for row, result in zip(batch, results, strict=True):
                row.words = _words(row, result.alignments, result.text_token_probs)


def log_mel(extract: FeatureExtractor, samples: Samples, *, frames: int) -> np.ndarray:
    """Whisper's features of the samples, then zeros: float32, shape (mels, frames).

    Zeros, as faster-whisper pads, and not the features of silence.
    """
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    # The last frames see 200 samples further, and what is mirrored there must be silence.
    heard = extract(np.pad(samples, (0, 640)), padding=0)
    heard = heard[:, : min(frames, math.ceil(len(samples) / extract.hop_length))]
    return np.pad(heard, ((0, 0), (0, frames - heard.shape[1])))


def max_new_tokens(seconds: float) -> int:
    """More than anybody says: bounds what a loop can cost. Korean takes 8 to 10 tokens a second."""
    return min(220, 8 + round(14 * seconds))


def _is_poor(row: _Row) -> bool:
    """A loop; or a final that the model itself finds unlikely (a partial comes again anyway)."""
    return is_loop(row.text()) or (row.window.is_final and row.avg_logprob < POOR_LOGPROB)


def _transcript(row: _Row) -> Transcript:
    return Transcript(
        text=row.text(),
        language=row.tokenizer.language_code,
        words=row.words,
        avg_logprob=row.avg_logprob,
        no_speech_prob=row.no_speech_prob,
    )


def _words(
    row: _Row, alignment: Iterable[tuple[int, int]], probabilities: Sequence[float]
) -> tuple[Word, ...]:
    """Group tokens into words, with times from the window's start."""
    token_of, position_of = np.array(alignment).T
    begins = np.flatnonzero(np.diff(token_of, prepend=-1))
    # Where each token begins; the last entry is the end of text.
    times_ms = np.minimum(position_of[begins] * (1000 // POSITIONS_PER_S), row.seconds * 1000)
    words = []
    for text, first, last in _spans(row.tokenizer, row.tokens):
        words.append(
            Word(
                text=text,
                start_ms=int(times_ms[min(first, len(times_ms) - 1)]),
                end_ms=int(times_ms[min(last, len(times_ms) - 1)]),
                probability=round(float(np.mean(probabilities[first:last])), 4),
            )
        )
    return tuple(words)


def _spans(tokenizer: Tokenizer, tokens: list[int]) -> list[tuple[str, int, int]]:
    """Cut tokens at spaces, or at every character in scripts without them: (word, from, to)."""
    texts, groups = tokenizer.split_tokens_on_unicode(tokens)
    is_spaced = tokenizer.language_code not in UNSPACED_LANGUAGES
    spans: list[tuple[str, int, int]] = []
    at = 0
    for text, group in zip(texts, groups, strict=True):
        is_new = text[:1].isspace() or (not is_spaced and text.strip().isalnum())
        if is_new or not spans:
            spans.append((text, at, at + len(group)))
        else:
            before, first, _ = spans[-1]
            spans[-1] = (before + text, first, at + len(group))
        at += len(group)
    cleaned = [(_clean(text), first, last) for text, first, last in spans]
    return [span for span in cleaned if span[0]]


def _clean(text: str) -> str:
    """Single spaces, and no broken or unprintable characters, which no store need take."""
    kept = (c for c in text if (c.isprintable() and c != "\ufffd") or c.isspace())
    return " ".join("".join(kept).split())


def _buckets(rows: Iterable[_Row], key: Any) -> Iterable[list[_Row]]:
    grouped = defaultdict(list)
    for row in rows:
        grouped[key(row)].append(row)
    return grouped.values()


def _storage(rows: list[_Row]) -> Any:
    joined = np.ascontiguousarray(np.stack([row.encoded for row in rows]))
    return ctranslate2.StorageView.from_array(joined)


def _first(*choices: float | None) -> float:
    return next(choice for choice in choices if choice is not None)


def _tokenizers(loaded: WhisperModel) -> dict[str, Tokenizer]:
    """One per language that the vocabulary has; a model of one language has one, named `en`."""
    if not loaded.model.is_multilingual:
        return {"en": Tokenizer(loaded.hf_tokenizer, multilingual=False)}
    return {
        code: Tokenizer(loaded.hf_tokenizer, True, task="transcribe", language=code)
        for code in loaded.supported_languages
        if loaded.hf_tokenizer.token_to_id(f"<|{code}|>") is not None
    }


def _load(
    files: ModelFiles,
    device: str,
    compute_type: str,
    workers: int,
    cpu_threads: int,
    gpus: Sequence[int],
) -> tuple[WhisperModel, str, str]:
    """Load in the first way that works; say why where that is not the first choice."""
    ways = [(device, compute_type)]
    if device == "auto":
        ways = [("cpu", compute_type)]
        if ctranslate2.get_cuda_device_count():
            ways = [("cuda", compute_type), *ways]
    if ways[0] == ("cuda", "auto") and "int8_float16" in _compute_types("cuda"):
        ways.insert(1, ("cuda", "int8_float16"))  # half the memory
    for device, wanted in ways:
        try:
            kind = _compute_type(device, wanted)
            loaded = WhisperModel(
                str(files.path),
                device=device,
                device_index=list(gpus) if device == "cuda" else 0,
                compute_type=kind,
                cpu_threads=cpu_threads if device == "cpu" else 0,
                num_workers=workers or (os.cpu_count() or 1 if device == "cpu" else 2),
                local_files_only=True,
            )
            _try(loaded.model)
        except (RuntimeError, ValueError) as exc:
            if device == "cpu":
                raise not_a_model(files.path, f"the engine says {str(exc)!r}") from exc
            if (device, wanted) == ways[-1]:
                raise Unavailable(
                    f"The model in {files.path} does not run on {device} ({kind}): {exc}",
                    code="model_not_loaded",
                ) from exc
            logger.warning("device_not_usable", device=device, compute_type=kind, reason=str(exc))
        else:
            return loaded, device, kind
    raise AssertionError("unreachable")


def _compute_type(device: str, wanted: str) -> str:
    supported = _compute_types(device)
    if wanted == "auto":
        order = ("float16", "int8_float16") if device == "cuda" else ("int8",)
        return next((kind for kind in order if kind in supported), "float32")
    if wanted not in supported:
        known = ", ".join(sorted(supported))
        raise BadMessage(f"This {device} cannot compute in {wanted!r}; it can in {known}",
                         code="unknown_compute_type")  # fmt: skip
    return wanted


def _compute_types(device: str) -> set[str]:
    supported: set[str] = ctranslate2.get_supported_compute_types(device)
    return supported


def _try(engine: Any) -> None:
    """Missing CUDA libraries show at the first use only, so use it: 1 s of silence."""
    silence = np.zeros((1, engine.n_mels, 100), np.float32)
    engine.encode(ctranslate2.StorageView.from_array(silence), to_cpu=True)
