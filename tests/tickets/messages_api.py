"""A stand-in for the Messages API on loopback: its shapes, its errors, its rules for requests.

A request that the API would refuse is refused here: unknown fields, a schema with keywords
it does not support, too many cache breakpoints, a wrong key.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

KEY = "sk-ant-test-3f9c1d77"

_FIELDS = {"model", "max_tokens", "system", "messages", "output_config", "thinking", "metadata"}
_SCHEMA_WORDS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf",
    "allOf", "$ref", "$defs", "description", "format", "title", "minItems",
}  # fmt: skip
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class Reply(Struct, frozen=True, kw_only=True):
    """What the server does with one request."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = {}
    content_type: str = "application/json"
    stalls: bool = False
    """Never answers."""
    hangs_up: bool = False
    """Closes the connection without an answer."""


def message(
    answer: Any, *, stop_reason: str = "end_turn", thinking: str | None = None, **usage: int
) -> Reply:
    """A message whose text is `answer`: as it is, or as JSON."""
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    content: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if thinking is not None:
        content.insert(0, {"type": "thinking", "thinking": thinking, "signature": "c2ln"})
    body: dict[str, Any] = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 20} | usage,
    }
    if stop_reason == "refusal":
        body["stop_details"] = {"type": "refusal", "category": "cyber", "explanation": None}
    return Reply(body=body)


def error(status: int, **headers: str) -> Reply:
    kind = _ERRORS[status]
    body = {"type": "error", "error": {"type": kind, "message": kind}, "request_id": "req_01"}
    return Reply(
        status=status, body=body, headers={n.replace("_", "-"): v for n, v in headers.items()}
    )


class MessagesApi:
    """`async with MessagesApi(replies…) as api`: answers in order, then the last one for ever.

    A reply may be a function of the request. `requests` holds the bodies that came.
    """

    def __init__(self, *replies: Reply | Callable[[dict[str, Any]], Reply]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.came = asyncio.Event()
        self._replies = deque(replies)
        self._handlers: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> MessagesApi:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self._handlers.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.came.set()
        try:
            reply = self._reply(head[0], headers, body)
            if reply.stalls:
                await asyncio.Event().wait()
            await asyncio.sleep(0)  # so that requests sent together are seen together
        finally:
            self.in_flight -= 1
        if reply.hangs_up:
            return False
        payload = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        lines = [
            f"HTTP/1.1 {reply.status} X",
            f"content-type: {reply.content_type}",
            f"content-length: {len(payload)}",
            f"request-id: req_{next(self._numbers):02}",
            *(f"{name}: {value}" for name, value in reply.headers.items()),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        await writer.drain()
        return True

    def _reply(self, line: str, headers: dict[str, str], raw: bytes) -> Reply:
        if not line.startswith("POST /v1/messages "):
            return error(404)
        if KEY not in (
            headers.get("x-api-key"),
            headers.get("authorization", "")[len("Bearer ") :],
        ):
            return error(401)
        body = json.loads(raw)
        if why := _refused(headers, body):
            reply = error(400)
            reply.body["error"]["message"] = why
            return reply
        self.requests.append(body)
        reply_or_make = self._replies.popleft() if len(self._replies) > 1 else self._replies[0]
        reply = reply_or_make if isinstance(reply_or_make, Reply) else reply_or_make(body)
        if isinstance(reply.body, dict) and reply.status == 200:
            reply.body.setdefault("model", body["model"])
        return reply


def _refused(headers: dict[str, str], body: dict[str, Any]) -> str:
    """Why the API would refuse this request; empty if it would not."""
    if "anthropic-version" not in headers:
        return "anthropic-version: header is required"
    if unknown := set(body) - _FIELDS:
        return f"{unknown}: Extra inputs are not permitted"
    if missing := {"model", "max_tokens", "messages"} - set(body):
        return f"{missing}: Field required"
    if body["messages"][-1]["role"] != "user":
        return "This model does not support assistant message prefill."
    blocks = [*body.get("system", []), *(b for m in body["messages"] for b in m["content"])]
    if sum("cache_control" in block for block in blocks) > 4:
        return "A maximum of 4 blocks with cache_control may be provided."
    if not all(block["text"].strip() for block in blocks):
        return "messages: text content blocks must contain non-whitespace text"
    form = body.get("output_config", {}).get("format")
    return _bad_schema(form["schema"], form["schema"]) if form else ""


def _bad_schema(schema: dict[str, Any], root: dict[str, Any]) -> str:
    if unknown := set(schema) - _SCHEMA_WORDS:
        return f"output_config.format.schema: {unknown} not supported"
    if "$ref" in schema and schema["$ref"].rpartition("/")[2] not in root.get("$defs", {}):
        return f"output_config.format.schema: {schema['$ref']} is not defined"
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return "output_config.format.schema: additionalProperties must be false"
    inner = [
        *schema.get("properties", {}).values(),
        *schema.get("$defs", {}).values(),
        *schema.get("anyOf", []),
        *([schema["items"]] if "items" in schema else []),
    ]
    return next(filter(None, (_bad_schema(part, root) for part in inner)), "")
