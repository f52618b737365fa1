"""`/metrics`: numbers for whoever runs VORI, and nobody's words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.tickets.test_board import LOGIN, meet
from tests.web_site import Person, Site
from vori.data.engine import DB
from vori.worker import Health, State

pytestmark = pytest.mark.postgres


class Told:
    name = "streams"

    def health(self) -> Health:
        return Health(
            state=State.DEGRADED,
            message="late: kafka",
            detail={"pages": {"lagEvents": 3, "lagMs": 12.5, "state": "ok"}, "readings": 7},
        )


async def read(person: Person) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = await person.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def make_admin(person: Person) -> None:
    await DB.fetch("UPDATE users SET is_admin = true WHERE id = $1", person.user_id)


async def test_metrics_are_for_administrators(site: Site, mina: Person) -> None:
    stranger = await site.client()
    assert (await stranger.get("/metrics")).status_code == 401
    await DB.fetch("UPDATE users SET is_admin = false")
    assert (await mina.get("/metrics")).status_code == 403


async def test_metrics_tell_of_workers_captions_tickets_and_what_hosted_engines_cost(
    site: Site, mina: Person
) -> None:
    await make_admin(mina)
    site.workers.append(Told())
    meeting = await meet(site, mina)
    await meeting.say("fix the login page")
    await meeting.read(new_tickets=(LOGIN,))
    await DB.fetch(
        "INSERT INTO token_usage (id, group_id, meeting_id, engine, input_tokens, output_tokens,"
        " cost) VALUES (gen_random_uuid(), $1, $2, 'claude', 120, 30, 0.5)",
        mina.group_id,
        meeting.meeting_id,
    )
    told = await read(mina)
    wanted: dict[Any, float] = {
        ("vori_worker_state", (("state", "degraded"), ("worker", "streams"))): 1,
        ("vori_worker_state", (("state", "ok"), ("worker", "streams"))): 0,
        ("vori_streams_lag_events", (("part", "pages"),)): 3,
        ("vori_streams_lag_ms", (("part", "pages"),)): 12.5,
        ("vori_streams_readings", ()): 7,
        ("vori_database_up", ()): 1,
        ("vori_captions_total", ()): 1,
        ("vori_recordings_open", ()): 1,
        ("vori_meetings", (("status", "LIVE"),)): 1,
        ("vori_ticket_changes_total", (("engine", "local"), ("kind", "created"))): 1,
        ("vori_hosted_tokens_total", (("kind", "input"),)): 120,
        ("vori_hosted_tokens_total", (("kind", "output"),)): 30,
        ("vori_hosted_cost_total", ()): 0.5,
        ("vori_hosted_meetings_total", ()): 1,
    }
    assert {key: told.get(key) for key in wanted} == wanted


async def test_metrics_hold_no_words_and_no_names(site: Site, mina: Person) -> None:
    await make_admin(mina)
    meeting = await meet(site, mina, title="Quarterly secrets")
    await meeting.say("fix the login page")
    await DB.fetch(
        "UPDATE ticket_history SET receipt = jsonb_set(receipt, '{engine}', '\"made-up\"')"
        if await meeting.read(new_tickets=(LOGIN,))
        else "SELECT 1"
    )
    text = (await mina.get("/metrics")).text
    assert not re.search(r"login|Mina|secrets|made-up", text)
    assert 'engine="other"' in text
