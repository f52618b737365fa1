from __future__ import annotations

import gzip
from pathlib import Path

import httpx
from litestar import Litestar

from vori.page import page_route


def client_of(folder: Path) -> httpx.AsyncClient:
    app = Litestar(route_handlers=[page_route(folder)], openapi_config=None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


def build(folder: Path) -> Path:
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>the page</title>")
    (folder / "assets" / "index-abc.js").write_text("console.log('vori')\n" * 100)
    return folder


async def test_every_way_of_the_page_is_the_page(tmp_path: Path) -> None:
    async with client_of(build(tmp_path)) as client:
        for path in ("/", "/board", "/meetings/12", "/meetings/%ED%9A%8C%EC%9D%98"):
            answer = await client.get(path)
            assert "the page" in answer.text, path
            assert answer.headers["content-type"].startswith("text/html")
            assert answer.headers["cache-control"] == "no-cache"


async def test_what_is_missing_elsewhere_is_not_the_page(tmp_path: Path) -> None:
    async with client_of(build(tmp_path)) as client:
        for path in ("/api/nothing", "/assets/gone.js", "/schema/x", "/health/x", "/ws/x", "/v1/x"):
            assert (await client.get(path)).status_code == 404, path


async def test_assets_are_packed_and_kept_for_good(tmp_path: Path) -> None:
    async with client_of(build(tmp_path)) as client:
        answer = await client.get("/assets/index-abc.js", headers={"accept-encoding": "gzip"})
        plain = await client.get("/assets/index-abc.js", headers={"accept-encoding": "identity"})
        head = await client.head("/assets/index-abc.js", headers={"accept-encoding": "identity"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(gzip.compress(plain.content, mtime=0))
    assert answer.text == plain.text
    assert "content-encoding" not in plain.headers
    assert "immutable" in plain.headers["cache-control"]
    assert "javascript" in plain.headers["content-type"]
    assert (head.content, int(head.headers["content-length"])) == (b"", len(plain.content))


async def test_nothing_outside_the_build_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "dist").mkdir()
    async with client_of(build(tmp_path / "dist")) as client:
        for path in ("/../secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt"):
            assert "secret" not in (await client.get(path)).text


async def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert "make page" in answer.text
