"""Print VORI's OpenAPI document: what the page's types are made from."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import fields

from vori import web
from vori.clock import SystemClock
from vori.people.auth import SignIn
from vori.settings import Settings
from vori.streams.relay import Road
from vori.streams.routes import dead_letter_routes
from vori.system import system_route
from vori.tickets.preview import reread_route, tickets_difference_route
from vori.transcribe.routes import transcript_routes


async def _never(*_: Any) -> Any:
    raise NotImplementedError("only described, not called")


def document() -> dict[str, Any]:
    clock = SystemClock()
    parts: dict[str, Any] = {one.name: _never for one in fields(web.Parts) if one.required}
    parts |= {"clock": clock, "sign_in": SignIn(clock=clock)}
    settings = Settings()
    never: Any = None
    more = [
        system_route(settings),
        *transcript_routes(never, never, settings.audio),
        *dead_letter_routes(Road()),
        tickets_difference_route(never, never, never),
        reread_route(never),
    ]
    return web.build(web.Parts(**parts), route_handlers=more).openapi_schema.to_schema()


if __name__ == "__main__":
    print(json.dumps(document(), ensure_ascii=False, indent=1))
