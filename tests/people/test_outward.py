"""What a provider names, or a name points to, does not lead VORI into private networks."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from vori import settings
from vori.clock import SystemClock
from vori.errors import Unavailable
from vori.people import outward
from vori.people.oidc import OpenIdConnect
from vori.people.outward import NotOutward, Outward

PRIVATE = (
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1", "240.0.0.1",
    "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8")


class Recorded(httpx.AsyncBaseTransport):
    """Answers, and remembers where a connection would have gone."""

    def __init__(self, fails: tuple[str, ...] = ()) -> None:
        self.went: list[tuple[str, str, str]] = []
        self._fails = fails

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.strip("[]")
        self.went.append((host, request.headers["host"], request.extensions["sni_hostname"]))
        if host in self._fails:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={})


def resolves(*addresses: str) -> Any:
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return addresses

    return resolve


async def ask(url: str, transport: Outward) -> httpx.Response:
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.get(url)


@pytest.mark.parametrize("address", PRIVATE)
async def test_no_private_address_is_asked_however_it_is_come_by(address: str) -> None:
    inner = Recorded()
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(NotOutward):
        await ask(f"https://{host}/x", Outward(inner=inner))
    with pytest.raises(NotOutward):
        await ask("https://sso.example.com/x", Outward(inner=inner, resolve=resolves(address)))
    # One public address beside it is no excuse.
    mixed = resolves("8.8.8.8", address)
    with pytest.raises(NotOutward):
        await ask("https://sso.example.com/x", Outward(inner=inner, resolve=mixed))
    assert inner.went == []


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_asked_by_the_name_it_was_given(address: str) -> None:
    inner = Recorded()
    transport = Outward(inner=inner, resolve=resolves(address))
    assert (await ask("https://sso.example.com:8443/x", transport)).status_code == 200
    [(to, host, sni)] = inner.went
    assert ipaddress.ip_address(to) == ipaddress.ip_address(address)
    assert (host, sni) == ("sso.example.com:8443", "sso.example.com")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "localhost"])
async def test_this_machine_by_its_other_names_is_not_asked(host: str) -> None:
    with pytest.raises((NotOutward, httpx.ConnectError, httpx.InvalidURL)):
        await ask(f"http://{host}:9/x", Outward())


async def test_networks_that_are_named_may_be_asked_and_no_others() -> None:
    inner = Recorded()
    networks = [ipaddress.ip_network("10.1.0.0/16")]
    near = Outward(networks, inner=inner, resolve=resolves("10.1.2.3"))
    assert (await ask("https://sso.corp/x", near)).status_code == 200
    mapped = Outward(networks, inner=inner, resolve=resolves("::ffff:10.1.2.3"))
    assert (await ask("https://sso.corp/x", mapped)).status_code == 200
    with pytest.raises(NotOutward, match=r"oidc\.networks"):
        await ask("https://sso.corp/x", Outward(networks, resolve=resolves("10.2.0.1")))


async def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    inner = Recorded(fails=("8.8.8.8",))
    transport = Outward(inner=inner, resolve=resolves("8.8.8.8", "1.1.1.1"))
    assert (await ask("https://sso.example.com/x", transport)).status_code == 200
    assert [to for to, *_ in inner.went] == ["8.8.8.8", "1.1.1.1"]


class Web:
    """On loopback; `paths` lists what was asked, `answers` gives status, location and body."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.paths.append(self.path)
                status, location, body = web.answers.get(self.path, (404, "", b""))
                self.send_response(status)
                if location:
                    self.send_header("location", location)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    thread = threading.Thread(target=web.server.serve_forever, args=(0.01,))
    thread.start()
    yield web
    web.server.shutdown()
    thread.join()
    web.server.server_close()


DISCOVERY = "/.well-known/openid-configuration"


def provider_of(issuer: str, **rules: Any) -> OpenIdConnect:
    return OpenIdConnect(SystemClock(), settings.Oidc(issuer=issuer, client_id="x", **rules))


async def test_a_redirect_is_not_followed(web: Web) -> None:
    web.answers[DISCOVERY] = (302, f"{web.url}/secret", b"")
    with pytest.raises(Unavailable, match="status 302"):
        await provider_of(web.url)._discover()
    assert web.paths == [DISCOVERY]


async def test_an_answer_without_end_is_cut_off(web: Web) -> None:
    web.answers[DISCOVERY] = (200, "", b"[" + b" " * 3_000_000 + b"]")
    with pytest.raises(Unavailable, match="too much"):
        await provider_of(web.url)._discover()


@pytest.mark.parametrize("place", ["jwks_uri", "token_endpoint"])
async def test_addresses_that_the_provider_names_are_checked_too(
    web: Web, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A public provider names an address in the house: nobody there is asked."""
    oidc = provider_of("https://sso.example.com")
    real = outward.Outward

    def world(networks: Any) -> Outward:
        inner = httpx.MockTransport(
            lambda request: httpx.Response(
                200,
                json={
                    "issuer": "https://sso.example.com",
                    "jwks_uri": "https://sso.example.com/keys",
                    "token_endpoint": "https://sso.example.com/token",
                    place: "https://internal.example.com/x",
                },
            )
        )

        async def resolve(host: str, port: int) -> tuple[str, ...]:
            return ("8.8.8.8",) if host == "sso.example.com" else ("10.0.0.7",)

        return real(networks, resolve=resolve, inner=inner)

    monkeypatch.setattr(outward, "Outward", world)
    provider = await oidc._discover()
    with pytest.raises(Unavailable, match="no public address") as refused:
        await oidc._ask("GET", getattr(provider, place))
    assert refused.value.code == "provider_away"


async def test_a_provider_in_the_house_needs_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return ("10.0.0.7",)

    monkeypatch.setattr(outward, "_resolve", resolve)
    with pytest.raises(Unavailable, match=r"oidc\.networks"):
        await provider_of("https://sso.corp")._discover()
    with pytest.raises(settings.BadSetting, match=r"10\.0\.0\.0/8"):
        provider_of("https://sso.corp", networks=("10.0.0.1/8",))


def test_what_names_a_model_stays_in_its_folder(tmp_path: Any) -> None:
    from vori.errors import VoriError
    from vori.transcribe.models import resolve

    (tmp_path / "secret").mkdir()
    for spec in ("../..", "a/..", "x/../../y", "..", "/etc", "~root/x", "file:///etc/passwd",
                 "https://169.254.169.254/latest", "a/b?x=1", "a/b/../c", "a\\..\\b", ""):  # fmt: skip
        with pytest.raises(VoriError) as refused:
            resolve(spec, home=tmp_path / "home", offline=True)
        assert refused.value.code in ("unknown_model", "not_a_model", "no_model"), spec
    assert not (tmp_path / "home").exists()
