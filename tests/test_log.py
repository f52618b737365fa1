from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from vori import log
from vori.settings import Log


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail(spoken: str) -> None:
    raise RuntimeError("broken")


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_does_not_tell_what_was_said(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    log.configure(Log(format=form))  # type: ignore[arg-type]
    try:
        fail("-".join(["what", "was", "said"]))
    except RuntimeError:
        log.get("vori.test").exception("it broke", meeting_id=7)
    told = capsys.readouterr().err
    assert "RuntimeError: broken" in told
    assert "in fail" in told
    assert "what-was-said" not in told


def test_lines_are_json_with_bound_ids(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Log(format="json"))
    with structlog.contextvars.bound_contextvars(meeting_id=7, audio_id="a"):
        log.get("vori.test").info("captions came", count=2)
        logging.getLogger("another.library").warning("theirs")
    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert ours["event"] == "captions came"
    assert (ours["meeting_id"], ours["audio_id"], ours["count"]) == (7, "a", 2)
    assert (theirs["event"], theirs["level"], theirs["meeting_id"]) == ("theirs", "warning", 7)


def test_an_address_with_a_token_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Log(format="json"))
    logging.getLogger("uvicorn.error").info('"WebSocket /ws/meeting/1?token=vori_x" [accepted]')
    assert capsys.readouterr().err == ""
