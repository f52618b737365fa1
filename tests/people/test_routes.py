import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.connection import ASGIConnection

from tests.web_site import Site, open_site, uncommitted
from vori.errors import NotSignedIn
from vori.people import store
from vori.people.auth import ensure_dev, principal_of
from vori.people.messages import Role

pytestmark = pytest.mark.postgres


@pytest.fixture
async def dev_site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    await ensure_dev()
    async with open_site(tmp_path, dev=True) as site:
        yield site


async def test_without_a_token_nobody_gets_in(site: Site) -> None:
    answer = await (await site.client()).get("/api/users/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_signed_in"


async def test_a_malformed_token_is_refused(site: Site) -> None:
    anyone = await site.client()
    for header in ("Bearer", "Bearer ", "Basic abc", "Bearer vori_short", "Bearer " + "x" * 48,
                   "vori_" + "a" * 43):  # fmt: skip
        answer = await anyone.get("/api/users/me", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_token"), header


async def test_a_token_counts_until_it_is_revoked_or_expires(site: Site) -> None:
    mina = await site.person("Mina")
    made = (await mina.post("/api/tokens", json={"name": "laptop", "expiresInDays": 1})).json()
    laptop = await site.client(made["secret"])
    assert (await laptop.get("/api/users/me")).json()["name"] == "Mina"

    site.clock.turn(timedelta(days=1))
    assert (await laptop.get("/api/users/me")).status_code == 401

    forever = (await mina.post("/api/tokens", json={})).json()
    phone = await site.client(forever["secret"])
    assert (await phone.get("/api/users/me")).status_code == 200
    path = f"/api/tokens/{forever['token']['tokenId']}"
    assert (await mina.delete(path)).status_code == 204
    assert (await phone.get("/api/users/me")).status_code == 401
    assert (await mina.delete(path)).status_code == 404


async def test_a_token_s_secret_is_told_once_and_kept_nowhere(site: Site, database: str) -> None:
    from vori.data.engine import DB

    mina = await site.person("Mina")
    secret = (await mina.post("/api/tokens", json={"name": "ci"})).json()["secret"]
    listed = await mina.get("/api/tokens")
    assert [token["name"] for token in listed.json()] == ["ci", "test"]
    assert secret not in listed.text
    rows = await DB.fetch("SELECT t::text AS everything FROM tokens t")
    assert not any(secret in row["everything"] for row in rows)


async def test_a_token_of_another_user_cannot_be_revoked(site: Site) -> None:
    mina, jun = await site.person("Mina"), await site.person("Jun")
    [token] = (await mina.get("/api/tokens")).json()
    assert (await jun.delete(f"/api/tokens/{token['tokenId']}")).status_code == 404
    assert (await mina.get("/api/users/me")).status_code == 200


async def test_the_last_use_of_a_token_is_noted_once_a_minute(site: Site) -> None:
    mina = await site.person("Mina")

    async def last_used() -> str:
        return str((await mina.get("/api/tokens")).json()[0]["lastUsedAt"])

    first = await last_used()
    site.clock.turn(timedelta(seconds=59))
    assert await last_used() == first
    site.clock.turn(timedelta(seconds=1))
    assert await last_used() != first


async def test_development_mode_signs_everyone_in_but_a_token_still_counts(dev_site: Site) -> None:
    anyone = await dev_site.client()
    me = (await anyone.get("/api/users/me")).json()
    assert (me["userId"], me["isAdmin"]) == (1, True)
    assert [g["role"] for g in (await anyone.get("/api/groups")).json()] == ["ADMIN"]
    mina = await dev_site.person("Mina")
    assert (await mina.get("/api/users/me")).json()["name"] == "Mina"
    wrong = await dev_site.client("vori_" + "a" * 43)
    assert (await wrong.get("/api/users/me")).status_code == 401


async def test_development_rows_are_made_once_and_ids_go_on_behind_them(dev_site: Site) -> None:
    await ensure_dev()
    mina = await dev_site.person("Mina")
    assert mina.user_id == 2
    assert mina.group_id == 2


async def test_pages_of_other_sites_cannot_use_development_mode(dev_site: Site) -> None:
    anyone = await dev_site.client()
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Host": "elsewhere.example"},
        {"Host": "127.0.0.1.elsewhere.example"},
        {"Host": "[broken"},
    ):
        answer = await anyone.get("/api/users/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin"), headers


async def test_a_page_of_this_machine_may_use_development_mode(dev_site: Site) -> None:
    for origin in ("http://localhost:5173", "http://127.0.0.1:8700", "http://[::1]:8700"):
        answer = await (await dev_site.client()).get("/api/users/me", headers={"Origin": origin})
        assert answer.status_code == 200


async def test_a_profile_is_changed_field_by_field(site: Site) -> None:
    mina = await site.person("Mina")
    answer = await mina.patch("/api/users/me", json={"language": "ko", "timeZone": "Asia/Seoul"})
    assert answer.json()["language"] == "ko"
    answer = await mina.patch("/api/users/me", json={"name": "김민아"})
    me = answer.json()
    assert (me["name"], me["language"], me["timeZone"]) == ("김민아", "ko", "Asia/Seoul")


async def test_sync_is_harmless_when_repeated_and_takes_no_foreign_address(site: Site) -> None:
    mina = await site.person("Mina")
    body = {"name": "Mina Kim", "email": "boss@example.org"}
    first = await mina.post("/api/users/sync", json=body)
    second = await mina.post("/api/users/sync", json=body)
    assert first.status_code == 200
    assert first.json() == second.json()
    assert (first.json()["name"], first.json()["email"]) == ("Mina Kim", "mina@example.org")


async def test_an_administrator_may_change_their_address_unless_it_is_taken(
    dev_site: Site,
) -> None:
    await dev_site.person("Mina")
    admin = await dev_site.client()
    answer = await admin.post("/api/users/sync", json={"email": "chief@example.org"})
    assert answer.json()["email"] == "chief@example.org"
    answer = await admin.post("/api/users/sync", json={"email": "MINA@example.org"})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


async def test_whoever_makes_a_group_is_its_admin(site: Site) -> None:
    mina = await site.person("Mina")
    made = await mina.post("/api/groups", json={"name": "Web"})
    assert made.status_code == 201
    group_id = made.json()["groupId"]
    assert made.json()["role"] == "ADMIN"
    renamed = await mina.patch(f"/api/groups/{group_id}", json={"name": "Site"})
    assert renamed.json()["name"] == "Site"
    assert (await mina.get(f"/api/groups/{group_id}")).json()["name"] == "Site"


async def test_members_are_added_by_address_with_their_nicknames(site: Site) -> None:
    mina = await site.person("Mina")
    path = f"/api/groups/{mina.group_id}/members"
    body = {"email": "jun@example.org", "name": "박준", "nicknames": ["준", "Jun"]}
    added = await mina.post(path, json=body)
    assert added.status_code == 201
    assert added.json()["nicknames"] == ["준", "Jun"]
    again = await mina.post(path, json={"email": "JUN@example.org"})
    assert (again.status_code, again.json()["code"]) == (409, "already_member")
    assert [m["name"] for m in (await mina.get(path)).json()] == ["Mina", "박준"]


async def test_a_user_s_number_reveals_nobody_one_shares_no_group_with(site: Site) -> None:
    mina, jun = await site.person("Mina"), await site.person("Jun")
    answer = await mina.post(f"/api/groups/{mina.group_id}/members", json={"userId": jun.user_id})
    assert answer.status_code == 404
    assert "Jun" not in answer.text


async def test_only_an_admin_changes_members(site: Site) -> None:
    mina = await site.person("Mina")
    jun = await site.person("Jun", mina.group_id)
    stranger = await site.person("Ada")
    path = f"/api/groups/{mina.group_id}/members"
    for person, status in ((jun, 403), (stranger, 404)):
        assert (await person.post(path, json={"email": "x@example.org"})).status_code == status
        assert (
            await person.patch(f"{path}/{mina.user_id}", json={"role": "MEMBER"})
        ).status_code == status
        assert (await person.delete(f"{path}/{mina.user_id}")).status_code == status
        assert (
            await person.patch(f"/api/groups/{mina.group_id}", json={"name": "Mine"})
        ).status_code == status
    assert len((await mina.get(path)).json()) == 2


async def test_the_last_admin_can_neither_leave_nor_step_down(site: Site) -> None:
    mina = await site.person("Mina")
    jun = await site.person("Jun", mina.group_id)
    mine = f"/api/groups/{mina.group_id}/members/{mina.user_id}"
    for answer in (await mina.delete(mine), await mina.patch(mine, json={"role": "MEMBER"})):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    his = f"/api/groups/{mina.group_id}/members/{jun.user_id}"
    assert (await mina.patch(his, json={"role": "ADMIN"})).json()["role"] == "ADMIN"
    assert (await mina.delete(mine)).status_code == 204
    assert (await mina.get(f"/api/groups/{mina.group_id}")).status_code == 404


async def test_of_two_admins_who_leave_at_once_one_stays(site: Site) -> None:
    mina = await site.person("Mina")
    jun = await site.person("Jun", mina.group_id, Role.ADMIN)
    async with uncommitted(lambda: store.remove_member(mina.group_id, mina.user_id)):
        path = f"/api/groups/{mina.group_id}/members/{jun.user_id}"
        leaving = asyncio.create_task(jun.delete(path))
    answer = await leaving
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")


async def test_a_member_says_how_they_are_called_and_nothing_else(site: Site) -> None:
    mina = await site.person("Mina")
    jun = await site.person("Jun", mina.group_id)
    mine = f"/api/groups/{mina.group_id}/members/{jun.user_id}"
    assert (await jun.patch(mine, json={"nicknames": ["준"]})).json()["nicknames"] == ["준"]
    for change in ({"role": "ADMIN"}, {"role": "MEMBER"}, {"role": "ADMIN", "nicknames": ["J"]}):
        assert (await jun.patch(mine, json=change)).status_code == 403
    hers = f"/api/groups/{mina.group_id}/members/{mina.user_id}"
    assert (await jun.patch(hers, json={"nicknames": ["M"]})).status_code == 403


async def test_a_member_may_leave(site: Site) -> None:
    mina = await site.person("Mina")
    jun = await site.person("Jun", mina.group_id)
    path = f"/api/groups/{mina.group_id}/members/{jun.user_id}"
    assert (await jun.delete(path)).status_code == 204
    assert (await jun.get("/api/groups")).json() == []


async def test_a_wrong_member_is_refused(site: Site) -> None:
    mina = await site.person("Mina")
    wrong: list[dict[str, object]] = [
        {},
        {"userId": 1, "email": "a@example.org"},
        {"userId": 0},
        {"userId": 2**63},
        {"email": "nobody"},
        {"email": "a b@example.org"},
        {"email": "a@example.org", "role": "OWNER"},
        {"email": "a@example.org", "nicknames": ["  "]},
        {"email": "a@example.org", "nicknames": "Jun"},
        {"email": "a@example.org", "nick": []},
    ]
    for body in wrong:
        answer = await mina.post(f"/api/groups/{mina.group_id}/members", json=body)
        assert answer.status_code == 400, body
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_websocket_may_send_its_token_in_the_query(site: Site) -> None:
    mina = await site.person("Mina")
    secret = mina.client.headers["authorization"].removeprefix("Bearer ")

    def socket(query: str) -> ASGIConnection[Any, Any, Any, Any]:
        scope: Any = {
            "type": "websocket",
            "headers": [(b"host", b"vori.example")],
            "query_string": query.encode(),
            "litestar_app": site.app,
            "state": {},
        }
        return ASGIConnection(scope)

    assert (await principal_of(socket(f"token={secret}"))).user_id == mina.user_id
    for query in ("", "token=", "token=vori_wrong"):
        with pytest.raises(NotSignedIn):
            await principal_of(socket(query))
