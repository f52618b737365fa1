"""Structured logs: one line an event, ids bound by context, never what was said."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any, TextIO

import structlog

from vori.settings import Log


def configure(settings: Log) -> None:
    """Send structlog and the standard library's loggers to standard error in one format."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shared.append(_in_one_line)
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [
            # Plain: a traceback with local variables would tell what was said.
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for noisy in ("uvicorn.access", "httpx", "httpx2", "httpcore", "faster_whisper", "anthropic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    # At info uvicorn logs each WebSocket's address, which may hold a token.
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, root.level))


_SIGNS = {
    sign: f"\\x{sign:02x}" if sign < 0x100 else f"\\u{sign:04x}"
    for sign in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x2028,
        0x2029,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
}
"""What ends a line, moves the cursor, colours, or turns the direction of text."""


def _in_one_line(_: Any, __: str, event: Any) -> Any:
    """Names, headers and ids come from others: in a log they are text and nothing else."""
    kept = ("exc_info", "_record", "_from_structlog", "stack_info")
    return {name: value if name in kept else _plain(value) for name, value in event.items()}


def _traceback(out: TextIO, exc_info: Any) -> None:
    """Each line set in: what an error quotes cannot look like a line of the log."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    for line in text.getvalue().splitlines():
        out.write(f"\n    | {line.translate(_SIGNS)}")


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_SIGNS)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {_plain(name): _plain(one) for name, one in value.items()}
    return value


def get(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
