"""The demo meeting: a stand-up of four people, as Ogg/Opus with its truth.

Every sentence is new to the model (a test holds it against the training seeds). Whoever commits is
named in the words, since one recording of a room does not tell who speaks.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import voices
from synthesise import RATE_HZ

STARTED_AT = "2026-03-16T10:00:00+09:00"  # a Monday
MEMBERS = {1: "Minji Kim", 2: "Daniel Park", 3: "Sora Lee", 4: "Emma Choi"}
VOICES = {
    1: voices.Voice("espeak", "gmw/en+f5", 155, 50),
    2: voices.Voice("espeak", "en-us+m7", 155, 50),
    3: voices.Voice("espeak", "en-us+f1", 155, 50),
    4: voices.Voice("espeak", "gmw/en+f3", 155, 50),
}
SCRIPT: list[tuple[int, str]] = [
    (1, "Good morning everyone, let's start our short meeting."),
    (1, "Daniel, you go first."),
    (2, "I finished the login page yesterday, so the login page is done."),
    (2, "The customer asked for the invoice again."),
    (1, "Daniel, please send the invoice to the customer by tomorrow."),
    (2, "Okay, I will send the invoice."),
    (1, "Thank you, Daniel."),
    (1, "Sora, how is the price list going?"),
    (3, "I started the price list this morning, it is in progress now."),
    (3, "But I am blocked, we are waiting for an answer from the supplier."),
    (1, "All right, Sora, thanks."),
    (1, "Emma, can you book a room for the workshop by Wednesday?"),
    (4, "Yes, I can book the room."),
    (4, "Minji, could you write the release notes by Friday?"),
    (1, "Sure, I will write the release notes."),
    (2, "Sora, please test the database backup before Thursday."),
    (3, "Okay, I will test the backup."),
    (4, "The office stays as it is this year."),
    (1, "Good, that's all for today."),
    (1, "See you tomorrow, and thanks for coming."),
]
EXISTING = [
    {
        "ticketId": "T-1", "title": "Fix the login page",
        "content": "The login page shows an error after the password is typed.",
        "status": "IN_PROGRESS", "assigneeId": 2,
    },
    {
        "ticketId": "T-2", "title": "Update the price list",
        "content": "The price list still has last year's prices.",
        "status": "TODO", "assigneeId": 3,
    },
]  # fmt: skip
GOLD: dict[str, Any] = {
    "newTickets": [
        {
            "title": "Send the invoice to the customer",
            "keywords": ["send", "invoice", "customer"], "status": "TODO", "assigneeId": 2,
            "due": "2026-03-17", "evidence": [3, 4, 5],
        },
        {
            "title": "Book a room for the workshop",
            "keywords": ["book", "room", "workshop"], "status": "TODO", "assigneeId": 4,
            "due": "2026-03-18", "evidence": [11, 12],
        },
        {
            "title": "Write the release notes",
            "keywords": ["write", "release", "notes"], "status": "TODO", "assigneeId": 1,
            "due": "2026-03-20", "evidence": [13, 14],
        },
        {
            "title": "Test the database backup",
            "keywords": ["test", "database", "backup"], "status": "TODO", "assigneeId": 3,
            "due": "2026-03-19", "evidence": [15, 16],
        },
    ],
    "ticketUpdates": [
        {"ticketId": "T-1", "newStatus": "DONE", "evidence": [2]},
        {"ticketId": "T-2", "newStatus": "IN_PROGRESS", "evidence": [8]},
    ],
    "blockers": [{"evidence": [9], "about": "Sora waits for an answer from the supplier"}],
    "traps": [
        {"evidence": [17], "why": "nothing changes"},
        {"evidence": [19], "why": "the next meeting"},
    ],
}  # fmt: skip


def speak(target: Path) -> dict[str, Any]:
    """Write `meeting.ogg` and `truth.json` into `target`; answers the truth."""
    speakers = voices.Speakers()
    rng = random.Random(20)
    parts: list[np.ndarray[Any, np.dtype[np.float32]]] = [np.zeros(RATE_HZ // 2, np.float32)]
    segments = []
    at = len(parts[0])
    for seq, (speaker, text) in enumerate(SCRIPT):
        sound = speakers.speak(text, VOICES[speaker]).pcm.astype(np.float32)
        sound *= 0.5 / np.abs(sound).max()
        pause = np.zeros(int(rng.uniform(0.45, 1.0) * RATE_HZ), np.float32)
        segments.append(
            {
                "seq": seq, "startMs": round(at / 16), "endMs": round((at + len(sound)) / 16),
                "speaker": speaker, "text": text,
            }
        )  # fmt: skip
        parts += [sound, pause]
        at += len(sound) + len(pause)
    whole = np.concatenate(parts)
    floor = np.random.default_rng(20).standard_normal(len(whole)) * 10 ** (-62 / 20)
    pcm = (np.clip(whole + floor, -1, 1) * 32767).astype("<i2")
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            "ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE_HZ), "-ac", "1", "-i",
            "pipe:0", "-c:a", "libopus", "-b:a", "32k", "-application", "voip", "-fflags",
            "+bitexact", "-flags:a", "+bitexact", str(target / "meeting.ogg"),
        ],
        input=pcm.tobytes(), check=True,
    )  # fmt: skip
    truth = {
        "id": "demo", "meetingId": 1, "kind": "stand-up", "language": "en",
        "startedAt": STARTED_AT,
        "members": [{"userId": i, "name": n} for i, n in MEMBERS.items()],
        "durationS": round(len(whole) / RATE_HZ, 2), "existingTickets": EXISTING,
        "segments": segments, "gold": GOLD,
    }  # fmt: skip
    (target / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    print(f"{len(whole) / RATE_HZ:.1f} s, {len(SCRIPT)} sentences")
    return truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    speak(parser.parse_args().target)


if __name__ == "__main__":
    main()
