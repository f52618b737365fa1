"""Nothing of a person is left that is not told; nothing of anybody else is touched."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from tests.data.test_retention import keep_sound, sweeper_of, where_it_stands
from tests.web_site import Person, Site, make_recording, say
from vori.data.engine import DB
from vori.errors import Conflict, NotFound
from vori.ids import MeetingId, UserId
from vori.people import export, store
from vori.people.admin import erase_user
from vori.people.erase import ENGLISH, KOREAN, Erased, erase
from vori.people.messages import Role
from vori.tickets.board import TicketBoard

pytestmark = pytest.mark.postgres

KIM, LEE = "김서연", "Ada Lovelace"


class Team:
    """Two people who leave their names wherever VORI keeps text, and one who stays."""

    def __init__(self, site: Site, mina: Person, kim: Person, ada: Person, home: Path) -> None:
        self.site, self.mina, self.kim, self.ada, self.home = site, mina, kim, ada, home
        self.folders: dict[int, Path] = {}
        self.captions: list[UUID] = []
        self.meeting_id = 0

    async def meet(self) -> None:
        group = self.mina.group_id
        made = await self.mina.post(
            "/api/meetings", json={"groupId": group, "title": f"With {KIM} and {LEE}"}
        )
        self.meeting_id = int(made.json()["meetingId"])
        for person in (self.kim, self.ada, self.mina):
            recording = await make_recording(
                self.meeting_id, group, audio_id=f"mic-{person.name}", user_id=person.user_id
            )
            self.folders[person.user_id] = keep_sound(self.home, self.meeting_id, recording)
            for seq, text in enumerate(
                (f"{KIM}님이 문서를 {KIM}에게 보냅니다", f"{LEE.lower()} will send it, says {LEE}.")
            ):
                self.captions.append(await say(recording, text, at_ms=3000 * seq, seq=seq))
        await DB.fetch(
            "UPDATE captions SET words = jsonb_build_array(jsonb_build_object('text', 'Lovelace'))"
        )
        await DB.fetch("UPDATE recordings SET status = 'COMPLETE'")
        for person in (self.kim, self.ada):
            answer = await self.mina.post(
                "/api/tickets",
                json={
                    "groupId": group, "meetingId": self.meeting_id, "assigneeId": person.user_id,
                    "title": f"Ask {person.name}", "content": f"mail {person.email.upper()}",
                },
            )  # fmt: skip
            ticket = answer.json()["ticketId"]
            await person.patch(f"/api/tickets/{ticket}", json={"title": f"Thank {person.name}"})
            await person.patch(f"/api/tickets/{ticket}", json={"content": f"by {person.name}"})
        await self.mina.patch(f"/api/groups/{group}", json={"name": f"Team of {KIM}, {LEE}"})
        await self.mina.post(f"/api/meetings/{self.meeting_id}/end")
        await TicketBoard(self.site.clock).rewrite_minutes(
            MeetingId(self.meeting_id), language="en", replace_edited=False
        )
        await self._scatter()

    async def _scatter(self) -> None:
        """The names in every other column that holds text."""
        said = f"{KIM}, {LEE} <{self.ada.email}>"
        [recording] = await DB.fetch("SELECT id FROM recordings ORDER BY started_at, id LIMIT 1")
        given = (
            "SELECT $1::bigint AS m, $2::bigint AS g, $3::text AS said, $4::uuid AS r,"
            " jsonb_build_object('title', $3::text, 'assignee', 'Ada Lovelace') AS j"
        )
        for what in (
            "blockers (id, meeting_id, group_id, about) SELECT gen_random_uuid(), m, g, said",
            "proposals (group_id, meeting_id, kind, payload, receipt) SELECT g, m, 'create', j, j",
            "readings (meeting_id, engine, notes, rejected)"
            " SELECT m, 'local', jsonb_build_array(said), jsonb_build_array(j)",
            "transcript_versions (recording_id, number, state, origin) SELECT r, 9, 'PAST', 'LIVE'",
            "version_captions (recording_id, number, id, seq, text) SELECT r, 9, r, 0, said",
            "transcription_jobs (id, recording_id, meeting_id, group_id, version, state, hotwords)"
            " SELECT r, r, m, g, 9, 'COMPLETE', said",
            "dead_letters (topic, key, payload, reason) SELECT 'x', m::text, j::text, said",
            "analytics_words (meeting_id, group_id, captions, words)"
            " SELECT m, g, 1, jsonb_build_object(said, 1)",
            "analytics_meeting_keywords (meeting_id, term, score, count) SELECT m, said, 1, 1",
            "analytics_group_keywords (group_id, term, score, count, meetings)"
            " SELECT g, said, 1, 1, 1",
            "analytics_topics (group_id, name, words, share, meeting_ids)"
            " SELECT g, said, ARRAY[said], 1, ARRAY[m]",
            "analytics_insights (insight_id, group_id, kind, period_start, period_end, text,"
            " numbers, sample) SELECT r, g, 'k', now(), now(), j, '{}', 1",
        ):
            await DB.fetch(
                f"WITH given AS ({given}) INSERT INTO {what} FROM given",
                self.meeting_id, self.mina.group_id, said, recording["id"],
            )  # fmt: skip


class Named(Person):
    name: str
    email: str


async def named(site: Site, name: str, email: str, team: Person) -> Any:
    user = await store.create_user(name=name, email=email)
    await store.add_member(team.group_id, user.user_id, role=Role.MEMBER, nicknames=["boss"])
    made = await store.create_token(user.user_id, name=f"{name}'s laptop")
    person = Named(await site.client(made.secret), user.user_id, team.group_id)
    person.name, person.email = name, email
    return person


@pytest.fixture
async def team(site: Site, mina: Person, tmp_path: Path) -> Team:
    boss: Any = mina
    boss.name, boss.email = "Mina", "mina@example.org"
    kim = await named(site, KIM, "seoyeon.kim@example.org", mina)
    ada = await named(site, LEE, "countess@math.example", mina)
    team = Team(site, boss, kim, ada, tmp_path)
    await team.meet()
    return team


async def forget(team: Team, person: Any, **options: Any) -> Erased:
    return await erase_user(
        person.email,
        **{"keep_spoken": False, "with_groups": False, "dry_run": False} | options,
        remove_sound=sweeper_of(team.site, team.home).remove_sound,
    )


async def rows_of(*, without: str) -> dict[str, int]:
    """How many rows each table has, but those that are named."""
    tables = await DB.fetch("SELECT tablename AS t FROM pg_tables WHERE schemaname = 'public'")
    return {
        row["t"]: (await DB.fetch(f'SELECT count(*) AS n FROM "{row["t"]}"'))[0]["n"]
        for row in tables
        if row["t"] not in without.split()
    }


@pytest.mark.parametrize("who", ["kim", "ada"])
async def test_no_table_holds_the_name_or_address_any_more(team: Team, who: str) -> None:
    person = getattr(team, who)
    other = team.ada if who == "kim" else team.kim
    assert len(await where_it_stands(person.name)) >= 20
    theirs = await where_it_stands(other.name)
    counts = await rows_of(
        without="users members tokens audit analytics_words analytics_meeting_keywords"
        " analytics_group_keywords analytics_topics analytics_insights"
    )
    erased = await forget(team, person)
    for trace in (person.name, person.email, person.email.partition("@")[0]):
        assert await where_it_stands(trace) == set(), trace
    # Nothing else went: words of analytics are counted anew.
    assert await rows_of(without="users members tokens audit analytics_words"
        " analytics_meeting_keywords analytics_group_keywords analytics_topics"
        " analytics_insights") == counts  # fmt: skip
    assert {
        place for place in theirs if not place.startswith("analytics")
    } <= await where_it_stands(other.name)
    instead = KOREAN if who == "kim" else ENGLISH
    [caption] = await DB.fetch(
        "SELECT text, words FROM captions WHERE id = $1", team.captions[who == "ada"]
    )
    assert instead in caption["text"]
    assert caption["words"] == []  # they told the name one by one
    assert (erased.recordings, erased.unassigned) == (1, 1)
    assert not team.folders[person.user_id].exists()
    assert team.folders[other.user_id].exists()


async def test_the_board_and_the_transcript_go_on_without_them(team: Team) -> None:
    before = (await team.mina.get("/api/tickets")).json()["items"]
    await forget(team, team.ada)
    after = {one["ticketId"]: one for one in (await team.mina.get("/api/tickets")).json()["items"]}
    assert after.keys() == {one["ticketId"] for one in before}
    [given] = [one for one in before if one["assigneeId"] == team.ada.user_id]
    mine = after[given["ticketId"]]
    assert (mine["assigneeId"], mine["assignee"]) == (None, None)
    assert mine["title"] == f"Thank {ENGLISH}"
    history = await team.mina.get(f"/api/tickets/{given['ticketId']}/history")
    assert history.status_code == 200
    lines = (await team.mina.get(f"/api/meetings/{team.meeting_id}/transcript")).json()["lines"]
    assert {line["speaker"] for line in lines} == {None, KIM, "Mina"}
    assert len(lines) == 6
    audio = await team.mina.get(f"/api/meetings/{team.meeting_id}/recordings")
    gone = [one for one in audio.json() if one["soundDeletedAt"]]
    assert [one["audioId"] for one in gone] == [f"erased-{gone[0]['recordingId']}"]
    answer = await team.mina.get(
        f"/api/meetings/{team.meeting_id}/audio?audioId={gone[0]['audioId']}"
    )
    assert (answer.status_code, answer.json()["code"]) == (410, "sound_deleted")
    assert (await team.ada.get("/api/users/me")).status_code == 401


async def test_a_dry_run_tells_the_same_and_changes_nothing(team: Team) -> None:
    places = await where_it_stands(team.kim.name)
    would = await forget(team, team.kim, dry_run=True)
    assert would.is_dry_run
    assert await where_it_stands(team.kim.name) == places
    assert team.folders[team.kim.user_id].exists()
    assert (await team.kim.get("/api/users/me")).status_code == 200
    assert not await DB.fetch("SELECT 1 FROM audit WHERE action = 'user.erased'")
    did = await forget(team, team.kim)
    # A row that is deleted for one of its columns is not changed for another.
    assert set(did.replaced) <= set(would.replaced)
    assert msgspec.structs.replace(did, is_dry_run=True, replaced=would.replaced) == would


async def test_what_others_change_meanwhile_is_found_again_and_no_long_transaction_is_open(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vori.people import erase as erasing

    real_found, seen = erasing._found, 0

    async def meddle(*given: Any) -> Any:
        """Somebody edits a ticket between the look and the change."""
        nonlocal seen
        found = await real_found(*given)
        if found and given[1]["table"] == "tickets" and given[1]["column"] == "title" and not seen:
            seen += 1
            await DB.fetch("UPDATE tickets SET title = title || ' today'")
        open_for = await DB.fetch(
            "SELECT 1 FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
            " AND pid <> pg_backend_pid() AND datname = current_database()"
        )
        assert open_for == []
        return found

    monkeypatch.setattr(erasing, "_found", meddle)
    await forget(team, team.ada)
    assert seen == 1
    assert await where_it_stands(LEE) == set()
    titles = [row["title"] for row in await DB.fetch("SELECT title FROM tickets ORDER BY id")]
    assert titles[-1] == f"Thank {ENGLISH} today"


async def test_an_erasure_that_was_cut_off_is_finished_by_asking_again(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vori.people import erase as erasing

    async def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "_delete_account", breaks)
        with pytest.raises(RuntimeError):
            await forget(team, team.ada)
    assert (await team.ada.get("/api/users/me")).status_code == 401
    erased = await forget(team, team.ada)
    assert await where_it_stands(LEE) == set()
    assert erased.unassigned == 0


async def test_what_was_said_keeps_the_name_if_asked_and_the_address_never_stays(
    team: Team,
) -> None:
    erased = await forget(team, team.ada, keep_spoken=True)
    assert erased.name_stays == "as asked for"
    left = await where_it_stands(LEE)
    assert {"captions.text", "tickets.title"} <= left
    assert not {"minutes.markdown", "users.name", "recordings.audio_id"} & left
    assert await where_it_stands(team.ada.email) == set()
    for row in await DB.fetch("SELECT payload FROM outbox WHERE topic LIKE 'ticket%'"):
        assert json.loads(row["payload"])["ticket"]["assignee"] != LEE


async def test_lines_of_the_audit_log_stay_under_a_number_that_is_nobody_s(team: Team) -> None:
    await team.kim.get(f"/api/meetings/{team.meeting_id}/transcript")
    before = await DB.fetch("SELECT count(*) AS n FROM audit WHERE user_id = $1", team.kim.user_id)
    await forget(team, team.kim)
    rows = await DB.fetch("SELECT * FROM audit WHERE user_id = $1", team.kim.user_id)
    assert len(rows) == before[0]["n"] > 0
    assert {(row["address"], row["request_id"]) for row in rows} == {("", "")}
    [line] = await DB.fetch("SELECT * FROM audit WHERE action = 'user.erased'")
    assert (line["target"], line["via"]) == (str(team.kim.user_id), "command")


async def test_a_namesake_s_words_stay(team: Team) -> None:
    await named(team.site, LEE, "other.ada@example.org", team.mina)
    erased = await forget(team, team.ada)
    assert erased.namesakes_in == (team.mina.group_id,)
    assert "captions.text" in await where_it_stands(LEE)
    assert await where_it_stands(team.ada.email) == set()


async def test_other_groups_and_longer_words_keep_theirs(site: Site, mina: Person) -> None:
    """Somebody called Will leaves; what others will do, and Willow, stay."""
    jun = await site.person("Jun")
    will = await named(site, "Will", "w@example.org", mina)
    texts = ("Will is away, will he? Willow and WILLIAM said so. Will's work", "Will")
    for person in (mina, jun):
        for title in texts:
            await person.post("/api/tickets", json={"groupId": person.group_id, "title": title})
    await erase(will.user_id, at=site.clock.now())
    rows = await DB.fetch("SELECT group_id, title FROM tickets ORDER BY group_id, id")
    assert [row["title"] for row in rows if row["group_id"] == jun.group_id] == [*texts]
    assert [row["title"] for row in rows if row["group_id"] == mina.group_id] == [
        f"{ENGLISH} is away, will he? Willow and WILLIAM said so. {ENGLISH}'s work",
        ENGLISH,
    ]


async def test_a_name_of_one_letter_stays_in_what_was_said(site: Site, mina: Person) -> None:
    short = await named(site, "이", "i@example.org", mina)
    await mina.post("/api/tickets", json={"groupId": mina.group_id, "title": "이 일을 이번 주에"})
    erased = await erase(short.user_id, at=site.clock.now())
    assert "too short" in erased.name_stays
    assert (await mina.get("/api/tickets")).json()["items"][0]["title"] == "이 일을 이번 주에"


async def test_names_with_signs_are_found_in_json_too(site: Site, mina: Person) -> None:
    name = 'Grace "Amazing" Hopper\\'
    grace = await named(site, name, "g@example.org", mina)
    answer = await mina.post(
        "/api/tickets",
        json={"groupId": mina.group_id, "title": f"for {name}", "assigneeId": grace.user_id},
    )
    assert answer.status_code == 201
    await mina.patch(f"/api/tickets/{answer.json()['ticketId']}", json={"title": f"to {name}"})
    assert await where_it_stands("Amazing") >= {"tickets.title", "outbox.payload"}
    await erase(grace.user_id, at=site.clock.now())
    assert await where_it_stands("Amazing") == set()


async def test_the_last_admin_and_who_is_recording_are_not_forgotten_by_mistake(
    team: Team,
) -> None:
    await DB.fetch("UPDATE users SET is_admin = true WHERE id = $1", team.mina.user_id)
    with pytest.raises(Conflict) as refused:
        await forget(team, team.mina)
    assert refused.value.code == "last_operator"
    await DB.fetch("UPDATE users SET is_admin = true WHERE id = $1", team.ada.user_id)
    with pytest.raises(Conflict) as refused:
        await forget(team, team.mina)
    assert refused.value.code == "last_admin"
    await DB.fetch("UPDATE recordings SET status = 'OPEN' WHERE user_id = $1", team.kim.user_id)
    with pytest.raises(Conflict) as refused:
        await forget(team, team.kim)
    assert refused.value.code == "recording_open"
    with pytest.raises(NotFound):
        await erase(UserId(4711), at=team.site.clock.now())
    assert len(await DB.fetch("SELECT 1 FROM users")) == 3


async def test_a_group_with_nobody_else_goes_along_if_asked(site: Site, tmp_path: Path) -> None:
    await site.person("Mina")
    lone = await site.person("Solveig")
    made = await lone.post("/api/meetings", json={"groupId": lone.group_id})
    meeting_id = made.json()["meetingId"]
    recording = await make_recording(meeting_id, lone.group_id, audio_id="room")  # nobody's own
    await DB.fetch("UPDATE recordings SET status = 'COMPLETE'")
    folder = keep_sound(tmp_path, meeting_id, recording)
    await say(recording, "the zebrafish is Solveig's", at_ms=0, seq=0)
    await DB.fetch(
        "INSERT INTO outbox (event_id, topic, key, payload)"
        " VALUES (gen_random_uuid(), 'transcription.completed', $1, 'zebrafish')",
        str(meeting_id),
    )
    would = await erase(lone.user_id, at=site.clock.now(), dry_run=True)
    assert would.groups_without_members == (lone.group_id,)
    erased = await erase(lone.user_id, at=site.clock.now(), with_groups=True)
    assert (erased.groups_deleted, erased.groups_without_members) == ((lone.group_id,), ())
    assert not await DB.fetch("SELECT 1 FROM meetings")
    assert await where_it_stands("zebrafish") == await where_it_stands("Solveig") == set()
    await sweeper_of(site, tmp_path).remove_sound()
    assert not folder.exists()


@pytest.fixture
async def operator(site: Site, mina: Person) -> Person:
    await DB.fetch("UPDATE users SET is_admin = true WHERE id = $1", mina.user_id)
    return mina


async def test_administrators_forget_people_over_the_api(site: Site, operator: Person) -> None:
    jun = await named(site, "Jun Park", "jun@example.org", operator)
    path = f"/api/admin/users/{jun.user_id}"
    assert (await jun.delete(path)).status_code == 403
    would = (await operator.delete(f"{path}?dryRun=true")).json()
    assert (would["isDryRun"], would["userId"]) == (True, jun.user_id)
    assert (await operator.delete(path)).json() == would | {"isDryRun": False}
    assert (await operator.delete(path)).status_code == 404
    assert (await operator.delete(f"/api/admin/users/{operator.user_id}")).status_code == 409
    [line] = await DB.fetch("SELECT user_id, target FROM audit WHERE action = 'user.erased'")
    assert (line["user_id"], line["target"]) == (operator.user_id, str(jun.user_id))


async def test_what_belongs_to_me_is_one_file_and_nobody_else_s_is_in_it(team: Team) -> None:
    answer = await team.kim.get("/api/users/me/export")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="vori-user-{team.kim.user_id}.zip"'
    )
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        names = set(file.namelist())
        told = {name: json.loads(file.read(name)) for name in names if name.endswith(".json")}
    assert names == {f"{name}.json" for name in export.FILES} | {"README.txt"}
    assert told["account.json"][0]["email"] == team.kim.email
    assert told["groups.json"][0]["nicknames"] == ["boss"]
    assert [row["text"] for row in told["said.json"]] == [
        f"{KIM}님이 문서를 {KIM}에게 보냅니다", f"{LEE.lower()} will send it, says {LEE}."
    ]  # fmt: skip
    assert len(told["recordings.json"]) == len(told["tickets.json"]) == 1
    assert {row["kind"] for row in told["changes.json"]} == {"updated"}
    whole = json.dumps(told)
    assert "hash" not in whole.replace("has_password", "")
    assert team.ada.email not in json.dumps(told["account.json"] + told["recordings.json"])
    assert [row["action"] for row in await DB.fetch("SELECT action FROM audit WHERE user_id = $1"
            " AND action = 'user.exported'", team.kim.user_id)] == ["user.exported"]  # fmt: skip


async def test_every_column_that_names_a_user_is_exported(database: str) -> None:
    """A new table of somebody's things is not forgotten."""
    rows = await DB.fetch(
        "SELECT conrelid::regclass::text AS t, attname AS c FROM pg_constraint"
        " JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]"
        " WHERE contype = 'f' AND confrelid = 'users'::regclass"
    )
    asked = " ".join(" ".join(export.FILES.values()).split())
    missing = {
        f"{row['t']}.{row['c']}"
        for row in rows
        if f"FROM {row['t']}" not in asked or f"{row['c']} = $1" not in asked
    }
    assert missing == set()


async def test_the_sound_of_ones_recordings_is_added_as_it_came(team: Team, tmp_path: Path) -> None:
    out = tmp_path / "kim.zip"
    out.write_bytes(await export.archive(team.kim.user_id))
    assert export.add_sound(out, team.home) == 1
    with zipfile.ZipFile(out) as file:
        [name] = [name for name in file.namelist() if name.startswith("sound/")]
        assert (name.split("/")[1], file.read(name)) == (
            team.folders[team.kim.user_id].name, b"sound"
        )  # fmt: skip
