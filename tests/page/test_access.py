"""Whether everybody can use the page: axe on every page and dialog, in both themes, on a phone.

Leaves a picture of each page in both themes.
"""

from __future__ import annotations

import re
from typing import Any

from tests.journeys.running import Running
from tests.page.conftest import Speak
from tests.page.windows import LOOKS, SCRIPT, Reader, Windows, group, meeting, ticket


def settled(page: Any) -> None:
    """What the page asked for has come."""
    page.locator("main h1, main input").first.wait_for()
    page.wait_for_load_state("networkidle")


def test_every_page_can_be_used_by_everybody(
    windows: Windows, server: Running, speak: Speak, reader: Reader
) -> None:
    everybody = group(server, "Everybody")
    number = meeting(server, "Invoice review", groupId=everybody, language="en")
    speak(number, ["I will send the invoice by tomorrow.", f"{SCRIPT} שלום"], speaker=1)
    ticket(server, "Call the printer", groupId=everybody, assigneeId=1, due="2026-01-05")
    window = windows.new(group=everybody, expected=("404",))  # there are no minutes yet
    for path in ("meetings", "board", "dashboard", "search?q=invoice"):
        page = window.open(f"/{path}")
        settled(page)
        reader.read(window, path.partition("?")[0])
    page = window.open(f"/meetings/{number}")
    settled(page)
    page.locator("aside").get_by_text(re.compile(r"\d+ % sure")).first.wait_for()
    reader.read(window, "meeting")
    server.post(f"/api/meetings/{number}/end?wait=30")
    page.reload()
    page.get_by_role("article").wait_for()
    reader.read(window, "minutes")
    assert page.evaluate("window.broken") is None


def test_every_part_of_settings_and_administration_can_be_used_by_everybody(
    windows: Windows, reader: Reader
) -> None:
    window = windows.new()
    for path in ("settings", "admin"):
        page = window.open(f"/{path}")
        settled(page)
        for tab in page.get_by_role("tab").all():
            tab.click()
            page.wait_for_load_state("networkidle")
            name = tab.inner_text().lower().replace(" ", "-")
            reader.read(window, f"{path}-{name}", LOOKS[:1] if path == "admin" else LOOKS[::2])


def test_every_dialog_and_menu_can_be_used_by_everybody(
    windows: Windows, server: Running, speak: Speak, reader: Reader
) -> None:
    number = meeting(server, "Dialogs", language="en")
    speak(number, ["I will send the invoice to the bank by tomorrow."], speaker=1)
    window = windows.new(expected=("404",))

    def opened(button: str, role: str = "dialog") -> None:
        page.get_by_role("button", name=button).first.click()
        page.get_by_role(role).wait_for()
        reader.read(window, button.lower().replace(" ", "-"), LOOKS[::2])
        page.keyboard.press("Escape")
        page.get_by_role(role).wait_for(state="hidden")

    page = window.open(f"/meetings/{number}")
    settled(page)
    opened("End meeting")
    opened("Versions of the transcript")
    opened("Download", "menu")
    opened("Notifications", "menu")
    opened("Account and appearance", "menu")
    page = window.open("/meetings")
    settled(page)
    opened("New meeting")
    page = window.open("/board")
    settled(page)
    opened("New ticket")
    page.locator("main [data-ticket]").first.click()
    page.get_by_role("dialog").get_by_text("History").wait_for()
    reader.read(window, "ticket", LOOKS[::2])
