"""What a client was told against what was said: delays, flicker, words wrong and words lost."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from benchmarks.sounds import Speech

Message = dict[str, Any]


class Room:
    """One client's messages, and when the sound was sent that they are about."""

    def __init__(self, speech: Speech, *, chunk_s: float = 0.0) -> None:
        """chunk_s: sound is sent in chunks of this length, each when it is over; 0: as it is said."""
        self.speech = speech
        self.messages: list[tuple[float, Message]] = []
        self.sent: list[float] = []
        """When each chunk was sent."""
        self._chunk_s = chunk_s

    def told(self, at_s: float, message: Message) -> None:
        self.messages.append((at_s, message))

    def sent_s(self, at_s: float) -> float:
        """When the sample at `at_s` of the sound was sent, on the messages' clock."""
        if not self.sent:
            return at_s
        return self.sent[min(int(at_s / self._chunk_s), len(self.sent) - 1)]

    @property
    def captions(self) -> list[tuple[float, Message]]:
        return [(at, m) for at, m in self.messages if m["type"] == "caption"]

    @property
    def finals(self) -> list[Message]:
        """Each final once; the words of one that is told again after a cut count once."""
        known = {m["seq"]: m for _, m in self.captions if m["final"]}
        return [known[seq] for seq in sorted(known)]

    @property
    def text(self) -> str:
        return " ".join(m["text"] for m in self.finals)

    def doubled(self) -> int:
        """Finals that were told again otherwise."""
        seen: dict[int, str] = {}
        count = 0
        for _, m in self.captions:
            if m["final"]:
                count += seen.get(m["seq"], m["text"]) != m["text"]
                seen[m["seq"]] = m["text"]
        return count

    def final_latencies(self) -> list[float]:
        """From the last word's last sample sent to its caption."""
        known: set[int] = set()
        result = []
        for at, m in self.captions:
            if m["final"] and m["seq"] not in known:
                known.add(m["seq"])
                result.append(at - self.sent_s(m["endMs"] / 1000))
        return result


class Told:
    """When each word of the finals was first told for good."""

    def __init__(self, room: Room) -> None:
        self.words: list[str] = []
        self.partial_s: list[float] = []
        self.settled_s: list[float] = []
        self.final_s: list[float] = []
        self.erased = 0
        self.broken = 0
        """Settled words that changed all the same."""
        shown: list[str] = []
        since: list[float] = []
        settled: list[tuple[str, float]] = []
        seq, done = -1, set()
        for at, message in room.captions:
            if message["seq"] in done:
                continue
            if message["seq"] != seq:
                seq, shown, since, settled = message["seq"], [], [], []
            words = plain(message["text"])
            same = common(shown, words)
            self.erased += len(shown) - same
            since = [*since[:same], *(at for _ in words[same:])]
            shown = words
            count = len(words) if message["final"] else message.get("settledWords", 0)
            self.broken += sum(a != b for (a, _), b in zip(settled, words, strict=False))
            settled += [(word, at) for word in words[len(settled) : count]]
            if message["final"]:
                done.add(seq)
                self.words += words
                self.partial_s += since
                self.settled_s += [when for _, when in settled]
                self.final_s += [at for _ in words]


def plain(text: str) -> list[str]:
    """Words without case and marks; one for each word of the text."""
    return [re.sub(r"[^\w']+", "", word.lower()) or word for word in text.split()]


def common(one: Sequence[str], other: Sequence[str]) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def errors(true: Sequence[str], heard: Sequence[str]) -> tuple[int, int]:
    """Words wrong, missing or too many; and those of them that are missing."""
    row = [(j, 0) for j in range(len(heard) + 1)]
    for word in true:
        before, row[0] = row[0], (row[0][0] + 1, row[0][1] + 1)
        for j, other in enumerate(heard, 1):
            same = (before[0] + (word != other), before[1])
            gone = (row[j][0] + 1, row[j][1] + 1)
            more = (row[j - 1][0] + 1, row[j - 1][1])
            before, row[j] = row[j], min(same, gone, more)
    return row[-1]


def pairs(true: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Which word of the truth is which of the heard ones, wrong ones in their places."""
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, true, heard, autojunk=False).get_opcodes():
        if kind in ("equal", "replace"):
            found += list(zip(range(a, b), range(c, d), strict=False))
    return found


def commits(room: Room) -> list[tuple[float, float]]:
    """For each word that was heard: when its last sample was sent, and the seconds to its commit."""
    told = Told(room)
    true = [plain(word.text)[0] for word in room.speech.words]
    due = [room.sent_s(room.speech.words[i].end_s) for i in range(len(true))]
    return [(due[i], told.settled_s[j] - due[i]) for i, j in pairs(true, told.words)]


def delays(room: Room) -> dict[str, list[float]]:
    """Seconds from when a word's last sample was sent; see `merge` for the names."""
    told = Told(room)
    true = [plain(word.text)[0] for word in room.speech.words]
    result: dict[str, list[float]] = {"commit": [], "partial": [], "caption": [], "first": []}
    for i, j in pairs(true, told.words):
        due = room.sent_s(room.speech.words[i].end_s)
        result["commit"].append(told.settled_s[j] - due)
        result["partial"].append(told.partial_s[j] - due)
        result["caption"].append(told.final_s[j] - due)
    texts = [at for at, _ in room.captions]
    for start_s in room.speech.starts_s:
        begun = room.sent_s(start_s)
        after = next((at for at in texts if at > begun), None)
        if after is not None:
            result["first"].append(after - begun)
    result["erased"] = [told.erased]
    result["broken"] = [told.broken]
    result["words"] = [len(told.words)]
    return result


def merge(rooms: Sequence[Room], offline: Sequence[str] | None = None) -> dict[str, Any]:
    """Figures of all rooms together; milliseconds.

    commitDelayMs: to the first message that tells a word as settled or final; captionDelayMs: to
    the stored caption; partialDelayMs: to the message from which on the word stays. Words that
    were heard wrongly count in their place; missing ones are in `werStreamed` and `missedWords`.
    """
    all_of: dict[str, list[float]] = {}
    for room in rooms:
        for name, values in delays(room).items():
            all_of.setdefault(name, []).extend(values)
    true = [[plain(word.text)[0] for word in room.speech.words] for room in rooms]
    wrong = [errors(t, plain(room.text)) for t, room in zip(true, rooms, strict=True)]
    count = max(1, sum(map(len, true)))
    words = sum(all_of["words"])
    figures: dict[str, Any] = {
        "words": round(words),
        "commitDelayMs": spread(all_of["commit"]),
        "partialDelayMs": spread(all_of["partial"]),
        "captionDelayMs": spread(all_of["caption"]),
        "firstPartialMs": spread(all_of["first"]),
        "flicker": round(sum(all_of["erased"]) / max(1, words), 4),
        "settledWordsChanged": round(sum(all_of["broken"])),
        "missedWords": sum(missing for _, missing in wrong),
        "werStreamed": round(sum(bad for bad, _ in wrong) / count, 4),
    }
    if offline is not None:
        bad = sum(errors(t, plain(text))[0] for t, text in zip(true, offline, strict=True))
        figures["werOffline"] = round(bad / count, 4)
    return figures


def spread(seconds: Sequence[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {}
    cuts = statistics.quantiles([s * 1000 for s in seconds], n=100, method="inclusive")
    return {"p50": round(cuts[49]), "p95": round(cuts[94]), "p99": round(cuts[98])}
