"""Sound in the page: files, pauses, silence, playing what was said, hearing it anew; proposals."""

from __future__ import annotations

import re
import wave
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.running import Running
from tests.page.conftest import Speak
from tests.page.windows import Window, Windows, card, group, meeting, until
from tests.transcribe.random_whisper import write_random_whisper

FILE_S = 19
"""Of the bundled meeting: six sentences, an order for an invoice last."""
SLOW_BYTES_PER_S = 100_000


@pytest.fixture(scope="module")
def short_sound(demo_sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("upload") / "회의 <b>short.wav"
    with wave.open(str(demo_sound)) as whole, wave.open(str(path), "wb") as short:
        short.setparams(whole.getparams())
        short.writeframes(whole.readframes(FILE_S * whole.getframerate()))
    return path


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper whose weights are random."""
    return write_random_whisper(tmp_path_factory.mktemp("model") / "random", is_multilingual=True)


def test_a_file_is_uploaded_played_word_by_word_and_heard_again(
    windows: Windows, server: Running, short_sound: Path, other_model: Path, pictures: Path
) -> None:
    number = meeting(server, "Uploaded", groupId=group(server, "Files"), language="en")
    window = windows.new(expected=("404", "400"))  # no minutes yet; and one file is no sound
    page = window.open(f"/meetings/{number}")
    no_sound = {"name": "notes.wav", "mimeType": "audio/wav", "buffer": b"no sound " * 1000}
    page.get_by_label("Upload a file").set_input_files(no_sound)
    page.get_by_role("alert").get_by_text("notes.wav").wait_for()
    page.get_by_role("button", name="Close").click()

    slow(window, SLOW_BYTES_PER_S)
    page.get_by_label("Upload a file").set_input_files(short_sound)
    bar = page.get_by_role("progressbar", name=f"Uploading {short_sound.name}")
    bar.wait_for()
    until(page, lambda: 0 < bar.evaluate("it => it.value") < 1)
    slow(window, -1)
    captions = page.get_by_role("region", name="Captions")
    captions.get_by_text(re.compile("login", re.I)).first.wait_for()
    page.locator("aside [data-ticket]").first.wait_for()

    plays_word_by_word(page, server, number, pictures)
    is_heard_again_and_compared(page, server, number, other_model, pictures)


def slow(window: Window, bytes_per_s: int) -> None:
    """What the window may send; -1: as much as it can."""
    session = window.context.new_cdp_session(window.page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": bytes_per_s})


def plays_word_by_word(page: Any, server: Running, number: int, pictures: Path) -> None:
    server.post(f"/api/meetings/{number}/end?wait=30")
    page.get_by_role("group", name="Sound of the meeting").wait_for()
    page.get_by_role("tab", name="Captions").click()
    line = page.locator("[data-caption]").nth(1)
    line.hover()
    line.get_by_role("button", name=re.compile("^Play from")).click()
    word = page.locator("[data-caption][data-played] mark")
    heard: list[str] = []

    def hears_another() -> bool:
        for said in word.all_inner_texts():
            if said not in heard:
                heard.append(said)
        return len(heard) >= 3

    until(page, hears_another)
    page.screenshot(path=pictures / "playing-light.png")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("slider", name="Position").press("Home")
    until(page, lambda: page.locator("[data-caption][data-played]").count() == 0)


def is_heard_again_and_compared(
    page: Any, server: Running, number: int, guessing: Path, pictures: Path
) -> None:
    """By a model that guesses, so every word differs."""
    before = [one["text"] for one in lines_of(server, number)]
    page.get_by_role("button", name="Versions of the transcript").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Speech model").fill(str(guessing))
    dialog.get_by_role("button", name="Transcribe again").click()
    dialog.wait_for(state="hidden")
    path = f"/api/meetings/{number}/jobs"
    server.wait_until(lambda: server.get(path)[0]["state"] not in ("QUEUED", "RUNNING"))
    assert server.get(path)[0]["state"] == "COMPLETE", server.get(path)
    assert [one["text"] for one in lines_of(server, number)] == before
    page.get_by_role("button", name="Versions of the transcript").click()
    dialog.get_by_role("button", name="Compare").click()
    dialog.locator("del, ins").first.wait_for()
    page.screenshot(path=pictures / "difference-light.png")
    dialog.get_by_role("button", name="Use this version").click()
    dialog.get_by_text("Earlier").wait_for()
    assert [one["text"] for one in lines_of(server, number)] != before


def lines_of(server: Running, number: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = server.get(f"/api/meetings/{number}/transcript")["lines"]
    return lines


def test_a_pause_lets_go_of_the_microphone_and_goes_on_later(
    windows: Windows, server: Running
) -> None:
    number = meeting(server, "Paused", language="en")
    page = windows.new(expected=("404",)).open(f"/meetings/{number}")
    page.get_by_role("button", name="Record", exact=True).click()
    meter = page.get_by_role("meter")
    until(page, lambda: int(meter.get_attribute("aria-valuenow")) > 2)
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused: the microphone is off").wait_for()
    assert meter.count() == 0
    path = f"/api/meetings/{number}/recordings"
    server.wait_until(lambda: [one["status"] for one in server.get(path)] == ["COMPLETE"])
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("Recording", exact=True).wait_for()
    until(page, lambda: int(meter.get_attribute("aria-valuenow")) > 2)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Record", exact=True).wait_for()
    server.wait_until(lambda: [one["status"] for one in server.get(path)] == ["COMPLETE"] * 2)
    first, second = sorted(server.get(path), key=lambda one: one["offsetMs"])
    assert second["offsetMs"] >= first["offsetMs"] + first["durationMs"]


MUTED = """
navigator.mediaDevices.getUserMedia = () =>
  Promise.resolve(new AudioContext().createMediaStreamDestination().stream)
"""
REFUSED = """
navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException('Permission denied', 'NotAllowedError'))
"""


@pytest.mark.parametrize(
    ("microphone", "told"),
    [
        (MUTED, "No sound arrives from the microphone. Is it muted?"),
        (REFUSED, "The browser does not let this page use the microphone."),
    ],
)
def test_a_microphone_without_sound_is_told_loudly(
    windows: Windows, server: Running, microphone: str, told: str
) -> None:
    number = meeting(server, "Muted")
    window = windows.new(expected=("404",))
    window.page.add_init_script(microphone)
    page = window.open(f"/meetings/{number}")
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_role("alert").get_by_text(told).wait_for()


def test_proposals_are_accepted_changed_or_dismissed(
    windows: Windows, server: Running, speak: Speak, pictures: Path
) -> None:
    group = server.post("/api/groups", {"name": "Careful"})["groupId"]
    server.ask("PATCH", f"/api/groups/{group}", {"policy": "propose"})
    number = meeting(server, "Proposals", groupId=group, language="en")
    speak(
        number,
        [
            "I will send the invoice to the customer by tomorrow.",
            "I will book a room for the workshop.",
            "I will write the release notes.",
        ],
        speaker=1,
    )
    page = windows.new(expected=("404",), group=group).open(f"/meetings/{number}")
    aside = page.locator("aside")
    proposals = aside.locator("[data-proposal]")
    until(page, lambda: proposals.count() == 3)
    page.screenshot(path=pictures / "proposals-light.png")
    assert aside.locator("[data-ticket]").count() == 0

    invoice, room, notes = (
        proposals.filter(has_text=re.compile(word, re.I)).first
        for word in ("invoice", "room", "release notes")
    )
    notes.get_by_role("button", name="Dismiss").click()
    until(page, lambda: proposals.count() == 2)
    invoice.get_by_role("button", name="Accept").click()
    until(page, lambda: proposals.count() == 1)
    room.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Book the large room")
    dialog.get_by_role("button", name="Accept").click()
    dialog.wait_for(state="hidden")
    until(page, lambda: proposals.count() == 0)
    titles = [one["title"] for one in server.get(f"/api/tickets?groupId={group}")["items"]]
    assert len(titles) == 2
    assert "Book the large room" in titles
    for one in server.get(f"/api/tickets?groupId={group}")["items"]:
        card(page, one["ticketId"]).first.wait_for()
