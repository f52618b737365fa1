"""Print VORI's OpenAPI document: what the page's types are made from."""

from __future__ import annotations

import json
from typing import Any

from vori import web
from vori.clock import SystemClock
from vori.people.auth import SignIn


async def _never(*_: Any) -> Any:
    raise NotImplementedError("only described, not called")


def document() -> dict[str, Any]:
    clock = SystemClock()
    parts = web.Parts(
        clock=clock,
        sign_in=SignIn(clock=clock),
        end_meeting=_never,
        audio_file=_never,
        delete_sound=_never,
    )
    return web.build(parts).openapi_schema.to_schema()


if __name__ == "__main__":
    print(json.dumps(document(), ensure_ascii=False, indent=1))
