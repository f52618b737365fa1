"""The page: what `web/` builds into `dist/`, read once and answered from memory."""

from __future__ import annotations

import functools
import gzip
import mimetypes
from pathlib import Path
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

DIST = Path(__file__).parent / "dist"

NOT_PAGES = frozenset({"api", "assets", "health", "schema", "v1", "ws"})
"""What lies under these is never the page's: whatever is missing there is a 404."""
FOR_GOOD = "public, max-age=31536000, immutable"
"""Names under `assets/` hold a hash of their content."""

_MISSING = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>VORI</title></head>
<body>
<h1>VORI is running</h1>
<p>Its page has not been built in this copy. With Node 20.19 or newer, run <code>make page</code>
and start VORI again. The API needs no page: see <a href="/schema">its description</a>.</p>
<p lang="ko">이 사본에는 화면이 아직 빌드되지 않았습니다. Node 20.19 이상에서 <code>make page</code>를
실행한 뒤 VORI를 다시 시작하세요. API는 화면 없이도 동작합니다: <a href="/schema">API 설명</a>.</p>
</body>
</html>
"""


class File(Struct, frozen=True, kw_only=True):
    """One file of the build; `packed` is its gzip, where that is smaller."""

    content: bytes
    packed: bytes | None
    media_type: str


def read(folder: Path) -> dict[str, File]:
    """Every file below `folder` by its path there; without a build, a page that says so."""
    files = {
        path.relative_to(folder).as_posix(): _file(path.name, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if "index.html" not in files:
        files["index.html"] = _file("index.html", _MISSING.encode())
    return files


def _file(name: str, content: bytes) -> File:
    packed = gzip.compress(content, mtime=0)
    return File(
        content=content,
        packed=packed if len(packed) < len(content) else None,
        media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
    )


def page_route(folder: Path = DIST) -> HTTPRouteHandler:
    """Answers files of the build; every other path is the page, which knows its own ways."""
    files = functools.cache(lambda: read(folder))

    @route(
        ["/", "/{path:path}"],
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        opt={"open": True},
        include_in_schema=False,
    )
    async def page(request: Request[Any, Any, Any]) -> Response[bytes]:
        name = str(request.path_params.get("path", "")).strip("/")
        file = files().get(name)
        if file is None:
            if name.partition("/")[0] in NOT_PAGES:
                raise NotFoundException
            name, file = "index.html", files()["index.html"]
        return _answer(request, name, file)

    return page


def _answer(request: Request[Any, Any, Any], name: str, file: File) -> Response[bytes]:
    headers = {
        "vary": "accept-encoding",
        "cache-control": FOR_GOOD if name.startswith("assets/") else "no-cache",
    }
    content = file.content
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        content = file.packed
    headers["content-length"] = str(len(content))
    body = b"" if request.method == HttpMethod.HEAD else content
    return Response(body, media_type=file.media_type, headers=headers)
