"""Search over HTTP, on real PostgreSQL."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web_site import make_recording, say
from vori.data.engine import DB
from vori.ids import uuid7
from vori.search.text import fold, grams_of, words_of

pytestmark = pytest.mark.postgres


async def meeting_of(person, title="Weekly", **more):
    made = await person.post("/api/meetings", json={"groupId": person.group_id, "title": title})
    assert made.status_code == 201, made.text
    number = made.json()["meetingId"]
    return number, await make_recording(number, person.group_id, audio_id=f"a-{number}", **more)


async def test_sentences_and_tickets_are_found_with_marks_and_times(mina):
    number, recording = await meeting_of(mina, user_id=mina.user_id)
    await say(recording, "결제 모듈은 금요일에 배포합니다.", at_ms=12_000, seq=0, offset_ms=500)
    await say(recording, "Nothing of that kind.", at_ms=15_000, seq=1)
    await mina.post(
        "/api/tickets",
        json={"meetingId": number, "title": "결제모듈 배포", "content": "배포는 금요일"},
    )
    answer = (await mina.get("/api/search", params={"q": "배포 결제모듈"})).json()
    assert answer["words"] == ["배포", "결제모듈"]
    [hit] = answer["captions"]["items"]
    assert (hit["meetingId"], hit["meetingTitle"], hit["speaker"]) == (number, "Weekly", "Mina")
    assert (hit["startMs"], hit["endMs"], hit["audioId"]) == (12_500, 14_500, f"a-{number}")
    text = hit["said"]["text"]
    assert [text[a:b] for a, b in hit["said"]["marks"]] == ["결제 모듈", "배포"]
    [ticket] = answer["tickets"]["items"]
    assert ticket["title"] == {"text": "결제모듈 배포", "marks": [[0, 4], [5, 7]]}
    assert ticket["content"]["marks"] == [[0, 2]]


async def test_only_the_callers_groups_are_searched(site, mina):
    _, recording = await meeting_of(mina)
    await say(recording, "our invoice", at_ms=0, seq=0)
    await mina.post("/api/tickets", json={"groupId": mina.group_id, "title": "invoice"})
    other = await site.person("Joon")
    found = (await other.get("/api/search", params={"q": "invoice"})).json()
    assert (found["captions"]["items"], found["tickets"]["items"]) == ([], [])
    theirs = await other.get("/api/search", params={"q": "invoice", "groupId": mina.group_id})
    assert theirs.status_code == 404


async def test_dismissed_tickets_are_not_found(mina):
    made = await mina.post("/api/tickets", json={"groupId": mina.group_id, "title": "invoice"})
    await mina.delete(f"/api/tickets/{made.json()['ticketId']}")
    found = (await mina.get("/api/search", params={"q": "invoice"})).json()
    assert found["tickets"]["items"] == []


async def test_pages_of_each_kind_hold_everything_once_newest_first(mina):
    _, recording = await meeting_of(mina)
    for seq in range(5):
        await say(recording, f"invoice number {seq}", at_ms=seq * 3000, seq=seq)
        await mina.post(
            "/api/tickets", json={"groupId": mina.group_id, "title": f"invoice number {seq}"}
        )
    for kind, words in (
        ("captions", lambda hit: hit["said"]["text"]),
        ("tickets", lambda hit: hit["title"]["text"]),
    ):
        seen, cursor = [], None
        while True:
            asked = {"q": "invoice", "kind": kind, "limit": 2}
            if cursor:
                asked["cursor"] = cursor
            page = (await mina.get("/api/search", params=asked)).json()[kind]
            seen += [words(hit) for hit in page["items"]]
            cursor = page.get("nextCursor")
            if not cursor:
                break
        assert seen == [f"invoice number {n}" for n in (4, 3, 2, 1, 0)]


async def test_bad_searches_say_what_to_do(mina):
    for asked, code in (
        ({"q": "?"}, "nothing_to_search"),
        ({"q": "invoice", "cursor": "x"}, "no_kind"),
        ({"q": "invoice", "kind": "captions", "cursor": "x"}, "bad_cursor"),
        ({"q": "invoice", "kind": "tickets", "cursor": "x"}, "bad_cursor"),
        ({}, "bad_request"),
    ):
        answer = await mina.get("/api/search", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


LETTERS = st.text("가힣결제모듈 aZé\u00dfＡ１0-.,'\t\n「」…🙂漢の\u1107\u1161", max_size=30)


async def test_the_database_folds_as_we_do(database):
    texts: list[str] = []

    @settings(max_examples=300, suppress_health_check=list(HealthCheck), database=None)
    @given(LETTERS)
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    rows = await DB.fetch(
        "SELECT said, search_fold(said) AS folded, search_grams(said) AS grams"
        " FROM unnest($1::text[]) AS said",
        texts,
    )
    for row in rows:
        assert row["folded"] == fold(row["said"]), ascii(row["said"])
        words = row["folded"].split()
        assert set(grams_of(words)) <= set(row["grams"])


async def test_a_search_asks_the_index(mina):
    _, recording = await meeting_of(mina)
    await DB.fetch(
        "INSERT INTO captions (id, recording_id, meeting_id, group_id, seq, text)"
        " SELECT gen_random_uuid(), r.id, r.meeting_id, r.group_id, n, 'caption number ' || n"
        " FROM recordings r, generate_series(1, 5000) n WHERE r.id = $1",
        recording,
    )
    await DB.fetch("VACUUM ANALYZE captions")  # what waits in the index is put into it, too
    plan = await DB.fetch(
        "EXPLAIN SELECT * FROM captions WHERE search_grams(text) @> $1 AND group_id = ANY($2)"
        " ORDER BY id DESC",
        grams_of(words_of("4711")),
        [mina.group_id],
    )
    assert any("captions_search" in row[0] for row in plan), plan


async def test_a_line_tells_where_its_words_are_when_asked(mina):
    number, recording = await meeting_of(mina)
    caption = await say(recording, "good morning", at_ms=4000, seq=0, offset_ms=1000)
    await DB.fetch(
        "UPDATE captions SET words = $2 WHERE id = $1",
        caption,
        '[{"text": "good", "startMs": 4100, "endMs": 4400, "probability": 0.9}]',
    )
    plain = (await mina.get(f"/api/meetings/{number}/transcript")).json()
    assert "words" not in plain["lines"][0]
    full = (await mina.get(f"/api/meetings/{number}/transcript?words=true")).json()
    [word] = full["lines"][0]["words"]
    assert (word["text"], word["startMs"], word["endMs"]) == ("good", 5100, 5400)


async def test_blockers_are_told_with_their_words_and_times(site, mina):
    number, recording = await meeting_of(mina, user_id=mina.user_id)
    caption = await say(recording, "We wait for the key.", at_ms=4000, seq=0, offset_ms=1000)
    await DB.fetch(
        "INSERT INTO blockers (id, meeting_id, group_id, about, caption_ids)"
        " VALUES ($1, $2, $3, 'the key', $4)",
        uuid7(),
        number,
        mina.group_id,
        [caption],
    )
    [told] = (await mina.get(f"/api/meetings/{number}/blockers")).json()
    assert (told["quote"], told["about"], told["speaker"]) == (
        "We wait for the key.",
        "the key",
        "Mina",
    )
    assert (told["startMs"], told["endMs"]) == (5000, 7000)
    other = await site.person("Joon")
    assert (await other.get(f"/api/meetings/{number}/blockers")).status_code == 404
