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


NASTY = "Mina\r\n2026-01-01 [error] forged \x1b[31mred\x1b[0m \x9b1m\u2028\u202egnp.exe\x00\x7f\x85"


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_others_wrote_cannot_end_a_line_colour_it_or_turn_it_round(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    log.configure(Log(format=form))  # type: ignore[arg-type]
    logger = log.get("vori.test")
    with structlog.contextvars.bound_contextvars(audio_id=NASTY):
        logger.warning(NASTY, name=NASTY, many=[NASTY], deep={NASTY: (NASTY,)})
        logging.getLogger("another.library").warning("theirs: %s", NASTY)
    lines = capsys.readouterr().err.split("\n")
    assert len(lines) == 3
    for line in lines:
        assert all(sign.isprintable() or sign == "\t" for sign in line), line
        assert len(line.splitlines()) <= 1
    assert "Mina" in lines[0]


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_error_that_quotes_others_stays_within_its_own_lines(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    log.configure(Log(format=form))  # type: ignore[arg-type]
    try:
        raise ValueError(NASTY)
    except ValueError:
        log.get("vori.test").exception("it broke")
    told = capsys.readouterr().err
    for line in told.splitlines()[1:]:
        assert line.startswith("    | "), line
    assert "\x1b" not in told
