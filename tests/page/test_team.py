"""A team that signs in. Its first administrator's link can be used once: order counts here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.running import Running
from tests.page.windows import LOOKS, Reader, Windows

EMAIL, PASSWORD = "admin@example.com", "a long enough passphrase"


@pytest.fixture
def people(browser: Any, team_server: Running) -> Iterator[Windows]:
    windows = Windows(browser, team_server)
    yield windows
    assert windows.close() == []


def test_signing_in_can_be_done_by_everybody(
    people: Windows, team_server: Running, reader: Reader
) -> None:
    window = people.new(expected=("401",))
    page = window.open("/")
    page.get_by_label("E-mail address").wait_for()
    reader.read(window, "sign-in")
    page.get_by_label("E-mail address").fill("nobody@example.com")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("alert").first.wait_for()
    reader.read(window, "sign-in-refused", LOOKS[::2])
    page.goto("about:blank")
    page = window.open(team_server.invitation.removeprefix(team_server.url))
    page.get_by_label("New password").wait_for()
    reader.read(window, "welcome")


def test_a_team_signs_in_is_signed_out_in_between_and_goes_on(
    people: Windows, team_server: Running
) -> None:
    first = people.new(expected=("401",))
    page = first.open(team_server.invitation.removeprefix(team_server.url))
    page.get_by_label("Name", exact=True).fill("민지 Kim")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Start").click()

    # Nobody has added them to a group yet: every page says so, or how to begin.
    page.get_by_text("You belong to no group yet.").wait_for()
    for path in ("/board", "/dashboard", "/search", "/settings?part=group", "/admin"):
        first.open(path)
        page.get_by_role("navigation").first.wait_for()
        for trouble in ("This did not work", "This page broke"):
            assert page.get_by_text(trouble).count() == 0, path
    first.open("/settings?part=group")
    page.get_by_label("Name of the group").fill("Our first")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("region", name="Group Our first").wait_for()

    # Signed out elsewhere while the page is open: it asks, and goes on where it was.
    first.open("/board")
    page.get_by_role("button", name="New ticket", exact=True).wait_for()
    second = people.new(expected=("401",))
    other = second.open("/")
    sign_in(other)
    other.get_by_role("heading", name="Meetings").wait_for()
    second.open("/settings?part=security")
    other.get_by_role("main").get_by_role("button", name="Sign out").click()
    other.get_by_role("main").get_by_role("button", name="Sign out").wait_for(state="hidden")
    page.get_by_role("button", name="New ticket", exact=True).click()
    page.get_by_label("Title").fill("Write to the bank")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("You are signed out.").wait_for()
    sign_in(page)
    page.get_by_role("heading", name="Board").wait_for()


def sign_in(page: Any) -> None:
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
