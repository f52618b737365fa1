from __future__ import annotations

import msgspec
import pytest

from tests.web_site import make_recording, open_site
from vori.data.engine import DB
from vori.settings import Database, Kafka, Settings, Speech
from vori.system import SECRETS, settings_view, system_route


def test_settings_are_told_without_their_secrets() -> None:
    settings = Settings(
        database=Database(url="postgresql://me:geheim@db/vori"),
        kafka=Kafka(sasl_password="geheim"),
        speech=Speech(model="demo"),
    )
    told = {one.name: one for one in settings_view(settings)}
    assert told["speech.model"].value == "demo"
    assert not told["speech.model"].is_default
    assert told["server.port"].is_default
    assert {told[name].value for name in SECRETS} == {"***"}
    assert "geheim" not in msgspec.json.encode(list(told.values())).decode()
    assert all(one.value == "" for one in settings_view(Settings()) if one.name in SECRETS)


@pytest.mark.postgres
async def test_only_administrators_see_the_system(database, tmp_path) -> None:
    async with open_site(tmp_path) as site:
        site.app.register(system_route(Settings()))
        mina = await site.person("Mina")
        assert (await mina.get("/api/admin/system")).status_code == 403
        made = await mina.post("/api/meetings", json={"groupId": mina.group_id, "title": "A"})
        await make_recording(made.json()["meetingId"], mina.group_id)
        await DB.fetch("UPDATE users SET is_admin = true WHERE id = $1", mina.user_id)
        told = (await mina.get("/api/admin/system")).json()
    assert (told["counts"]["open"], told["counts"]["failed"]) == (1, 0)
    assert [one["status"] for one in told["recordings"]] == ["OPEN"]
    assert any(one["name"] == "speech.silence_ms" for one in told["settings"])
