from datetime import timedelta

import pytest

from tests.web_site import Person, Site, events, make_recording, say
from vori.data.engine import DB
from vori.ids import MeetingId
from vori.meetings import store

pytestmark = pytest.mark.postgres


async def plan(person: Person, **fields: object) -> int:
    answer = await person.post("/api/meetings", json={"groupId": person.group_id, **fields})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["meetingId"])


async def test_a_meeting_is_planned_and_announced(mina: Person) -> None:
    body = {"groupId": mina.group_id, "title": " 주간 회의 ", "language": "ko"}
    made = (await mina.post("/api/meetings", json=body)).json()
    assert made["title"] == "주간 회의"
    assert (made["status"], made["timeZone"], made["hasMinutes"]) == ("SCHEDULED", "UTC", False)
    assert (await mina.get(f"/api/meetings/{made['meetingId']}")).json() == made
    [event] = await events("meeting.created")
    assert (event["meetingId"], event["title"]) == (made["meetingId"], "주간 회의")


async def test_a_client_may_name_a_free_id_only(mina: Person) -> None:
    assert await plan(mina, meetingId=77) == 77
    answer = await mina.post("/api/meetings", json={"groupId": mina.group_id, "meetingId": 77})
    assert (answer.status_code, answer.json()["code"]) == (409, "meeting_id_taken")


async def test_the_time_zone_is_the_maker_s_unless_given(mina: Person) -> None:
    await mina.patch("/api/users/me", json={"timeZone": "Asia/Seoul"})
    ids = [await plan(mina), await plan(mina, timeZone="Europe/Berlin")]
    zones = [(await mina.get(f"/api/meetings/{i}")).json()["timeZone"] for i in ids]
    assert zones == ["Asia/Seoul", "Europe/Berlin"]


async def test_a_wrong_field_is_named(mina: Person) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"title": "x" * 201}, "title"),
        ({"title": None}, "title"),
        ({"groupId": None}, "groupId"),
        ({"groupId": 0}, "groupId"),
        ({"groupId": 2**63}, "groupId"),
        ({"groupId": 10**30}, "groupId"),
        ({"groupId": "one"}, "groupId"),
        ({"meetingId": -1}, "meetingId"),
        ({"language": "korean please"}, "language"),
        ({"status": "LIVE"}, "status"),
    ]
    for fields, field in wrong:
        answer = await mina.post("/api/meetings", json={"groupId": mina.group_id, **fields})
        assert answer.status_code == 400, fields
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_an_unknown_time_zone_is_refused(mina: Person) -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", "/etc/passwd"):
        answer = await mina.post("/api/meetings", json={"groupId": mina.group_id, "timeZone": zone})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_time_zone")


async def test_a_list_comes_in_pages_that_neither_repeat_nor_miss(site: Site, mina: Person) -> None:
    ids = []
    for number in range(7):
        ids.append(await plan(mina, title=str(number)))
        if number % 2:  # two made at the same moment
            site.clock.turn(timedelta(minutes=1))
    seen: list[int] = []
    cursor = ""
    for _ in range(4):
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await mina.get("/api/meetings", params=query)).json()
        seen += [m["meetingId"] for m in page["items"]]
        cursor = page["nextCursor"]
    assert cursor is None
    assert seen == ids[::-1]


async def test_a_list_is_filtered_by_group_and_status(mina: Person) -> None:
    other = (await mina.post("/api/groups", json={"name": "B"})).json()["groupId"]
    first, second = await plan(mina), await plan(mina, groupId=other)
    await mina.patch(f"/api/meetings/{second}", json={"status": "LIVE"})

    async def listed(**query: object) -> list[int]:
        answer = await mina.get("/api/meetings", params={k: str(v) for k, v in query.items()})
        assert answer.status_code == 200, answer.text
        return [m["meetingId"] for m in answer.json()["items"]]

    assert await listed() == [second, first]
    assert await listed(groupId=mina.group_id) == [first]
    assert await listed(status="LIVE") == [second]
    assert await listed(status="LIVE", groupId=mina.group_id) == []


async def test_a_wrong_query_is_refused(mina: Person) -> None:
    for query in ("limit=0", "limit=201", "limit=x", "status=OPEN", "groupId=x", "groupId=0",
                  "groupId=9223372036854775808", "cursor=!", "cursor=AAAA",
                  "cursor=MjAyNi0wMy0xNiAx"):  # fmt: skip
        answer = await mina.get(f"/api/meetings?{query}")
        assert answer.status_code == 400, query


async def test_a_change_is_announced_and_no_change_is_not(site: Site, mina: Person) -> None:
    meeting_id = await plan(mina, title="a")
    path = f"/api/meetings/{meeting_id}"
    site.clock.turn(timedelta(minutes=1))
    changed = (await mina.patch(path, json={"title": "b", "timeZone": "UTC"})).json()
    assert changed["title"] == "b"
    assert changed["updatedAt"] > changed["createdAt"]
    await mina.patch(path, json={"title": "b"})
    [event] = await events("meeting.updated")
    assert event["changed"] == ["title"]


async def test_a_meeting_opens_ends_and_opens_again(site: Site, mina: Person) -> None:
    meeting_id = await plan(mina)
    path = f"/api/meetings/{meeting_id}"
    opened = (await mina.patch(path, json={"status": "LIVE"})).json()
    assert (opened["status"], opened["startedAt"]) == ("LIVE", opened["updatedAt"])
    ended = (await mina.patch(path, json={"status": "ENDED"})).json()
    assert ended["status"] == "ENDED"
    assert site.ended == [meeting_id]
    refused = await mina.patch(path, json={"status": "SCHEDULED"})
    assert (refused.status_code, refused.json()["code"]) == (409, "bad_status")
    again = (await mina.patch(path, json={"status": "LIVE"})).json()
    assert (again["status"], again["endedAt"]) == ("LIVE", None)


async def test_end_answers_with_the_meeting_and_may_be_repeated(site: Site, mina: Person) -> None:
    meeting_id = await plan(mina)
    first = await mina.post(f"/api/meetings/{meeting_id}/end")
    second = await mina.post(f"/api/meetings/{meeting_id}/end")
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json()["status"] == "ENDED"
    assert site.ended == [meeting_id, meeting_id]


async def test_end_waits_for_the_minutes_of_this_end(
    site: Site, mina: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting_id = await plan(mina)
    await write_minutes(site, meeting_id, "# before")
    looks = 0
    read = store.meeting

    async def looked(wanted: MeetingId) -> store.Meeting:
        nonlocal looks
        looks += 1
        if looks == 3:
            await write_minutes(site, meeting_id, "# after")
        return await read(wanted)

    site.clock.turn(timedelta(minutes=1))
    monkeypatch.setattr("vori.meetings.routes.MINUTES_POLL_S", 0)
    monkeypatch.setattr(store, "meeting", looked)
    answer = await mina.post(f"/api/meetings/{meeting_id}/end?wait=30")
    assert answer.json()["hasMinutes"] is True
    assert looks >= 3
    assert (await mina.get(f"/api/meetings/{meeting_id}/minutes")).json()["markdown"] == "# after"


async def test_end_gives_up_waiting(mina: Person) -> None:
    meeting_id = await plan(mina)
    answer = await mina.post(f"/api/meetings/{meeting_id}/end?wait=0.01")
    assert (answer.status_code, answer.json()["hasMinutes"]) == (200, False)
    assert (await mina.post(f"/api/meetings/{meeting_id}/end?wait=61")).status_code == 400


async def test_a_live_meeting_is_not_deleted_and_an_ended_one_goes_with_its_words(
    site: Site, mina: Person
) -> None:
    meeting_id = await plan(mina)
    path = f"/api/meetings/{meeting_id}"
    await say(await make_recording(meeting_id, mina.group_id), "hello", at_ms=0, seq=0)
    ticket = (await mina.post("/api/tickets", json={"title": "t", "meetingId": meeting_id})).json()
    await mina.patch(path, json={"status": "LIVE"})
    answer = await mina.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "meeting_live")
    await mina.post(f"{path}/end")
    assert (await mina.delete(path)).status_code == 204
    assert (await mina.get(path)).status_code == 404
    assert site.silenced == [meeting_id]
    assert await DB.fetch("SELECT 1 FROM captions") == []
    kept = (await mina.get(f"/api/tickets/{ticket['ticketId']}")).json()
    assert kept["meetingId"] is None
    assert (await events("meeting.updated"))[-1]["deleted"] is True


async def test_a_meeting_is_deleted_by_its_maker_or_an_admin(site: Site, mina: Person) -> None:
    jun = await site.person("Jun", mina.group_id)
    sua = await site.person("Sua", mina.group_id)
    one, other = await plan(jun), await plan(jun)
    assert (await sua.delete(f"/api/meetings/{one}")).status_code == 403
    assert (await jun.delete(f"/api/meetings/{one}")).status_code == 204
    assert (await mina.delete(f"/api/meetings/{other}")).status_code == 204


async def test_a_transcript_merges_recordings_by_meeting_time(site: Site, mina: Person) -> None:
    meeting_id = await plan(mina)
    hers = await make_recording(meeting_id, mina.group_id, audio_id="a", user_id=mina.user_id)
    room = await make_recording(meeting_id, mina.group_id, audio_id="b")
    await say(hers, "one", at_ms=0, seq=0)
    await say(hers, "셋", at_ms=9_000, seq=1)
    await say(room, "two", at_ms=500, seq=0, offset_ms=4_000)
    path = f"/api/meetings/{meeting_id}/transcript"
    whole = (await mina.get(path)).json()
    assert whole["transcript"] == "one\ntwo\n셋"
    assert [(x["audioId"], x["speaker"], x["startMs"], x["endMs"]) for x in whole["lines"]] == [
        ("a", "Mina", 0, 2_000),
        ("b", None, 4_500, 6_500),
        ("a", "Mina", 9_000, 11_000),
    ]
    late = (await mina.get(f"{path}?since=4500")).json()
    assert late["transcript"] == "two\n셋"
    assert (await mina.get(f"{path}?since=-1")).status_code == 400


async def test_recordings_are_listed(mina: Person) -> None:
    meeting_id = await plan(mina)
    recording_id = await make_recording(meeting_id, mina.group_id)
    [listed] = (await mina.get(f"/api/meetings/{meeting_id}/recordings")).json()
    assert (listed["recordingId"], listed["audioId"]) == (str(recording_id), "mic")
    assert (listed["status"], listed["durationMs"]) == ("OPEN", 0)


async def write_minutes(site: Site, meeting_id: int, markdown: str) -> None:
    await store.store_minutes(
        MeetingId(meeting_id), markdown=markdown, language="en", engine="local", model="",
        at=site.clock.now(),
    )  # fmt: skip


async def test_minutes_are_absent_until_written(site: Site, mina: Person) -> None:
    meeting_id = await plan(mina)
    path = f"/api/meetings/{meeting_id}/minutes"
    answer = await mina.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_minutes")
    await write_minutes(site, meeting_id, "# Minutes")
    assert (await mina.get(path)).json()["markdown"] == "# Minutes"
    assert (await mina.get(f"/api/meetings/{meeting_id}")).json()["hasMinutes"] is True
    [event] = await events("meeting.summary")
    assert (event["markdown"], event["engine"]) == ("# Minutes", "local")


async def test_the_same_minutes_again_are_no_news(site: Site, mina: Person) -> None:
    meeting_id = await plan(mina)
    for _ in range(2):
        await write_minutes(site, meeting_id, "# Minutes")
    assert len(await events("meeting.summary")) == 1


async def test_minutes_that_a_person_edited_stay(site: Site, mina: Person) -> None:
    meeting_id = await plan(mina)
    path = f"/api/meetings/{meeting_id}/minutes"
    await write_minutes(site, meeting_id, "# by machine")
    edited = (await mina.patch(path, json={"markdown": "# 손으로", "language": "ko"})).json()
    assert (edited["editedBy"], edited["language"]) == (mina.user_id, "ko")
    await write_minutes(site, meeting_id, "# by machine, later")
    assert (await mina.get(path)).json()["markdown"] == "# 손으로"
    assert [e["editedBy"] for e in await events("meeting.summary")] == [None, mina.user_id]
    assert (await mina.patch(path, json={"markdown": "a\0b"})).json()["code"] == "bad_text"


SOUND = bytes(range(256)) * 4


@pytest.fixture
async def audio(site: Site, mina: Person) -> str:
    meeting_id = await plan(mina)
    (site.folder / f"{meeting_id}-first.wav").write_bytes(SOUND)
    return f"/api/meetings/{meeting_id}/audio"


async def test_a_range_gives_its_bytes(mina: Person, audio: str) -> None:
    for asked, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=1000-", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=-5000", 0, 1023),
        ("bytes=1000-9999999999999999999999", 1000, 1023),
    ):
        answer = await mina.get(audio, headers={"Range": asked})
        assert answer.status_code == 206, asked
        assert answer.content == SOUND[first : last + 1]
        assert answer.headers["content-range"] == f"bytes {first}-{last}/1024"
        assert answer.headers["content-length"] == str(last - first + 1)
        assert answer.headers["content-type"] == "audio/wav"


async def test_a_range_that_means_nothing_gives_the_whole(mina: Person, audio: str) -> None:
    for asked in ("", "bytes=-", "bytes=5-2", "bytes=0-1,5-6", "lines=0-1", "bytes=a-b"):
        answer = await mina.get(audio, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (200, SOUND), asked
        assert answer.headers["accept-ranges"] == "bytes"


async def test_a_range_behind_the_end_is_416(mina: Person, audio: str) -> None:
    for asked in ("bytes=1024-", "bytes=99999-100000", "bytes=-0"):
        answer = await mina.get(audio, headers={"Range": asked})
        assert answer.status_code == 416, asked
        assert answer.headers["content-range"] == "bytes */1024"


async def test_head_tells_the_size_without_the_sound(mina: Person, audio: str) -> None:
    answer = await mina.head(audio)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "1024"
    part = await mina.head(audio, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


async def test_a_range_of_a_file_that_changed_gives_the_whole(mina: Person, audio: str) -> None:
    etag = (await mina.head(audio)).headers["etag"]
    same = await mina.get(audio, headers={"Range": "bytes=0-9", "If-Range": etag})
    other = await mina.get(audio, headers={"Range": "bytes=0-9", "If-Range": '"old"'})
    assert (same.status_code, other.status_code) == (206, 200)


async def test_one_recording_s_sound_is_chosen_by_its_name(
    site: Site, mina: Person, audio: str
) -> None:
    (site.folder / f"{audio.split('/')[3]}-mic2.wav").write_bytes(b"second")
    assert (await mina.get(f"{audio}?audioId=mic2")).content == b"second"
    answer = await mina.get(f"{audio}?audioId=none")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_sound")


async def test_a_media_element_may_send_its_token_in_the_query(
    site: Site, mina: Person, audio: str
) -> None:
    secret = mina.client.headers["authorization"].removeprefix("Bearer ")
    nobody = await site.client()
    assert (await nobody.get(f"{audio}?token={secret}")).content == SOUND
    assert (await nobody.get(f"/api/users/me?token={secret}")).status_code == 401


async def test_a_meeting_is_exported_as_a_file(site: Site, mina: Person) -> None:
    meeting_id = await plan(mina, title="주간 회의")
    await say(await make_recording(meeting_id, mina.group_id), "hello", at_ms=0, seq=0)
    for title in ("one", "two"):
        body = {"title": title, "meetingId": meeting_id, "due": "2026-03-20"}
        await mina.post("/api/tickets", json=body)
    await mina.post("/api/tickets", json={"title": "elsewhere", "groupId": mina.group_id})
    path = f"/api/meetings/{meeting_id}/export"
    for form, media_type, piece in (
        ("md", "text/markdown", "- [00:00] hello"),
        ("srt", "application/x-subrip", "00:00:00,000 --> 00:00:02,000"),
        ("vtt", "text/vtt", "WEBVTT"),
        ("csv", "text/csv", "T-2,two,TODO"),
        ("ics", "text/calendar", "SUMMARY:one"),
        ("json", "application/json", '"title": "two"'),
    ):
        answer = await mina.get(path, params={"format": form})
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == media_type
        assert f"meeting-{meeting_id}.{form}" in answer.headers["content-disposition"]
        assert piece in answer.text
        assert "elsewhere" not in answer.text
    assert (await mina.get(path)).headers["content-type"].startswith("text/markdown")
    assert (await mina.get(path, params={"format": "docx"})).status_code == 400
