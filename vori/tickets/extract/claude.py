"""Claude reads a passage: the engine behind Anthropic's Messages API.

One request for each part of the meeting, one after the other, so that each part sees what
the parts before it gave. Tries, waits and Retry-After are the SDK's, except that nobody waits
longer for another try than for an answer. The SDK takes over a second to import, so it is
imported when an engine is built, not with this file.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import os
import re
import time
import typing
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vori import log
from vori.errors import BadMessage, Unavailable
from vori.ids import MeetingId
from vori.settings import Claude
from vori.tickets.extract import prompt
from vori.tickets.extract.answer import Answer, Reading
from vori.tickets.extract.fallback import Unread
from vori.tickets.messages import Extraction, Passage, Usage
from vori.tickets.notes import Notes

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import CacheControlEphemeralParam, Message, OutputConfigParam

_log = log.get(__name__)

BOARD_TOKENS = 60_000
"""Most of the board that goes with a request; beyond it, what is nearest to the speech."""

MOST_GIVEN_UP = 100
"""Meetings whose last reading found the API away, remembered until their minutes are written."""

KEY_VARIABLE = "ANTHROPIC_API_KEY"


def has_key(settings: Claude, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a key is set, by variable or file; what `tickets.engine = "auto"` asks."""
    return bool(environ.get(KEY_VARIABLE, "").strip() or settings.api_key_file)


def read_key(settings: Claude, environ: Mapping[str, str] = os.environ) -> str:
    """The key. Raises Unavailable that says where to put it."""
    key = environ.get(KEY_VARIABLE, "").strip()
    if not key and settings.api_key_file:
        try:
            key = Path(settings.api_key_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise Unavailable(
                f"claude.api_key_file = {settings.api_key_file!r} cannot be read.",
                code="claude_no_key",
            ) from exc
    if not (key and key.isascii() and key.isprintable()):
        raise Unavailable(
            f"Claude needs a key: set {KEY_VARIABLE}, or name a file that holds it as "
            "claude.api_key_file.",
            code="claude_no_key",
        )
    return key


def newest_balanced_model() -> str:
    """The newest Sonnet that the installed SDK names and does not call deprecated."""
    from anthropic.resources.messages import DEPRECATED_MODELS
    from anthropic.types import Model

    versions: dict[tuple[int, ...], str] = {}
    for literal in typing.get_args(Model):
        for name in typing.get_args(literal):
            match = re.fullmatch(r"claude-sonnet-(\d{1,2}(?:-\d{1,2})*)", name)
            if match and name not in DEPRECATED_MODELS:
                versions[tuple(map(int, match[1].split("-")))] = name
    return versions[max(versions)]


def answer_schema(answer: type[msgspec.Struct] = Answer) -> dict[str, Any]:
    """The JSON schema of an answer, from its Structs, within what the API accepts.

    Every field is required, since optional ones multiply the grammar the API compiles; the
    evidence comes first, so that it is found before anything is built on it. Limits that the
    API's schemas cannot express become part of the descriptions.
    """
    import anthropic

    schema = msgspec.json.schema(answer)
    for struct in schema["$defs"].values():
        struct.pop("title", None)
        if "properties" in struct:
            struct["properties"] = _ordered(struct["properties"])
            struct["required"] = list(struct["properties"])
    structs = schema["$defs"]
    return anthropic.transform_schema(structs.pop(answer.__name__) | {"$defs": structs})


def _ordered(properties: dict[str, Any]) -> dict[str, Any]:
    first = ("draftId", "ticketId", "evidence", "reason")
    names = sorted(properties, key=lambda name: first.index(name) if name in first else len(first))
    return {name: _without_default(properties[name]) for name in names}


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "default"}


def _no_wait_over(longest_s: float) -> Callable[[Any], Awaitable[None]]:
    """A hook on responses: one that says to come back after a longer wait is not tried again.

    The SDK itself waits as long as it is told, if that is a day; people would wait with it.
    """

    async def hook(response: Any) -> None:
        if (wait_s := _retry_after_s(response.headers)) is not None and wait_s > longest_s:
            response.headers["x-should-retry"] = "false"

    return hook


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait that a response asks for: in milliseconds, seconds, or until a date (RFC 9110)."""
    with contextlib.suppress(ValueError):
        return float(headers.get("retry-after-ms", "")) / 1000
    after = headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return float(after)
    date = email.utils.parsedate_tz(after)
    return None if date is None else email.utils.mktime_tz(date) - time.time()


class _Failed(Exception):
    """One request gave nothing. `ends` tells whether the next would fare no better."""

    def __init__(self, code: str, message: str, *, ends: bool) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.ends = ends


class _Tally:
    """Tokens of one meeting."""

    def __init__(self) -> None:
        self.usage = Usage()

    def add(self, counted: Any) -> None:
        def count(name: str) -> int:
            value = getattr(counted, name, None)
            return value if type(value) is int else 0

        self.usage = Usage(
            input_tokens=self.usage.input_tokens + count("input_tokens"),
            output_tokens=self.usage.output_tokens + count("output_tokens"),
            cache_read_tokens=self.usage.cache_read_tokens + count("cache_read_input_tokens"),
            cache_write_tokens=self.usage.cache_write_tokens + count("cache_creation_input_tokens"),
        )


class ClaudeExtractor:
    """An Extractor. Raises Unread, which keeps what could be read, when Claude fails."""

    name = "claude"

    def __init__(self, settings: Claude, client: anthropic.AsyncAnthropic | None = None) -> None:
        """Without `client`, one is built with the key of the environment; see `read_key`."""
        try:
            import anthropic
            from anthropic.resources.messages import DEPRECATED_MODELS
        except ImportError as exc:
            raise Unavailable(
                "Claude needs the package anthropic: pip install 'vori[claude]'.",
                code="claude_not_installed",
            ) from exc
        self._settings = settings
        self._owns_client = client is None
        self._client = client or anthropic.AsyncAnthropic(
            api_key=read_key(settings),
            base_url=settings.base_url,
            timeout=settings.timeout_s,
            max_retries=settings.max_retries,
            http_client=anthropic.DefaultAsyncHttpxClient(
                event_hooks={"response": [_no_wait_over(settings.timeout_s)]}
            ),
        )
        self.model = settings.model or newest_balanced_model()
        if end := DEPRECATED_MODELS.get(self.model):
            _log.warning("claude model is deprecated", model=self.model, ends=end)
        self._room = asyncio.Semaphore(settings.max_concurrent)
        self._gave_up: dict[MeetingId, _Failed] = {}
        self._output: OutputConfigParam = {
            "format": {"type": "json_schema", "schema": answer_schema()}
        }
        if settings.effort:
            self._output["effort"] = settings.effort

    async def close(self) -> None:
        if self._owns_client:
            await self._client.close()

    async def extract(self, passage: Passage) -> Extraction:
        self._gave_up.pop(passage.meeting_id, None)
        reading, tally = Reading(passage), _Tally()
        parts = prompt.split(passage.segments, part_tokens=self._settings.part_tokens)
        unread = {line.seq for part in parts for line in part.lines}
        failures: list[_Failed] = []
        if parts:
            # A board of thousands takes a good part of a second.
            board, notes = await asyncio.to_thread(
                prompt.board, passage, budget_tokens=BOARD_TOKENS
            )
            reading.notes += notes
        try:
            async with asyncio.timeout(self._settings.meeting_timeout_s):
                for part in parts:
                    try:
                        await self._read(passage, board, part, reading, tally)
                        unread -= {line.seq for line in part.lines}
                    except _Failed as exc:
                        failures.append(exc)
                        if exc.ends:
                            break
        except TimeoutError:
            limit_s = self._settings.meeting_timeout_s
            message = f"Claude did not finish within {limit_s:g} s."
            failures.append(_Failed("claude_timeout", message, ends=True))
        extraction = reading.extraction(engine=self.name, model=self.model, usage=tally.usage)
        if failures:
            if failures[-1].ends:
                self._gave_up[passage.meeting_id] = failures[-1]
                while len(self._gave_up) > MOST_GIVEN_UP:
                    del self._gave_up[next(iter(self._gave_up))]
            raise Unread(
                failures[0].message,
                code=failures[0].code,
                partial=extraction,
                seqs=frozenset(unread),
                meeting_id=passage.meeting_id,
            )
        return extraction

    async def notes(self, passage: Passage, language: str) -> tuple[Notes, Usage]:
        """Summary, decisions and open questions in `language` (ko or en), citing captions.

        Raises Unavailable when any part of the meeting gave nothing; at once when the reading
        just before it found the API away, so that people do not wait for that twice.
        """
        if (failed := self._gave_up.pop(passage.meeting_id, None)) is not None:
            raise Unavailable(failed.message, code=failed.code)
        tally, notes = _Tally(), Notes()
        parts = prompt.split(passage.segments, part_tokens=self._settings.part_tokens)
        format_: OutputConfigParam = {
            "format": {"type": "json_schema", "schema": answer_schema(Notes)}
        }
        try:
            async with asyncio.timeout(self._settings.meeting_timeout_s):
                for part in parts:
                    said = prompt.note_words(passage, part, language, of=len(parts))
                    async with self._room:
                        message = await self._ask(prompt.NOTE_INSTRUCTIONS, format_, (said,))
                    tally.add(getattr(message, "usage", None))
                    notes += msgspec.json.decode(_text(message), type=Notes)
        except TimeoutError as exc:
            raise Unavailable("Claude did not finish the minutes.", code="claude_timeout") from exc
        except _Failed as exc:
            raise Unavailable(exc.message, code=exc.code) from exc
        except (BadMessage, msgspec.MsgspecError) as exc:
            raise Unavailable(
                "Claude's minutes could not be read.", code="claude_invalid_answer"
            ) from exc
        return notes, tally.usage

    async def _read(
        self, passage: Passage, board: str, part: prompt.Part, reading: Reading, tally: _Tally
    ) -> None:
        said = prompt.words(passage, part, reading.drafts, reading.updates.values())
        async with self._room:
            message = await self._ask(prompt.INSTRUCTIONS, self._output, (board, said))
        tally.add(getattr(message, "usage", None))
        if message.stop_reason == "refusal":
            raise _Failed("claude_refused", "Claude declined to read this meeting.", ends=False)
        try:
            is_whole = reading.take(_text(message), part.seqs)
        except BadMessage as exc:
            if message.stop_reason in ("max_tokens", "model_context_window_exceeded"):
                reached = f"Claude's answer reached {self._settings.max_tokens} tokens unfinished."
                raise _Failed("claude_cut_off", reached, ends=False) from exc
            unusable = "Claude's answer could not be read."
            raise _Failed("claude_invalid_answer", unusable, ends=False) from exc
        if not is_whole:
            reading.tell("cut_off")

    async def _ask(
        self, instructions: str, output: OutputConfigParam, texts: tuple[str, ...]
    ) -> Message:
        """One request, with the SDK's retries; all but the last text is cached. Raises _Failed."""
        import anthropic
        from anthropic.types import TextBlockParam

        cached: CacheControlEphemeralParam = {"type": "ephemeral"}
        try:
            message: object = await self._client.messages.create(
                model=self.model,
                max_tokens=self._settings.max_tokens,
                system=[{"type": "text", "text": instructions, "cache_control": cached}],
                messages=[
                    {
                        "role": "user",
                        "content": [
                            *(
                                TextBlockParam(type="text", text=text, cache_control=cached)
                                for text in texts[:-1]
                            ),
                            TextBlockParam(type="text", text=texts[-1]),
                        ],
                    }
                ],
                output_config=output,
                timeout=self._settings.timeout_s,
            )
        except anthropic.APIError as exc:
            raise self._failure(exc) from exc
        except (anthropic.AnthropicError, ValueError) as exc:
            unusable = "Claude's API sent something that is not an answer."
            raise _Failed("claude_invalid_answer", unusable, ends=True) from exc
        if not isinstance(message, anthropic.types.Message):  # a proxy's page, for example
            unusable = "Claude's API sent something that is not an answer; check claude.base_url."
            raise _Failed("claude_invalid_answer", unusable, ends=True)
        return message

    def _failure(self, exc: anthropic.APIError) -> _Failed:
        """What to tell people. The API's own words stay out: they may quote the request."""
        import anthropic

        tries = self._client.max_retries + 1
        if isinstance(exc, anthropic.APITimeoutError):
            waited = f"{self._settings.timeout_s:g} s, {tries} time(s)"
            return _Failed("claude_timeout", f"Claude did not answer within {waited}.", ends=True)
        if isinstance(exc, anthropic.APIConnectionError):
            return _Failed("claude_unreachable", "Claude's API cannot be reached.", ends=True)
        if not isinstance(exc, anthropic.APIStatusError):
            return _Failed(
                "claude_invalid_answer", "Claude's API sent something unusable.", ends=True
            )
        code, said = _STATUSES.get(exc.status_code) or (
            ("claude_server_error", "Claude's API has a fault")
            if exc.status_code >= 500
            else ("claude_bad_request", "Claude's API does not accept the request")
        )
        _log.warning(
            "claude request failed",
            status=exc.status_code,
            error=exc.type,
            request_id=exc.request_id,
            model=self.model,
        )
        # One part may be refused for its size; keys, models and overload concern all of them.
        return _Failed(code, f"{said} (status {exc.status_code}).", ends=exc.status_code != 413)


def _text(message: Message) -> str:
    """The answer itself, without the model's thinking.

    The SDK builds messages without checking their shape, so a server that is not Anthropic's
    may have sent anything: BadMessage.
    """
    try:
        return "".join(block.text for block in message.content if block.type == "text")
    except (AttributeError, TypeError) as exc:
        raise BadMessage("The message holds no text.", code="invalid_answer") from exc


_STATUSES = {
    401: ("claude_not_authorised", f"Claude's API refused the key; check {KEY_VARIABLE}"),
    402: ("claude_no_credit", "The account at Claude's API has no credit left"),
    403: ("claude_not_authorised", f"Claude's API refused the key; check {KEY_VARIABLE}"),
    404: ("claude_unknown_model", "Claude's API does not know the model; check claude.model"),
    413: ("claude_too_large", "The request was too large for Claude's API"),
    429: ("claude_rate_limited", "Claude's API has had too many requests"),
    529: ("claude_overloaded", "Claude's API is overloaded"),
}
