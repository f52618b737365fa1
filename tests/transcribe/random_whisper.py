"""Makes a Whisper of random weights in CTranslate2's layout, without torch.

It has the right shapes and hears nothing: good for speed, form and errors, never for words.
What it "says" are random letters and spaces.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ctranslate2.specs import WhisperSpec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

LANGUAGES = ("en", "zh", "de", "es", "ru", "ko", "fr", "ja")
TIMESTAMPS = 1501


class Shape(NamedTuple):
    width: int = 32
    encoder_layers: int = 1
    decoder_layers: int = 2
    heads: int = 2
    mels: int = 80
    vocabulary: int = 0
    """Rows of the embedding; 0 means as many as there are tokens."""


SHAPES = {
    "tiny": Shape(384, 4, 4, 6, 80, 51865),
    "base": Shape(512, 6, 6, 8, 80, 51865),
    "small": Shape(768, 12, 12, 12, 80, 51865),
    "medium": Shape(1024, 24, 24, 16, 80, 51865),
    "large-v3": Shape(1280, 32, 32, 20, 128, 51866),
    "turbo": Shape(1280, 32, 4, 20, 128, 51866),
}
"""Whisper's published shapes (Radford et al. 2022, table 1)."""


def write_random_whisper(
    path: Path,
    shape: Shape = Shape(),  # noqa: B008  (a NamedTuple is immutable)
    *,
    is_multilingual: bool = False,
    quantization: str | None = None,
    seed: int = 0,
) -> Path:
    """Write model.bin, config.json, vocabulary.json, tokenizer.json and the rest; return `path`."""
    path.mkdir(parents=True, exist_ok=True)
    tokens = _tokens(is_multilingual=is_multilingual)
    text_tokens = tokens.index("<|endoftext|>")
    padding = max(0, shape.vocabulary - len(tokens))
    tokens += [f"<|filler{i}|>" for i in range(padding)]

    spec = _spec(shape, len(tokens), np.random.default_rng(seed))
    # Letters, spaces and now and then the end: nothing else, as from a trained model.
    bias = np.full(len(tokens), -100, np.float32)
    bias[[tokens.index(letter) for letter in "abcdefghijklmnopqrstuvwxyz"]] = 0
    bias[[tokens.index("Ġ"), text_tokens]] = 1
    spec.decoder.projection.bias = bias
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [text_tokens]
    spec.config.lang_ids = [tokens.index(f"<|{code}|>") for code in LANGUAGES if is_multilingual]
    spec.config.alignment_heads = [[shape.decoder_layers - 1, h] for h in range(shape.heads)]
    spec.validate()
    spec.optimize(quantization=quantization)
    spec.save(str(path))

    _tokenizer(tokens, text_tokens).save(str(path / "tokenizer.json"))
    preprocessor = {"feature_size": shape.mels, "sampling_rate": 16000, "hop_length": 160}
    (path / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return path


def _tokens(*, is_multilingual: bool) -> list[str]:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    # CTranslate2 takes a vocabulary with an empty token for a multilingual model.
    text = [*letters, ""] if is_multilingual else letters
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    special = ["endoftext", "startoftranscript", *LANGUAGES, *tasks]
    times = [f"{i * 0.02:.2f}" for i in range(TIMESTAMPS)]
    return [*text, *(f"<|{name}|>" for name in [*special, *times])]


def _tokenizer(tokens: list[str], text_tokens: int) -> Tokenizer:
    ids = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE({t: i for t, i in ids.items() if i < text_tokens}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(tokens[text_tokens:])
    return tokenizer


def _spec(shape: Shape, vocabulary: int, rng: np.random.Generator) -> WhisperSpec:
    width = shape.width
    spec = WhisperSpec(shape.encoder_layers, shape.heads, shape.decoder_layers, shape.heads)

    def random(*dims: int) -> Any:
        fan_in = int(np.prod(dims[1:])) or 1
        return rng.standard_normal(dims, dtype=np.float32) / np.float32(np.sqrt(fan_in))

    def linear(layer: Any, out: int, into: int) -> None:
        layer.weight, layer.bias = random(out, into), np.zeros(out, np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def attention(layer: Any, outs: list[int]) -> None:
        norm(layer.layer_norm)
        for part, out in zip(layer.linear, outs, strict=True):
            linear(part, out, width)

    def feed_forward(layer: Any) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, 4 * width, width)
        linear(layer.linear_1, width, 4 * width)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = random(width, shape.mels, 3), random(width)
    encoder.conv2.weight, encoder.conv2.bias = random(width, width, 3), random(width)
    encoder.position_encodings.encodings = random(1500, width)
    for layer in encoder.layer:
        attention(layer.self_attention, [3 * width, width])
        feed_forward(layer.ffn)
    decoder.embeddings.weight = random(vocabulary, width)
    decoder.position_encodings.encodings = random(448, width)
    for layer in decoder.layer:
        attention(layer.self_attention, [3 * width, width])
        attention(layer.attention, [width, 2 * width, width])
        feed_forward(layer.ffn)
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    decoder.projection.weight = decoder.embeddings.weight
    return spec
