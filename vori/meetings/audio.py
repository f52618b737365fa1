"""A file as an answer, whole or in part (RFC 9110, section 14): players seek by it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

from litestar import Request, Response
from litestar.response import Stream

CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Unsatisfiable(Exception):
    """The file has none of the bytes asked for."""


def part_of(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte that a Range header asks for; None means the whole file.

    Forms a server may pass over (several ranges, other units, nonsense) are passed over.
    Raises Unsatisfiable.
    """
    match = _RANGE.fullmatch(header.strip()) if header and len(header) < 64 else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, end = max(0, size - int(last)), size - 1
        if int(last) == 0:
            raise Unsatisfiable
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
    if start >= size:
        raise Unsatisfiable
    return start, end


async def send_file(request: Request[Any, Any, Any], path: Path) -> Response[Any]:
    """The WAV file at `path`, or the part that the request's Range header asks for."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        size = await asyncio.to_thread(file.seek, 0, 2)
        modified = (await asyncio.to_thread(path.stat)).st_mtime_ns
        etag = f'"{size:x}-{modified:x}"'
        condition = request.headers.get("if-range")
        asked = request.headers.get("range") if condition in (None, etag) else None
        headers = {
            "accept-ranges": "bytes",
            "etag": etag,
            "cache-control": "private, no-cache",
            "content-disposition": f'inline; filename="{path.stem}.wav"',
        }
        part = part_of(asked, size)
    except Unsatisfiable:
        file.close()
        headers |= {"content-range": f"bytes */{size}"}
        return Response(b"", status_code=416, headers=headers, media_type="audio/wav")
    except BaseException:
        file.close()
        raise
    start, end = part or (0, size - 1)
    headers["content-length"] = str(end - start + 1)
    if part:
        headers["content-range"] = f"bytes {start}-{end}/{size}"
    return Stream(
        _bytes(file, start, end + 1, silent=request.method == "HEAD"),
        status_code=206 if part else 200,
        headers=headers,
        media_type="audio/wav",
    )


async def _bytes(file: BinaryIO, start: int, end: int, *, silent: bool) -> AsyncIterator[bytes]:
    with file:
        await asyncio.to_thread(file.seek, start)
        while start < end and not silent:
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, end - start))
            if not chunk:
                return
            start += len(chunk)
            yield chunk
