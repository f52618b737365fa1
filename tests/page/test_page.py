"""The page in Chromium: what people do and see."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.journeys.running import Running
from tests.page.conftest import Speak
from tests.page.windows import (
    PHONE,
    SCRIPT,
    WIDE,
    Windows,
    card,
    column,
    dragging,
    fits,
    group,
    is_over,
    meeting,
    ticket,
    until,
)

COUNTED = """
window.heard = 0
const Heard = window.AudioWorkletNode
if (Heard) window.AudioWorkletNode = class extends Heard {
  constructor(...all) {
    super(...all)
    this.port.addEventListener('message', ({ data }) => { window.heard += data.samples.byteLength })
  }
}
"""


def test_a_meeting_is_made_recorded_and_resumed_after_a_lost_line(
    windows: Windows, server: Running
) -> None:
    window = windows.new()
    # 503: the server is on its way up again, and has no model yet.
    window.expected = ["WebSocket connection", "ERR_", "503"]
    window.page.add_init_script(COUNTED)
    page = window.open("/")
    page.get_by_role("button", name="New meeting").click()
    page.get_by_label("What is it about?").fill("Weekly planning")
    page.get_by_role("button", name="Start meeting").click()
    page.get_by_role("button", name="Record").click()
    page.get_by_text("Recording", exact=True).wait_for()
    number = int(re.findall(r"/meetings/(\d+)", page.url)[0])
    until(page, lambda: int(page.get_by_role("meter").get_attribute("aria-valuenow")) > 2)

    server.wait_until(lambda: len(server.get(f"/api/meetings/{number}/recordings")) == 1)
    until(
        page, lambda: page.evaluate("window.heard") > 3 * 32_000
    )  # some of it is on the disk by then
    # The line is cut under the page's feet; what is said meanwhile is kept.
    port = server.port
    server.kill()
    page.get_by_text(re.compile("No connection: .* kept here")).wait_for()
    page.wait_for_timeout(3000)
    server.start(port=port)
    page.get_by_text("Recording", exact=True).wait_for()
    heard = page.evaluate("window.heard")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Record").wait_for()
    [recording] = server.get(f"/api/meetings/{number}/recordings")
    assert (recording["status"], recording["failure"]) == ("COMPLETE", None)
    assert heard > 4 * 32_000
    assert recording["receivedBytes"] >= heard
    sound = server.get(f"/api/meetings/{number}/audio")
    assert len(sound) - 44 == recording["receivedBytes"]


def test_what_is_said_appears_with_its_tickets_and_why(
    windows: Windows, server: Running, speak: Speak, pictures: Path
) -> None:
    number = meeting(server, "Invoice stand-up", groupId=group(server, "Bills"), language="en")
    window = windows.new()
    window.expected = ["404"]  # there are no minutes yet
    page = window.open(f"/meetings/{number}")
    page.get_by_text("Nothing was said yet.").wait_for()
    speak(
        number,
        [
            "Good morning everyone, let's start our short meeting.",
            "I will send the invoice to the customer by tomorrow.",
            "고객에게 보낼 견적서는 제가 내일까지 작성하겠습니다.",
            f"And this is {SCRIPT} as text.",
        ],
        speaker=1,
    )
    page.get_by_text("let's start our short meeting").first.wait_for()
    page.get_by_role("region", name="Captions").get_by_text(SCRIPT).wait_for()
    aside = page.locator("aside")
    aside.get_by_text(re.compile("invoice", re.IGNORECASE)).first.wait_for()
    aside.get_by_text(re.compile(r"\d+ % sure")).first.wait_for()
    page.screenshot(path=pictures / "live-light.png")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=pictures / "live-dark.png")

    before = aside.locator("[data-ticket]").count()
    aside.get_by_role("button", name="Undo").first.click()
    until(page, lambda: aside.locator("[data-ticket]").count() == before - 1)

    page.get_by_role("button", name="End meeting").click()
    page.get_by_role("dialog").get_by_role("button", name="End meeting").click()
    page.get_by_role("article").wait_for()
    page.screenshot(path=pictures / "minutes-dark.png")
    page.get_by_role("tabpanel", name="Minutes").get_by_role("button", name="Edit").click()
    page.get_by_label("Minutes as Markdown").fill("# Ours\n\n- **kept** [00:04]")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Edited by hand").wait_for()
    assert server.get(f"/api/meetings/{number}/minutes")["markdown"].startswith("# Ours")
    assert page.evaluate("window.broken") is None


def test_a_card_dragged_in_one_window_moves_in_the_other(
    windows: Windows, server: Running, pictures: Path
) -> None:
    name = ticket(server, "Call the printer", assigneeId=1, due="2026-01-05")
    first, second = windows.new(), windows.new()
    page, other = first.open("/board"), second.open("/board")
    card(other, name).wait_for()
    with dragging(page, name, "DONE"):
        pass
    column(page, "DONE").locator(f"[data-ticket='{name}']").wait_for()
    column(other, "DONE").locator(f"[data-ticket='{name}']").wait_for(timeout=20_000)
    assert server.get(f"/api/tickets/{name}")["status"] == "DONE"
    page.screenshot(path=pictures / "board-light.png")


def test_the_board_needs_no_mouse(windows: Windows, server: Running) -> None:
    name = ticket(server, "Water the plants")
    page = windows.new().open("/board")
    card(page, name).focus()
    for key, over in (("Space", "TODO"), ("ArrowRight", "IN_PROGRESS")):
        page.keyboard.press(key)
        is_over(page, over).wait_for(state="attached")
    page.keyboard.press("Space")
    column(page, "IN_PROGRESS").locator(f"[data-ticket='{name}']").wait_for()
    server.wait_until(lambda: server.get(f"/api/tickets/{name}")["status"] == "IN_PROGRESS")
    card(page, name).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("History").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")


def test_two_who_change_one_ticket_see_one_state(windows: Windows, server: Running) -> None:
    name = ticket(server, "Book the room")
    window = windows.new()
    window.expected = ["409"]
    # Hold back what others do, so that this window's version is old.
    window.page.add_init_script(
        "const Real = WebSocket; window.WebSocket = class extends Real {"
        " constructor(url) { super(url); this.close() } }"
    )
    window.expected += ["WebSocket"]
    page = window.open("/board")
    card(page, name).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Book the small room")
    server.ask("PATCH", f"/api/tickets/{name}", {"title": "Book the large room"})
    dialog.get_by_role("button", name="Save").click()
    page.get_by_text(re.compile(f"Somebody changed {name}")).wait_for()
    card(page, name).get_by_text("Book the large room").wait_for()


def test_a_ticket_is_made_filtered_dismissed_and_brought_back(
    windows: Windows, server: Running
) -> None:
    long = "가나다라마바사아자차" * 20
    page = windows.new().open("/board")
    page.get_by_role("button", name="New ticket", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill(long)
    dialog.get_by_label("Description").fill(SCRIPT)
    dialog.get_by_role("button", name="Create").click()
    page.get_by_label("Filter tickets").fill("가나다라 script")
    made = page.locator("main [data-ticket]")
    until(page, lambda: made.count() == 1)
    assert fits(page)
    made.click()
    dialog.get_by_role("button", name="Dismiss").click()
    dialog.wait_for(state="hidden")
    page.get_by_role("button", name="Undo").click()
    made.first.wait_for()
    assert page.evaluate("window.broken") is None


def test_both_languages_and_phone_width(
    windows: Windows, server: Running, speak: Speak, pictures: Path
) -> None:
    number = meeting(server, "주간 회의", language="ko")
    speak(
        number, ["안녕하세요, 시작하겠습니다.", "제가 내일까지 보고서를 보내겠습니다."], speaker=1
    )
    name = server.post("/api/tickets", {"meetingId": number, "title": "보고서 보내기"})["ticketId"]
    window = windows.new(locale="ko-KR", viewport=PHONE, has_touch=True, color_scheme="dark")
    window.expected = ["404"]  # there are no minutes yet
    page = window.open("/meetings")
    page.get_by_text("주간 회의").click()
    page.get_by_text("시작하겠습니다").first.wait_for()
    page.screenshot(path=pictures / "phone-live-dark.png")
    page.get_by_role("tab", name="티켓").click()
    card(page, name).get_by_text("보고서 보내기").wait_for()
    page.screenshot(path=pictures / "phone-tickets-dark.png")
    for path in ("/meetings", f"/meetings/{number}", "/board"):
        window.open(path)
        page.locator("main h1, main input").first.wait_for()
        assert fits(page), path
        assert page.locator("html").get_attribute("lang") == "ko"


def test_a_wrong_token_and_a_server_that_is_away_are_told(
    windows: Windows, server: Running
) -> None:
    window = windows.new()
    window.expected = ["401", "ERR_", "WebSocket", "503"]
    window.page.add_init_script("sessionStorage.setItem('vori.token', 'vori_wrong')")
    page = window.open("/board")
    page.get_by_text("This token is unknown, expired or revoked.").wait_for()
    assert page.get_by_label("Token").is_visible()

    other = windows.new()
    other.expected = ["ERR_", "WebSocket", "503", "Failed to load"]
    page = other.open("/meetings")
    page.get_by_role("heading", name="Meetings").wait_for()
    other.context.route(
        "**/api/meetings?*",
        lambda route: route.fulfill(
            status=500,
            content_type="application/problem+json",
            body=json.dumps({"code": "internal", "detail": "It broke here.", "requestId": "r-1"}),
        ),
    )
    page.reload()
    page.get_by_text("It broke here.").wait_for()
    page.get_by_text("r-1").wait_for()


LATER = """
const later = setTimeout
window.setTimeout = (run, ms, ...rest) => ms >= 4000 ? 0 : later(run, ms, ...rest)
"""
"""What is fetched once it is quiet is no part of a first load, however slow."""


def test_first_load_is_small(windows: Windows) -> None:
    window = windows.new()
    window.page.add_init_script(LATER)
    sizes: list[int] = []

    def loaded(response: Any) -> None:
        if ".js" in response.url:
            sizes.append(int(response.headers["content-length"]))

    window.page.on("response", loaded)
    window.open("/board").get_by_role("heading", name="Board").wait_for()
    assert 0 < sum(sizes) <= 300_000, sizes


def test_what_was_said_is_found_marked_and_opened_in_its_meeting(
    windows: Windows, server: Running, speak: Speak
) -> None:
    number = meeting(server, "결제 회의", language="ko")
    speak(number, ["결제 모듈은 금요일에 배포합니다.", f"다음 {SCRIPT}"], speaker=1)
    name = ticket(server, "결제모듈 점검")
    window = windows.new()
    window.expected = ["404"]
    page = window.open("/meetings")
    page.locator("main h1").wait_for()
    page.keyboard.press("/")
    page.get_by_label("Search sentences and tickets").fill("결제모듈")
    said = page.get_by_role("region", name="Said")
    said.get_by_text("결제 모듈", exact=True).wait_for()
    assert said.locator("mark").first.inner_text() == "결제 모듈"
    tickets = page.get_by_role("region", name="Tickets")
    tickets.locator(f"[data-hit='{name}'] mark").wait_for()
    said.get_by_role("link", name="결제 회의").first.click()
    page.locator("[data-caption]").get_by_text("금요일에 배포합니다").wait_for()
    assert f"/meetings/{number}" in page.url


def test_a_meeting_is_downloaded_in_every_form(
    windows: Windows, server: Running, speak: Speak
) -> None:
    number = meeting(server, "Exports", language="en")
    speak(number, ["I will send the invoice by tomorrow."], speaker=1)
    window = windows.new()
    window.expected = ["404"]
    page = window.open(f"/meetings/{number}")
    for form in ("md", "json", "srt", "vtt", "csv", "ics"):
        page.get_by_role("button", name="Download").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=re.compile(f"^{form} ", re.IGNORECASE)).click()
        assert download.value.suggested_filename == f"meeting-{number}.{form}"


def test_three_thousand_captions_are_drawn_as_far_as_they_are_seen(
    windows: Windows, server: Running, speak: Speak
) -> None:
    number = meeting(server, "A long day", language="en")
    speak(number, [f"This is sentence number {n}." for n in range(3000)])
    page = windows.new(viewport=WIDE)
    page.expected = ["404"]
    shown = page.open(f"/meetings/{number}")
    shown.get_by_text("This is sentence number 2999.").first.wait_for()
    assert 0 < shown.locator("[data-caption]").count() < 100
