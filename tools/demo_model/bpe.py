"""Byte-level BPE of about 1,000 pieces, then Whisper's special and timestamp tokens in its order."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

TEXT_PIECES = 1000
TIMESTAMPS = 1501  # 0.00 to 30.00 s, every 0.02 s
SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
]
EOT, SOT, NOSPEECH, PREV, NOTIMESTAMPS = (
    TEXT_PIECES + SPECIAL.index(f"<|{name}|>")
    for name in ("endoftext", "startoftranscript", "nospeech", "startofprev", "notimestamps")
)
TIME0 = TEXT_PIECES + len(SPECIAL)
VOCABULARY = TIME0 + TIMESTAMPS

_SPLIT = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+")


def byte_letters() -> list[str]:
    """A printable letter for each byte, GPT-2's table: printable ones stand for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {b: chr(b) for b in printable}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return [table[b] for b in range(256)]


def byte_letters_space() -> int:
    """The piece that is one space."""
    return 32


def learn(sentences: Iterable[str], pieces: int = TEXT_PIECES) -> list[tuple[str, str]]:
    """Merges in order, most frequent pair first (ties by spelling).

    They begin with space+letter for every letter: the stock decoder suppresses the lone space
    (faster-whisper's `non_speech_tokens`), so no word may need it.
    """
    letters = byte_letters()
    space = letters[32]
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(_SPLIT.findall(" " + sentence))
    words = {
        w: ["".join(letters[b]) for b in w.encode()] for w in counts
    }  # each word as its list of pieces so far
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    merges = [(space, c) for c in alphabet + alphabet.upper() + "-'"]
    for pair in merges:
        for parts in words.values():
            _join(parts, pair)
    where: dict[tuple[str, str], set[str]] = {}
    pairs: Counter[tuple[str, str]] = Counter()
    for word, parts in words.items():
        for pair in pairwise(parts):
            pairs[pair] += counts[word]
            where.setdefault(pair, set()).add(word)
    while len(merges) + 256 < pieces:
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        for word in list(where.pop(best)):
            parts = words[word]
            for pair in pairwise(parts):
                pairs[pair] -= counts[word]
            _join(parts, best)
            for pair in pairwise(parts):
                pairs[pair] += counts[word]
                where.setdefault(pair, set()).add(word)
        del pairs[best]
    return merges


def _join(parts: list[str], pair: tuple[str, str]) -> None:
    i = 0
    while i + 1 < len(parts):
        if parts[i] == pair[0] and parts[i + 1] == pair[1]:
            parts[i : i + 2] = [pair[0] + pair[1]]
        i += 1


def save(merges: list[tuple[str, str]], path: Path) -> None:
    """Write `tokenizer.json` for the `tokenizers` library."""
    texts = byte_letters() + [a + b for a, b in merges]
    if len(set(texts)) != len(texts):
        raise ValueError("two merges make the same piece")
    every = texts + SPECIAL + [f"<|{i * 0.02:.2f}|>" for i in range(TIMESTAMPS)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    byte_level["use_regex"] = True
    added = [
        {
            "id": i, "content": every[i], "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": i < TIME0,
        }
        for i in range(len(texts), len(every))
    ]  # fmt: skip
    tokenizer = {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {t: i for i, t in enumerate(texts)},
            "merges": [f"{a} {b}" for a, b in merges],
        },
    }
    path.write_text(json.dumps(tokenizer, ensure_ascii=False))
