"""Every operation of the OpenAPI document, by everybody: no 5xx, nothing the document does not say.

`VORI_TEST_EXAMPLES` sets how many requests each operation gets from each role.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.security.corpus import seeds
from tests.security.inside import Account, Inside, fresh_database, inside

EXAMPLES = int(os.environ.get("VORI_TEST_EXAMPLES", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROLES = ("stranger", "member of another group", "member", "group admin", "instance admin")
NEVER_503 = ("database_away", "database_busy", "journal_failed")
"""Nothing was away: whoever says so has broken by what came in."""

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.model,
    pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning"),
]


class World:
    """A group with things in it, and somebody for each role."""

    def __init__(self, vori: Inside) -> None:
        self.vori = vori
        self.ids: dict[str, list[str]] = {}
        self._numbers = itertools.count()
        self._accounts: dict[str, Account] = {}
        self._group_id = 0

    def headers(self, role: str) -> dict[str, str]:
        """A token that works: whoever has deleted their own gets another."""
        if role == "stranger":
            return {}
        account = self._accounts.get(role)
        if account is not None and self._get("/api/users/me", account).status_code == 401:
            account = None
        if account is None:
            account = self._accounts[role] = self._new(role)
        return {"Authorization": f"Bearer {account.secret}"}

    def _new(self, role: str) -> Account:
        name = f"{role.title().replace(' ', '')}{next(self._numbers)}"
        if role in ("member of another group", "group admin"):
            account = self.vori.run(self.vori.account(name))
            if role == "group admin":
                self._group_id = account.group_id
            return account
        if not self._group_id:
            self.headers("group admin")
        return self.vori.run(
            self.vori.account(name, self._group_id, is_admin=role == "instance admin")
        )

    def fill(self) -> None:
        """Something of each kind again: earlier requests have deleted some."""
        self.headers("group admin")
        admin = self._accounts["group admin"]
        group = {"groupId": admin.group_id}
        made: dict[str, Any] = {
            "meeting_id": self._post("/api/meetings", admin, {**group, "title": "회의"})[
                "meetingId"
            ],
            "ticket_id": self._post("/api/tickets", admin, {**group, "title": "일"})["ticketId"],
            "token_id": self._post("/api/tokens", admin, {"name": "x"})["token"]["tokenId"],
            "group_id": admin.group_id,
            "user_id": admin.user_id,
            "letter_id": 1,
        }
        for name, value in made.items():
            self.ids.setdefault(name, []).insert(0, str(value))

    def _get(self, path: str, account: Account) -> requests.Response:
        return requests.get(
            self.vori.url + path,
            headers={"Authorization": f"Bearer {account.secret}"},
            timeout=30,
        )

    def _post(self, path: str, account: Account, body: Any) -> dict[str, Any]:
        answer = requests.post(
            self.vori.url + path,
            headers={"Authorization": f"Bearer {account.secret}"},
            json=body,
            timeout=30,
        )
        assert answer.ok, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture(scope="module")
def world(postgres_url: str, template: str) -> Iterator[World]:
    lavish = {
        "request_burst": 1_000_000,
        "stranger_burst": 1_000_000,
    }
    with (
        fresh_database(postgres_url, template) as url,
        inside(url, limits=lavish, audio={"resume_s": 0.2}) as vori,
    ):
        yield World(vori)


@pytest.fixture(scope="module")
def operations(world: World) -> list[APIOperation[Any, Any]]:
    schema = schemathesis.openapi.from_dict(world.vori.app.openapi_schema.to_schema())
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("role", ROLES)
def test_no_request_breaks_vori_and_every_answer_is_one_that_is_described(
    world: World, operations: list[APIOperation[Any, Any]], role: str
) -> None:
    assert len(operations) > 80
    wrong: list[str] = []
    codes: set[int] = set()
    with requests.Session() as session:
        is_filled = False
        for operation in operations:
            if not is_filled:
                world.fill()
                session.headers = world.headers(role)  # type: ignore[assignment]
            wrong += _ask(world, session, operation, role, codes)
            # What may have taken things, or the token, away; a stranger takes nothing.
            is_filled = role == "stranger" or operation.method.upper() not in ("DELETE", "PATCH")
    assert not wrong, "\n\n".join(wrong[:20])
    assert codes >= ({200, 401} if role == "stranger" else {200, 201, 204, 400, 404})


def _ask(
    world: World,
    session: requests.Session,
    operation: APIOperation[Any, Any],
    role: str,
    codes: set[int],
) -> list[str]:
    wrong: list[str] = []
    modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])

    @seed(0)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), mode=modes, is_real=st.sampled_from([True, True, True, False]))
    def ask(data: st.DataObject, mode: GenerationMode, is_real: bool) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if is_real:
            for name in case.path_parameters or {}:
                if name in world.ids:
                    case.path_parameters[name] = world.ids[name][0]
            if isinstance(case.body, dict) and "file" in case.body:
                case.body["file"] = seeds()["wav"]
        answer = case.call(base_url=world.vori.url, session=session, timeout=60)
        codes.add(answer.status_code)
        try:
            case.validate_response(answer, checks=CHECKS)
            if answer.status_code == 503 and (answer.json() or {}).get("code") in NEVER_503:
                raise AssertionError(f"away? {answer.text}")
        except BaseExceptionGroup as group:
            wrong.append(f"{role}: {case.as_curl_command()}\n{group.exceptions}"[:1500])
        except AssertionError as exc:
            wrong.append(f"{role}: {case.as_curl_command()}\n{exc}"[:1500])

    ask()
    return wrong[:2]


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/v1/audio/transcriptions", {"multipart/form-data"}),
        ("/v1/audio/translations", {"multipart/form-data"}),
        (
            "/api/meetings/{meeting_id}/recordings",
            {"multipart/form-data", "application/octet-stream"},
        ),
    ],
)
def test_the_document_says_how_files_are_sent(world: World, path: str, kinds: set[str]) -> None:
    body = world.vori.app.openapi_schema.to_schema()["paths"][path]["post"]["requestBody"]
    assert body["required"]
    assert set(body["content"]) == kinds
    form = body["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert form["properties"]["file"] == {"type": "string", "format": "binary"}


def test_the_document_has_a_problem_that_every_error_is(world: World) -> None:
    answer = requests.get(world.vori.url + "/api/meetings/0", timeout=30)
    schema = world.vori.app.openapi_schema.to_schema()["components"]["schemas"]["Problem"]
    assert set(schema["required"]) <= set(msgspec.json.decode(answer.content))
