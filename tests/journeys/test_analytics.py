"""From sound to what the meeting led to: one recording through the whole program, Spark included."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.journeys.running import running
from vori.analytics.submit import find_java
from vori.client import MeetingClient, paced
from vori.demo.play import SOUND
from vori.errors import Unavailable

pytestmark = [pytest.mark.spark, pytest.mark.postgres]

SPEED = 6.0


async def test_a_meeting_held_shows_in_analytics_and_pages_hear_of_it(
    own_home: Path, speech_model: str
) -> None:
    try:
        find_java()
    except Unavailable as exc:
        pytest.skip(exc.message)
    counting = {
        "spark__enabled": "on",
        "spark__start_after_s": 0.5,
        "spark__weeks_every_s": 2,
        "spark__master": "local[2]",
    }
    with running(own_home, model=speech_model, **counting) as server:
        meeting = server.post("/api/meetings", {"groupId": 1, "title": "counted"})["meetingId"]
        base = f"/api/analytics/meetings/{meeting}"

        def all_counted() -> bool:
            health = server.get("/health", ok=False)["workers"]["analytics"]["detail"]
            return (
                health["lagEvents"] == 0
                and health["rows"] > 0
                and server.get(f"{base}/realtime")["captions"] == len(captions())
                and bool(server.get("/api/analytics/groups/1/trends")["trends"])
                and bool(server.get(f"{base}/realtime")["keywordTrends"])
            )

        def captions() -> list[Any]:
            found: list[Any] = server.get(f"/api/meetings/{meeting}/transcript")["lines"]
            return found

        async with connect(f"{server.ws_url}/api/events") as page:
            client = MeetingClient(server.ws_url, meeting, {"audioId": "mic", "groupId": 1})
            await client.stream(paced(SOUND.read_bytes(), 60, chunk_bytes=4096, speed=SPEED))
            await asyncio.to_thread(server.post, f"/api/meetings/{meeting}/end?wait=60")
            async with asyncio.timeout(300):
                while json.loads(await page.recv())["type"] != "analytics.changed":
                    pass
        await asyncio.to_thread(server.wait_until, all_counted, timeout_s=240)

        tickets = server.get(f"/api/meetings/{meeting}/tickets")["items"]
        found = server.get(f"{base}/realtime")
        made = found["actionableItemsCount"]
        assert made == len([t for t in tickets if t["meetingId"] == meeting]) > 0
        assert sum(w["actionableTickets"] for w in found["windows"]) == made
        assert 0 < found["productivityScore"] < 1
        assert server.get(f"{base}/ticket-patterns")["tickets"] == made
        [week] = server.get("/api/analytics/groups/1/trends")["trends"]
        assert (week["meetingCount"], week["ticketsMade"]) == (1, made)
        assert server.get("/api/analytics/insights")["items"] == []  # one meeting says nothing
        health = server.get("/health")["workers"]["analytics"]
        assert (health["state"], health["detail"]["late"]) == ("ok", 0)
        pid = health["detail"]["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
