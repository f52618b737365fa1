"""A process that handles events of `ticket.created`, for tests that kill it.

Told by variables what it needs; writes one row an event, in one transaction with the note that
the event has been handled.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from vori import log
from vori.data.engine import DB
from vori.meetings.messages import MeetingCreated
from vori.settings import Kafka as KafkaSettings
from vori.settings import Log
from vori.streams.kafka import Kafka
from vori.streams.relay import Road
from vori.streams.topics import MEETING_CREATED


async def main() -> None:
    who = sys.argv[1]
    settings = msgspec.json.decode(os.environ["ROAD_KAFKA"], type=KafkaSettings)
    log.configure(Log(format="json"))
    await DB.open(os.environ["ROAD_DATABASE"])
    kafka = Kafka(settings, Path(os.environ["ROAD_HOME"]) / who)
    road = Road(kafka)
    road.attach(kafka.sink)

    async def note(event: MeetingCreated) -> None:
        await DB.fetch(
            "INSERT INTO noted (meeting_id, number, who) VALUES ($1, $2, $3)",
            event.meeting_id,
            int(event.title),
            who,
        )

    road.subscribe("noting", [MEETING_CREATED], note, once=True)
    async with road.lifespan():
        print("running", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
