"""Thousands of damaged sound files: no crash, and whoever sent one is told what is wrong with it.

All of them go through the decoders; every so-many-th through a whole VORI, uploaded and streamed.
`VORI_TEST_EVERY=1` sends all of them there; with `VORI_TEST_EVERY=11` that is also done by eleven
runs, of `VORI_TEST_FIRST=0` to `10`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec
import pytest

from tests.security.corpus import CHUNK, damaged, seeds, streamed
from tests.security.inside import Account, Conversation, Inside, fresh_database, inside
from vori.data.engine import DB
from vori.transcribe import sandbox

FILES = 5_600
EVERY = int(os.environ.get("VORI_TEST_EVERY", "25"))
FIRST = int(os.environ.get("VORI_TEST_FIRST", "0"))
AT_ONCE = 16
DECODER = 1.0
"""Seconds of processor time: a damaged third of a second takes milliseconds."""


def test_the_corpus_is_of_whole_files_that_decode() -> None:
    assert len(seeds()) == 14
    for kind, data in seeds().items():
        if not kind.startswith(("m4a", "mp3", "flac", "wav with adpcm", "ogg flac")):
            assert 4_700 <= len(streamed(data)) <= 5_300, kind
    assert len({damaged(number)[1] for number in range(FILES)}) > 0.98 * FILES


def test_no_damaged_file_brings_a_decoder_down() -> None:
    """Each half in a process of its own, so that a crash names its file and not this one's."""
    half = FILES // 2
    with ThreadPoolExecutor(2) as threads:
        answers = [*threads.map(_decoded, (0, half), (half, FILES))]
    told = [line for answer in answers for line in answer]
    assert [line["number"] for line in told] == list(range(FILES))
    for line in told:
        for road in ("stream", "file"):
            one = line[road]
            assert one["cpu_s"] < DECODER, line
            if one["code"] is None:
                assert one["is_sound"], line
                assert one["samples"] < 120 * 16_000, line
            else:
                assert one["code"].replace("_", "").isalpha(), line
                assert len(one["message"]) > 20, line
    assert max(line["peak_kb"] for line in told) < 250_000
    for road in ("stream", "file"):
        codes = Counter(line[road]["code"] for line in told)
        assert codes[None] > FILES // 5, codes
        assert codes["undecodable_audio"] > FILES // 50, codes


def _decoded(first: int, last: int) -> list[dict[str, Any]]:
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "faulthandler",
            "-m",
            "tests.security.corpus",
            str(first),
            str(last),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (
        f"file {first + len(lines)}: {done.returncode} {done.stderr[-2000:]}"
    )
    return lines


@pytest.fixture(scope="module")
def vori(postgres_url: str, template: str) -> Iterator[Inside]:
    with (
        fresh_database(postgres_url, template) as url,
        inside(url, limits={"request_burst": 1_000_000}, audio={"resume_s": 0.05}) as vori,
    ):
        yield vori


@pytest.fixture(scope="module")
def mina(vori: Inside) -> Account:
    return vori.run(vori.account("Mina"))


@pytest.mark.postgres
@pytest.mark.model
def test_damaged_files_that_are_uploaded_are_taken_or_refused_with_a_reason(
    vori: Inside, mina: Account
) -> None:
    async def upload(client: httpx.AsyncClient, number: int) -> httpx.Response:
        return await client.post(
            f"/api/meetings/{meeting}/recordings?audioId=up-{number}", content=damaged(number)[1]
        )

    async def all_of_them() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(vori.app),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {mina.secret}"},
            timeout=60,
        ) as client:
            return await _at_once([upload(client, number) for number in range(FIRST, FILES, EVERY)])

    async def jobs_left() -> int:
        rows = await DB.fetch(
            "SELECT count(*) AS n FROM transcription_jobs WHERE state IN ('QUEUED', 'RUNNING')"
        )
        return int(rows[0]["n"])

    async def done() -> None:
        while await jobs_left():
            await asyncio.sleep(0.05)

    meeting = vori.run(_meeting(vori, mina))
    answers = vori.run(all_of_them(), patience_s=600)
    codes = Counter(
        answer.status_code if answer.is_success else answer.json()["code"] for answer in answers
    )
    assert codes.keys() <= {202, "undecodable_audio", "no_sound_track", "empty_file"}, codes
    assert codes[202] > len(answers) // 5, codes
    assert codes["undecodable_audio"] > len(answers) // 10, codes
    vori.run(done(), patience_s=600)
    failed = vori.run(
        DB.fetch("SELECT state, failure, count(*) AS n FROM transcription_jobs GROUP BY 1, 2")
    )
    known = {None, "undecodable_audio", "no_sound_track"}
    assert {row["failure"] for row in failed} <= known, failed
    assert sum(row["n"] for row in failed) == codes[202]


@pytest.mark.postgres
@pytest.mark.model
def test_damaged_files_that_are_streamed_end_well_or_with_a_reason(
    vori: Inside, mina: Account
) -> None:
    async def stream(number: int) -> tuple[int | None, list[dict[str, Any]]]:
        line = Conversation(
            vori.app, f"/ws/meeting/{meeting}", authorization=f"Bearer {mina.secret}"
        )
        data = {"audioId": f"live-{number}", "groupId": mina.group_id}
        line.say(msgspec.json.encode({"type": "metadata", "data": data}).decode())
        sound = damaged(number)[1]
        for at in range(0, len(sound), CHUNK):
            line.say(sound[at : at + CHUNK])
        line.say('{"type":"end"}')
        await line.task
        return line.closed, line.messages

    async def all_of_them() -> list[tuple[int | None, list[dict[str, Any]]]]:
        return await _at_once([stream(number) for number in range(FIRST, FILES, EVERY)])

    meeting = vori.run(_meeting(vori, mina))
    ended = vori.run(all_of_them(), patience_s=900)
    told: Counter[tuple[int | None, str]] = Counter()
    for closed, messages in ended:
        last = messages[-1]
        told[closed, last.get("code", last["type"])] += 1
        if last["type"] == "error":
            assert last["fatal"]
            assert len(last["message"]) > 20
    assert {code for code, _ in told} == {1000, 4400}, told
    assert {why for code, why in told if code == 1000} == {"finished"}
    assert told[1000, "finished"] > len(ended) // 5, told
    vori.run(vori.settled())
    rows = vori.run(
        DB.fetch(
            "SELECT status, count(*) AS n FROM recordings WHERE audio_id LIKE 'live-%' GROUP BY 1"
        )
    )
    assert {row["status"] for row in rows} == {"COMPLETE", "FAILED"}
    assert sandbox.SANDBOX.process is not None, "coded sound is decoded apart"


async def _at_once(work: list[Any]) -> list[Any]:
    """Results in order; so many at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(this: Any) -> Any:
        async with room:
            return await this

    return await asyncio.gather(*(one(this) for this in work))


async def _meeting(vori: Inside, account: Account) -> int:
    rows = await DB.fetch(
        "INSERT INTO meetings (group_id, title, status) VALUES ($1, 'damaged', 'LIVE') RETURNING id",
        account.group_id,
    )
    return int(rows[0]["id"])
