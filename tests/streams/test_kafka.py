from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kafka import unique
from tests.streams.test_relay import Told, created, tell
from vori.settings import Kafka as KafkaSettings
from vori.streams.kafka import Kafka
from vori.streams.relay import Road
from vori.streams.topics import MEETING_CREATED

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def settings_for(bootstrap: str, **more: Any) -> KafkaSettings:
    prefix = unique()
    return KafkaSettings(
        bootstrap=(bootstrap,),
        topic_prefix=f"{prefix}.",
        group_prefix=f"{prefix}.",
        session_timeout_s=2.0,
        **more,
    )


def road_on(settings: KafkaSettings, home: Path, *, sends: bool = True) -> Road:
    broker = Kafka(settings, home)
    road = Road(broker)
    if sends:
        road.attach(broker.sink)
    return road


async def test_events_come_back_from_kafka_to_their_consumer_in_order(database, kafka, tmp_path):
    told, road = Told(), road_on(settings_for(kafka), tmp_path)
    road.subscribe("titles", [MEETING_CREATED], told)
    await tell(*(created(title=f"{n}") for n in range(50)))
    async with road.lifespan():
        assert await told.until(50) == [f"{n}" for n in range(50)]
        assert road.health().detail["titles"]["state"] == "reading"
