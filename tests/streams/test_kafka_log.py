"""What Kafka's libraries say, and how often."""

from __future__ import annotations

import logging

import pytest

from vori.streams.kafka import _Once


def test_a_line_that_comes_again_and_again_is_passed_on_once_in_a_while(
    caplog: pytest.LogCaptureFixture,
):
    now = 0.0
    logger = logging.getLogger("tests.flood")
    logger.propagate = False
    handler = _Once(lambda: now)
    logger.addHandler(handler)
    try:
        for number in range(100):
            logger.error("broker %s is away", number)
        logger.error("something else")
        now = 31.0
        logger.error("broker %s is away", 100)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    assert [record.getMessage() for record in caplog.records] == [
        "broker 0 is away",
        "something else",
        "broker 100 is away (and 99 times before)",
    ]
