"""Sound that comes over Kafka becomes a recording like any other."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiokafka
import msgspec
import pytest

from tests.journeys.running import running
from tests.kafka import unique
from vori.demo.play import SOUND, TRUTH, word_error_rate

pytestmark = pytest.mark.kafka


def messages(sound: bytes, key: str) -> list[bytes]:
    parts = [sound[at : at + 8192] for at in range(0, len(sound), 8192)]
    texts = [*(base64.b64encode(part).decode() for part in parts), "-"]
    return [msgspec.json.encode({"randomkey": key, "audiodata": text}) for text in texts]


async def test_a_sender_s_sound_is_recorded_whole_although_vori_is_killed_in_the_middle(
    own_home: Path, speech_model: str, make_database: Callable[[], str], kafka: str
) -> None:
    prefix = f"{unique()}."
    settings: dict[str, Any] = {
        "database__url": make_database(),
        "kafka__bootstrap": kafka,
        "kafka__topic_prefix": prefix,
        "kafka__group_prefix": prefix,
        "kafka__session_timeout_s": 6,
        "kafka__audio_group_id": 1,
    }
    topic = f"{prefix}voriAudioStream"
    sound = SOUND.read_bytes()
    with running(own_home, model=speech_model, **settings) as server:
        server.wait_until(
            lambda: (
                server.get("/health")["workers"]["streams"]["detail"]["audio"]["state"] == "reading"
            )
        )
        async with aiokafka.AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            sent = messages(sound, "kitchen")
            half = len(sent) // 2
            for message in sent[:half]:
                await producer.send_and_wait(topic, message, key=b"kitchen")
            await producer.send_and_wait(topic, b'{"randomkey":"kitchen"}', key=b"kitchen")
            foreign = {"randomkey": "door", "audiodata": "GkXfow==", "meetingId": 424242}
            await producer.send_and_wait(topic, msgspec.json.encode(foreign), key=b"door")

            def recordings() -> Any:
                meetings = server.get("/api/meetings")["items"]
                return [
                    one
                    for meeting in meetings
                    for one in server.get(f"/api/meetings/{meeting['meetingId']}/recordings")
                ]

            await asyncio.to_thread(server.wait_until, lambda: len(recordings()) == 1)
            port = server.port
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start, port=port)
            for message in sent[half:]:
                await producer.send_and_wait(topic, message, key=b"kitchen")
            await asyncio.to_thread(
                server.wait_until, lambda: recordings()[0]["status"] == "COMPLETE", timeout_s=240
            )
        [recording] = recordings()
        assert recording["receivedBytes"] == len(sound)
        [meeting] = server.get("/api/meetings")["items"]
        lines = server.get(f"/api/meetings/{meeting['meetingId']}/transcript")["lines"]

        def letters_by_key() -> dict[str, Any]:
            return {one["key"]: one for one in server.get("/api/admin/dead-letters")["items"]}

        # The other partition may be read after the one whose recording is complete.
        server.wait_until(lambda: len(letters_by_key()) >= 2)
        letters = letters_by_key()
        assert set(letters) == {"kitchen", "door"}
        letter = letters["kitchen"]
        assert (letter["topic"], letter["consumer"]) == ("voriAudioStream", "audio")
        assert "audiodata" in letter["reason"]
        assert "424242 is no meeting of group 1" in letters["door"]["reason"]
        refused = server.post(f"/api/admin/dead-letters/{letter['letterId']}/replay", ok=False)
        assert refused["code"] == "replay_failed"
    if speech_model == "demo":
        assert word_error_rate(TRUTH, " ".join(line["text"] for line in lines)) <= 0.3
