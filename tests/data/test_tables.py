"""Table classes say what the database holds."""

from __future__ import annotations

import pytest

from vori.data.engine import DB, transaction
from vori.data.piccolo_app import APP_CONFIG
from vori.meetings.tables import Meeting
from vori.people.tables import Group, User
from vori.tickets.tables import TicketRow

pytestmark = pytest.mark.postgres

SAME = {
    "bigserial": "bigint",
    "serial": "integer",
    "varchar": "character varying",
    "timestamptz": "timestamp with time zone",
}


@pytest.mark.parametrize("table", APP_CONFIG.table_classes, ids=lambda table: table.__name__)
async def test_a_table_class_matches_its_table(database, table):
    rows = await DB.fetch(
        """
        SELECT attname, format_type(atttypid, NULL) AS kind, attnotnull FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
        """,
        table._meta.tablename,
    )
    stored = {row["attname"]: (row["kind"], not row["attnotnull"]) for row in rows}
    told = {}
    for column in table._meta.columns:
        kind = column.column_type.lower().split("(")[0]
        told[column._meta.db_column_name] = (SAME.get(kind, kind), column._meta.null)
    assert told == stored


async def test_a_meeting_gets_the_next_free_number_when_clients_took_some(database):
    group = Group(name="Team")
    await group.save()
    for taken in (1, 2, 4):
        await Meeting.insert(Meeting(id=taken, group_id=group.id))
    made = [Meeting(group_id=group.id) for _ in range(2)]
    for meeting in made:
        await meeting.save()
    assert [meeting.id for meeting in made] == [3, 5]


async def test_a_ticket_gets_a_number_people_can_say(database):
    group = Group(name="Team")
    await group.save()
    ticket = TicketRow(group_id=group.id, title="배포")
    await ticket.save()
    assert ticket.id == "T-1"


async def test_json_reads_back_as_it_was_written(database):
    group = Group(name="Team")
    await group.save()
    origin = {"captionIds": ["a"], "title": "결제 모듈", "n": 1.5, "none": None}
    await TicketRow(group_id=group.id, title="t", origin=origin).save()
    [row] = await TicketRow.select(TicketRow.origin)
    assert row["origin"] == origin
    [raw] = await DB.fetch("SELECT origin FROM tickets WHERE origin @> $1", {"title": "결제 모듈"})
    assert raw["origin"] == origin


async def test_an_email_is_taken_whatever_its_case(database):
    import asyncpg

    await User(name="A", email="a@example.org").save()
    with pytest.raises(asyncpg.UniqueViolationError):
        await User(name="B", email="A@Example.org").save()
    await User(name="C").save()
    await User(name="D").save()


async def test_a_group_takes_its_meetings_with_it_and_a_meeting_leaves_its_tickets(database):
    group = Group(name="Team")
    await group.save()
    meeting = Meeting(group_id=group.id)
    await meeting.save()
    ticket = TicketRow(group_id=group.id, meeting_id=meeting.id, title="t")
    await ticket.save()
    await Meeting.delete().where(Meeting.id == meeting.id)
    kept = await TicketRow.objects().get(TicketRow.id == ticket.id)
    assert kept.meeting_id is None
    async with transaction():
        await Group.delete().where(Group.id == group.id)
    assert await TicketRow.count() == 0
