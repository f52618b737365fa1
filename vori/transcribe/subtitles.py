"""Words with times as subtitles: SubRip and WebVTT."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Cue(Struct, frozen=True, kw_only=True):
    """Text on the screen; times in milliseconds from the start of the sound."""

    start_ms: int
    end_ms: int
    text: str
    speaker: str | None = None


def srt(cues: Iterable[Cue]) -> str:
    """SubRip: numbered blocks, times with a comma."""
    return "\n".join(
        f"{number}\n{_stamp(cue.start_ms, ',')} --> {_stamp(cue.end_ms, ',')}\n"
        f"{_named(cue.speaker)}{_plain(cue.text)}\n"
        for number, cue in enumerate(cues, start=1)
    )


def vtt(cues: Iterable[Cue]) -> str:
    """WebVTT (W3C): the speaker is the cue's voice."""
    blocks = []
    for cue in cues:
        voice = f"<v {_escaped(cue.speaker)}>" if cue.speaker else ""
        times = f"{_stamp(cue.start_ms, '.')} --> {_stamp(cue.end_ms, '.')}"
        blocks.append(f"\n{times}\n{voice}{_escaped(cue.text)}\n")
    return "WEBVTT\n" + "".join(blocks)


def _stamp(millis: int, point: str) -> str:
    seconds, rest = divmod(max(0, millis), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def _plain(text: str) -> str:
    """One line that cannot be taken for a cue's times."""
    return _one_line(text).replace("-->", "→")


def _named(speaker: str | None) -> str:
    return f"{_plain(speaker)}: " if speaker else ""


def _escaped(text: str) -> str:
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _one_line(text: str) -> str:
    return " ".join(text.split())
