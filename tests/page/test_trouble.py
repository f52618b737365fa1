"""What the page does in trouble: it stays whole, and says what is wrong."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from tests.journeys.running import Running
from tests.page.conftest import Speak, in_database
from tests.page.windows import (
    PHONE,
    SCRIPT,
    WIDE,
    Windows,
    Wire,
    card,
    column,
    dragging,
    fits,
    ticket,
    until,
)
from vori.data.engine import DB

AWAY = ("WebSocket", "ERR_")


def test_a_server_that_goes_away_is_told_and_waited_for(
    windows: Windows, server: Running, wire: Wire
) -> None:
    name = ticket(server, "Still here")
    window = windows.new(url=wire.url, expected=AWAY)
    page = window.open("/board")
    card(page, name).wait_for()
    wire.cut()
    page.get_by_text("No connection. Trying again").wait_for()
    assert card(page, name).is_visible()
    # A page whose program was not loaded before says so; nothing pretends that it was done.
    page.get_by_role("link", name="Dashboard").click()
    page.get_by_role("alert").get_by_text("VORI does not answer.").wait_for()
    page.get_by_role("link", name="Board", exact=True).click()
    with dragging(page, name, "DONE"):
        pass
    page.get_by_text("VORI does not answer.").first.wait_for()
    column(page, "TODO").locator(f"[data-ticket='{name}']").wait_for()
    server.ask("PATCH", f"/api/tickets/{name}", {"title": "Changed meanwhile"})
    wire.mend()
    card(page, name).get_by_text("Changed meanwhile").wait_for()
    page.get_by_text("No connection. Trying again").wait_for(state="hidden")
    page.get_by_role("link", name="Dashboard").click()
    page.get_by_role("heading", name="Dashboard").wait_for()


def problem(route: Any) -> None:
    body = {"code": "internal", "detail": "It broke here.", "requestId": "r-1"}
    route.fulfill(status=500, content_type="application/problem+json", body=json.dumps(body))


def gateway(route: Any) -> None:
    route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")


PAGES = {
    "/meetings": "**/api/meetings?*",
    "/board": "**/api/tickets?*",
    "/dashboard": "**/api/analytics/groups/**",
    "/search?q=invoice": "**/api/search?*",
    "/settings?part=group": "**/members",
    "/admin": "**/health",
}


@pytest.mark.parametrize("path", PAGES)
def test_an_error_of_the_api_is_told_on_every_page(windows: Windows, path: str) -> None:
    from playwright.sync_api import TimeoutError as TooLate

    window = windows.new(expected=("500",))
    window.context.route(PAGES[path], problem)
    page = window.open(path)
    page.get_by_text("It broke here.").first.wait_for()
    assert page.get_by_role("navigation").first.is_visible()
    window.context.unroute(PAGES[path])

    def is_mended() -> bool:
        for again in page.get_by_role("button", name="Try again").all():
            with contextlib.suppress(TooLate):  # it went, or there is one less before it
                again.click(timeout=1000)
        return bool(page.get_by_text("It broke here.").count() == 0)

    until(page, is_mended)


def test_a_proxy_without_its_server_is_waited_for(windows: Windows) -> None:
    window = windows.new(expected=("502",))
    window.context.route("**/api/session", gateway)
    page = window.open("/meetings")
    page.get_by_text("VORI does not answer.").wait_for()
    window.context.unroute("**/api/session")
    page.get_by_role("heading", name="Meetings").wait_for()


def test_what_cannot_be_saved_is_told_where_it_was_written(
    windows: Windows, server: Running
) -> None:
    name = ticket(server, "Paint the fence")
    window = windows.new(expected=("500",))
    page = window.open("/board")
    card(page, name).click()
    window.context.route(f"**/api/tickets/{name}", problem)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Paint the fence green")
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_text("It broke here.").wait_for()
    assert dialog.get_by_label("Title").input_value() == "Paint the fence green"
    window.context.unroute(f"**/api/tickets/{name}")
    dialog.get_by_role("button", name="Save").click()
    dialog.wait_for(state="hidden")
    card(page, name).get_by_text("Paint the fence green").wait_for()


def test_ten_thousand_tickets_stay_a_board(windows: Windows, server: Running) -> None:
    group = server.post("/api/groups", {"name": "Many"})["groupId"]

    numbered = (
        "INSERT INTO tickets (group_id, title, content, status, created_at, updated_at)"
        " SELECT $1, 'Ticket number ' || n, '', (ARRAY['TODO', 'IN_PROGRESS', 'DONE'])[1 + n % 3],"
        " now() - n * interval '1 minute', now() FROM generate_series(1, 10000) n"
    )
    in_database(server, lambda: DB.fetch(numbered, group))
    page = windows.new(group=group).open("/board")
    page.get_by_text("You see the newest 2000 tickets.").wait_for()
    drawn = page.locator("[data-ticket]").count()
    assert 0 < drawn <= 300
    page.get_by_label("Filter tickets").fill("number 1999")
    until(page, lambda: page.locator("[data-ticket]").count() < 5)
    page.get_by_text("Ticket number 1999").wait_for()
    page.get_by_role("note").get_by_role("link", name="Search").click()
    page.get_by_label("Search sentences and tickets").fill("9999")
    page.get_by_role("region", name="Tickets").get_by_text("Ticket number 9999").wait_for()


LONG = "가나다라마바사아자차" * 20
RIGHT_TO_LEFT = "לשלוח את החשבונית ללקוח"
MARKUP = SCRIPT + '"><img src=x onerror="window.broken = true">'


@pytest.mark.parametrize("text", [LONG, "W" * 200, RIGHT_TO_LEFT, MARKUP], ids=len)
def test_whatever_people_write_stays_text(
    windows: Windows, server: Running, speak: Speak, text: str
) -> None:
    """As the name of everything that has one, and as what is said."""
    group = server.post("/api/groups", {"name": text})["groupId"]
    person = server.post(
        f"/api/groups/{group}/members", {"email": f"p{len(text)}@example.com", "name": text}
    )["userId"]
    server.ask("PATCH", f"/api/groups/{group}/members/{person}", {"nicknames": [text[:50]]})
    number = meeting_in(server, group, text)
    speak(number, [text, f"{text} {text}"], speaker=person)
    name = ticket(server, text, groupId=group, content=text, assigneeId=person)
    server.post("/api/tickets", {"meetingId": number, "title": text, "assigneeId": person})
    server.ask("PATCH", f"/api/meetings/{number}/minutes", {"markdown": f"# {text}\n\n- {text}"})
    window = windows.new(group=group, expected=("404",))
    for path in (
        "/meetings",
        f"/meetings/{number}",
        "/board",
        f"/board?ticket={name}",
        f"/search?q={text[:5]}",
        "/settings?part=group",
        "/dashboard",
    ):
        page = window.open(path)
        page.locator("main h1, main input").first.wait_for()
        page.get_by_text(text[:20]).first.wait_for(state="attached")
        for size in (WIDE, PHONE):
            page.set_viewport_size(size)
            assert fits(page), (path, size)
        page.set_viewport_size(WIDE)
        assert page.evaluate("window.broken") is None, path
    page = window.open("/board")
    shown = card(page, name).locator("p[dir=auto]")
    direction = "rtl" if text == RIGHT_TO_LEFT else "ltr"
    assert shown.evaluate("it => getComputedStyle(it).direction") == direction
    assert shown.inner_text() == text


def meeting_in(server: Running, group: int, title: str) -> int:
    number: int = server.post("/api/meetings", {"groupId": group, "title": title})["meetingId"]
    server.ask("PATCH", f"/api/meetings/{number}", {"status": "LIVE"})
    return number
