"""The bundled meeting, spoken into Chromium's microphone: from Record to minutes, and after."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from tests.journeys.running import Running
from tests.page.windows import (
    PHONE,
    Windows,
    Wire,
    card,
    column,
    dragging,
    fits,
    plays,
    until,
)
from vori.demo.play import TRUTH, word_error_rate

LOGIN, PRICES = "T-1", "T-2"
"""What the meeting's notes call the tickets that it moves."""
CUT_S = 4


class Team:
    """A group with the meeting's people and the tickets they had before."""

    def __init__(self, server: Running) -> None:
        truth = msgspec.json.decode(TRUTH.read_bytes())
        self.said_s: float = truth["durationS"]
        self.group: int = server.post("/api/groups", {"name": "Stand-up team"})["groupId"]
        first, *others = truth["members"]
        me = server.ask("PATCH", "/api/users/me", {"name": first["name"]})["userId"]
        people = {first["userId"]: me} | {
            one["userId"]: server.post(
                f"/api/groups/{self.group}/members",
                {"email": f"person{one['userId']}@example.com", "name": one["name"]},
            )["userId"]
            for one in others
        }
        self.tickets: dict[str, str] = {
            one["ticketId"]: server.post(
                "/api/tickets",
                {
                    "groupId": self.group,
                    "title": one["title"],
                    "content": one["content"],
                    "status": one["status"],
                    "assigneeId": people[one["assigneeId"]],
                },
            )["ticketId"]
            for one in truth["existingTickets"]
        }


def test_the_spoken_meeting(windows: Windows, server: Running, wire: Wire, pictures: Path) -> None:
    team = Team(server)
    login, prices = team.tickets[LOGIN], team.tickets[PRICES]
    speaking = windows.new(url=wire.url, group=team.group)
    # There are no minutes before the end; the line will be cut; one of two who drag comes second.
    speaking.expected = ["404", "WebSocket connection", "ERR_", "409"]
    board = windows.new(group=team.group, expected=("409",)).open("/board")
    card(board, login).wait_for()
    page = speaking.open("/meetings")
    page.get_by_role("button", name="New meeting").click()
    page.get_by_label("What is it about?").fill("Stand-up")
    page.get_by_role("button", name="Start meeting").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("Recording", exact=True).wait_for()
    number = int(re.findall(r"/meetings/(\d+)", page.url)[0])
    captions = page.get_by_role("region", name="Captions")
    aside = page.locator("aside")

    # What is being said is grey and may change; then it stays.
    captions.locator("li[aria-hidden=true]").first.wait_for()
    captions.locator("[data-caption]").first.wait_for()

    # "I finished the login page yesterday": its card moves, in both windows, and says why.
    column(board, "DONE").locator(f"[data-ticket='{login}']").wait_for()
    moved = aside.locator(f"[data-ticket='{login}']")
    moved.get_by_text("login page").first.wait_for()
    moved.get_by_text(re.compile(r"\d+ % sure")).wait_for()

    # "Please send the invoice to the customer by tomorrow": a new one, with the sound of it.
    invoice = aside.locator("[data-ticket]").filter(has_text=re.compile("invoice", re.I)).first
    invoice.wait_for()
    invoice.get_by_text(re.compile(r"\d+ % sure")).wait_for()
    plays(page, invoice)
    invoice.get_by_role("button", name=re.compile("^Play from")).wait_for()  # it ends by itself
    page.screenshot(path=pictures / "live-spoken-light.png")

    # The recording goes on while its window shows the board, where two drag the same card.
    name = invoice.get_attribute("data-ticket")
    page.get_by_role("link", name="Board", exact=True).click()
    with dragging(page, name, "IN_PROGRESS"), dragging(board, name, "DONE"):
        pass
    assert one_state(server, name, page, board) in ("IN_PROGRESS", "DONE")
    page.go_back()

    # The line is cut while people speak, and comes back.
    column(board, "IN_PROGRESS").locator(f"[data-ticket='{prices}']").wait_for()
    wire.cut()
    page.get_by_text(re.compile("No connection: .* kept here")).wait_for()
    page.wait_for_timeout(1000 * CUT_S)
    wire.mend()
    page.get_by_text("Recording", exact=True).wait_for()

    # "Sora, please test the database backup": tickets go on to appear; one is taken back.
    backup = aside.locator("[data-ticket]").filter(has_text=re.compile("back ?up", re.I)).first
    backup.wait_for()
    name = backup.get_attribute("data-ticket")
    card(board, name).wait_for()
    backup.get_by_role("button", name="Undo").click()
    backup.wait_for(state="hidden")
    card(board, name).wait_for(state="hidden")

    page.get_by_text(re.compile("^0(1:(09|[1-5])|[2-9])")).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Record", exact=True).wait_for()
    [recording] = server.get(f"/api/meetings/{number}/recordings")
    assert (recording["status"], recording["failure"]) == ("COMPLETE", None)
    assert recording["durationMs"] >= 1000 * team.said_s
    lines = server.get(f"/api/meetings/{number}/transcript")["lines"]
    said = " ".join(line["text"] for line in lines)
    # The cut lost nothing: as many words are right as the model gets right in a file.
    assert word_error_rate(TRUTH, said) <= 0.25, said

    page.get_by_role("button", name="End meeting").click()
    page.get_by_role("dialog").get_by_role("button", name="End meeting").click()
    page.get_by_role("article").get_by_text(re.compile("invoice", re.I)).first.wait_for()
    page.screenshot(path=pictures / "minutes-spoken-light.png")
    board.emulate_media(color_scheme="dark")
    board.locator("html[data-theme=dark]").wait_for(state="attached")
    board.screenshot(path=pictures / "board-spoken-dark.png")

    found_and_played(page)
    exported(page, number)
    in_korean_dark_and_small(page, number, pictures)


def one_state(server: Running, ticket_id: str, *pages: Any) -> str:
    """What the server and both windows come to agree on."""
    for page in pages:
        until(
            page,
            lambda: (
                column(page, server.get(f"/api/tickets/{ticket_id}")["status"])  # noqa: B023
                .locator(f"[data-ticket='{ticket_id}']")
                .is_visible()
            ),
        )
    return str(server.get(f"/api/tickets/{ticket_id}")["status"])


def found_and_played(page: Any) -> None:
    page.keyboard.press("/")
    page.get_by_label("Search sentences and tickets").fill("invoice")
    said = page.get_by_role("region", name="Said")
    said.locator("mark", has_text=re.compile("invoice", re.I)).first.wait_for()
    plays(page, said)
    said.get_by_role("link", name="Stand-up").first.click()
    page.locator("[data-caption]").get_by_text(re.compile("invoice", re.I)).first.wait_for()


def exported(page: Any, number: int) -> None:
    for form, start in (("md", "# "), ("srt", "1\n00:00:0"), ("vtt", "WEBVTT")):
        page.get_by_role("button", name="Download").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=re.compile(f"^{form} ", re.IGNORECASE)).click()
        text = Path(download.value.path()).read_text(encoding="utf-8")
        assert text.startswith(start), text[:200]
        assert "invoice" in text.lower()


def in_korean_dark_and_small(page: Any, number: int, pictures: Path) -> None:
    account = page.get_by_role("button", name="Account and appearance")
    account.click()
    page.get_by_role("menuitemradio", name="한국어").click()
    page.get_by_role("tab", name="자막").wait_for()
    assert page.locator("html").get_attribute("lang") == "ko"
    page.get_by_role("button", name="계정과 화면").click()
    page.get_by_role("menuitemradio", name="어둡게").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.set_viewport_size(PHONE)
    page.get_by_role("tab", name="티켓").click()
    page.get_by_role("tabpanel", name="티켓").locator("[data-ticket]").first.wait_for()
    assert fits(page)
    page.screenshot(path=pictures / "phone-spoken-dark.png")
    page.get_by_role("tab", name="자막").click()
    page.locator("[data-caption]").first.wait_for()
    assert fits(page)
