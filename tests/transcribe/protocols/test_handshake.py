"""A client that hangs up while it is refused is no fault of ours."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.exceptions import WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from vori.transcribe.protocols.handshake import refuse


class Gone:
    """A socket whose client has hung up; `extensions` as the server offers them."""

    def __init__(self, extensions: dict[str, Any], error: Exception) -> None:
        self.scope = {"extensions": extensions}
        self.sent = 0
        self._error = error

    async def _fail(self, *_: Any, **__: Any) -> None:
        self.sent += 1
        raise self._error

    send = accept = send_data = close = _fail


@pytest.mark.parametrize("extensions", [{}, {"websocket.http.response": {}}])
@pytest.mark.parametrize("error", [ClientDisconnected(), WebSocketDisconnect(detail="gone")])
async def test_a_client_that_hangs_up_while_it_is_refused_ends_quietly(
    extensions: dict[str, Any], error: Exception
) -> None:
    socket: Any = Gone(extensions, error)
    await refuse(socket, 401, b"{}", {})
    assert socket.sent == 1


async def test_a_fault_of_ours_is_not_hidden() -> None:
    socket: Any = Gone({}, RuntimeError("ours"))
    with pytest.raises(RuntimeError):
        await refuse(socket, 401, b"{}", {})
