"""Signing in by OpenID Connect, with a provider of our own on loopback."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest

from tests.people.provider import CLIENT, SECRET, Provider, running
from tests.web_site import NOON, Site, open_site
from vori import settings
from vori.data.engine import DB
from vori.people import store
from vori.people.oidc import OpenIdConnect, local_path

pytestmark = pytest.mark.postgres


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running(NOON.timestamp) as provider:
        yield provider


@pytest.fixture
async def site(
    database: str, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    monkeypatch.setenv("VORI_OIDC_CLIENT_SECRET", SECRET)
    async with open_site(tmp_path) as site:
        use(site, provider)
        yield site


def use(site: Site, provider: Provider, **rules: Any) -> None:
    rules = {"client_id": CLIENT, "audience": ("mobile",)} | rules
    site.app.state.sign_in.oidc = OpenIdConnect(
        site.clock, settings.Oidc(issuer=provider.issuer, **rules)
    )


def claims(provider: Provider, **more: Any) -> dict[str, Any]:
    now = NOON.timestamp()
    given = {"iss": provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 300} | provider.person
    return {k: v for k, v in (given | more).items() if v is not None}


async def sign_in(
    site: Site, provider: Provider, next_path: str = "/"
) -> tuple[httpx.AsyncClient, httpx.Response]:
    """A browser that went to the provider and came back."""
    browser = await site.client()
    there = await browser.get("/api/session/oidc", params={"next": next_path})
    assert there.status_code == 302, there.text
    back = urlsplit(provider.sign_in(there.headers["location"]))
    return browser, await browser.get(f"{back.path}?{back.query}")


async def test_the_page_signs_in_with_code_and_comes_back_to_where_it_was(
    site: Site, provider: Provider
) -> None:
    await store.create_user(name="Mina Kim", email="MINA@example.org")
    anyone = await site.client()
    [method] = (await anyone.get("/api/session")).json()["methods"]
    assert method["startPath"] == "/api/session/oidc"
    browser, back = await sign_in(site, provider, "/board?group=1")
    assert (back.status_code, back.headers["location"]) == (302, "/board?group=1")
    assert (await browser.get("/api/users/me")).json()["name"] == "Mina Kim"
    [session] = (await browser.get("/api/users/me/sessions")).json()
    assert session["method"] == "oidc"
    assert "vori_oidc" not in browser.cookies


async def test_a_later_address_does_not_matter_the_subject_does(
    site: Site, provider: Provider
) -> None:
    mina = await store.create_user(name="Mina Kim", email="mina@example.org")
    await sign_in(site, provider)
    await store.create_user(name="Boss", email="boss@example.org")
    provider.person = provider.person | {"email": "boss@example.org"}
    browser, _ = await sign_in(site, provider)
    assert (await browser.get("/api/users/me")).json()["userId"] == mina.user_id


async def test_only_who_was_added_is_let_in_unless_the_settings_say_otherwise(
    site: Site, provider: Provider
) -> None:
    _, back = await sign_in(site, provider)
    assert (back.status_code, back.json()["code"]) == (403, "not_invited")
    assert not await store.has_users()
    use(site, provider, create_users=True, domains=("example.com",))
    _, back = await sign_in(site, provider)
    assert back.status_code == 403
    use(site, provider, create_users=True, domains=("example.org",))
    browser, _ = await sign_in(site, provider)
    assert (await browser.get("/api/users/me")).json()["email"] == "mina@example.org"


async def test_an_address_that_is_not_verified_takes_nobody_s_place(
    site: Site, provider: Provider
) -> None:
    await store.create_user(name="Mina Kim", email="mina@example.org", is_admin=True)
    for verified in (False, "false", None):
        provider.person = provider.person | {"email_verified": verified}
        if verified is None:
            del provider.person["email_verified"]
        _, back = await sign_in(site, provider)
        assert (back.status_code, back.json()["code"]) == (403, "not_invited")


async def test_a_disabled_user_stays_out(site: Site, provider: Provider) -> None:
    await store.create_user(name="Mina Kim", email="mina@example.org")
    await sign_in(site, provider)
    await DB.fetch("UPDATE users SET disabled_at = now()")
    _, back = await sign_in(site, provider)
    assert back.status_code == 401
    assert "set-cookie" not in back.headers
    token = provider.token(claims(provider))
    assert (await (await site.client(token)).get("/api/users/me")).status_code == 401


async def test_a_sign_in_that_another_browser_began_is_refused(
    site: Site, provider: Provider
) -> None:
    await store.create_user(name="Mina Kim", email="mina@example.org")
    attacker, victim = await site.client(), await site.client()
    there = await attacker.get("/api/session/oidc")
    back = urlsplit(provider.sign_in(there.headers["location"]))
    answer = await victim.get(f"{back.path}?{back.query}")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_sign_in")
    await victim.get("/api/session/oidc")  # one of their own is under way
    assert (await victim.get(f"{back.path}?{back.query}")).status_code == 401
    for query in ("", "?code=x", "?code=x&state=y"):
        assert (await attacker.get(f"{back.path}{query}")).status_code == 401


async def test_a_browser_is_shown_on_the_page_why_nobody_signed_in(
    site: Site, provider: Provider
) -> None:
    browser = await site.client()
    browser.headers["accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    there = await browser.get("/api/session/oidc")
    back = urlsplit(provider.sign_in(there.headers["location"]))
    uninvited = await browser.get(f"{back.path}?{back.query}")
    assert (uninvited.status_code, uninvited.headers["location"]) == (302, "/?problem=not_invited")
    cancelled = await browser.get(f"{back.path}?error=access_denied")
    assert (cancelled.status_code, cancelled.headers["location"]) == (302, "/?problem=bad_sign_in")
    assert (await browser.get("/api/users/me")).status_code == 401


async def test_a_code_counts_once_and_with_its_verifier_only(
    site: Site, provider: Provider
) -> None:
    await store.create_user(name="Mina Kim", email="mina@example.org")
    browser = await site.client()
    there = await browser.get("/api/session/oidc")
    back = urlsplit(provider.sign_in(there.headers["location"]))
    code = next(iter(provider.codes))
    provider.codes[code]["code_challenge"] = "another"
    answer = await browser.get(f"{back.path}?{back.query}")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_sign_in")


async def test_id_tokens_count_as_bearer_tokens_and_sync_makes_the_user(
    site: Site, provider: Provider
) -> None:
    use(site, provider, create_users=True)
    client = await site.client(provider.token(claims(provider, aud="mobile")))
    made = await client.post("/api/users/sync", json={"name": "김민아"})
    assert (made.status_code, made.json()["name"]) == (200, "김민아")
    assert made.json()["email"] == "mina@example.org"
    assert (await client.post("/api/users/sync", json={})).json() == made.json()


async def test_id_tokens_that_are_wrong_in_any_way_are_refused(
    site: Site, provider: Provider
) -> None:
    await store.create_user(name="Mina Kim", email="mina@example.org")
    now = NOON.timestamp()
    wrong = {
        "issuer": claims(provider, iss="https://elsewhere.example"),
        "audience": claims(provider, aud="another"),
        "second audience": claims(provider, aud=[CLIENT, "another"]),
        "expired": claims(provider, exp=now - 61),
        "from the future": claims(provider, iat=now + 120),
        "not yet": claims(provider, nbf=now + 120),
        "no expiry": claims(provider, exp=None),
        "no subject": claims(provider, sub=None),
        "empty subject": claims(provider, sub=""),
        "odd expiry": claims(provider, exp="never"),
    }
    tokens = {name: provider.token(one) for name, one in wrong.items()}
    good = claims(provider)
    public = provider.private.public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    tokens["none"] = jwt.encode(good, None, "none", headers={"kid": provider.current})
    tokens["public key as secret"] = _hmac(good, pem, provider.current)
    tokens["unknown key"] = provider.token(good, kid="other")
    head, body, _ = provider.token(good).split(".")
    tokens["cut signature"] = f"{head}.{body}."
    tokens["other body"] = (
        f"{head}.{jwt.encode(good | {'sub': 'x'}, 'k' * 40).split('.')[1]}."
        + (provider.token(good).split(".")[2])
    )
    tokens["long"] = provider.token(good | {"pad": "x" * 20_000})
    tokens["garbage"] = "ey.ey.ey"
    for name, token in tokens.items():
        answer = await (await site.client(token)).get("/api/users/me")
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_token"), name
    fine = await (await site.client(provider.token(good))).get("/api/users/me")
    assert fine.status_code == 200


def _hmac(given: dict[str, Any], key: bytes, kid: str) -> str:
    """HS256 by hand: libraries refuse to sign with a public key."""
    import base64
    import hashlib
    import hmac
    import json

    def packed(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    head = packed(json.dumps({"alg": "HS256", "typ": "JWT", "kid": kid}).encode())
    signed = f"{head}.{packed(json.dumps(given).encode())}"
    return f"{signed}.{packed(hmac.digest(key, signed.encode(), hashlib.sha256))}"


async def test_keys_that_rotate_are_fetched_anew_and_guesses_do_not_make_us_ask(
    site: Site, provider: Provider
) -> None:
    await store.create_user(name="Mina Kim", email="mina@example.org")

    async def get(token: str) -> int:
        return (await (await site.client(token)).get("/api/users/me")).status_code

    old = provider.token(claims(provider))
    assert await get(old) == 200
    provider.rotate("ES256")
    for _ in range(5):
        assert await get(provider.token(claims(provider), kid="guess")) == 401
    assert provider.asked.count("/keys") == 1
    site.clock.turn(timedelta(seconds=31))
    assert await get(provider.token(claims(provider))) == 200
    assert await get(old) == 401
    assert provider.asked.count("/keys") == 2
    site.clock.turn(timedelta(hours=1))
    now = site.clock.now().timestamp()
    assert await get(provider.token(claims(provider, iat=now, exp=now + 300))) == 200
    assert provider.asked.count("/keys") == 3


async def test_a_provider_that_is_away_or_is_another_says_so(
    site: Site, provider: Provider
) -> None:
    token = provider.token(claims(provider))
    provider.issuer, real = "https://another.example", provider.issuer
    oidc = OpenIdConnect(site.clock, settings.Oidc(issuer=real, client_id=CLIENT))
    site.app.state.sign_in.oidc = oidc
    answer = await (await site.client(token)).get("/api/users/me")
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_away")
    answer = await (await site.client()).get("/api/session/oidc")
    assert answer.status_code == 503
    assert (await (await site.client()).get("/api/session")).status_code == 200


def test_only_addresses_with_tls_are_providers() -> None:
    from vori.clock import SystemClock

    for issuer in ("http://sso.example.com", "ftp://x.example", "sso.example.com"):
        with pytest.raises(settings.BadSetting):
            OpenIdConnect(SystemClock(), settings.Oidc(issuer=issuer, client_id="x"))
    with pytest.raises(settings.BadSetting):
        OpenIdConnect(SystemClock(), settings.Oidc(issuer="https://sso.example.com"))


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a\nb", ""]
)
def test_nobody_is_sent_elsewhere_after_signing_in(path: str) -> None:
    assert local_path(path) == "/"
