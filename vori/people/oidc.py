"""Signing in by OpenID Connect: one provider, found by its issuer.

Source: OpenID Connect Core 1.0 (sections 3.1.2 to 3.1.3.7), Discovery 1.0, RFC 7636 (PKCE).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import jwt
import msgspec
from msgspec import Struct

from vori import log, settings
from vori.clock import Clock
from vori.data.engine import DB, transaction
from vori.errors import Forbidden, NotSignedIn, Unavailable
from vori.ids import UserId
from vori.people import outward

_log = log.get(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures by a key pair; a shared secret or none at all is no proof."""
LEEWAY_S = 60.0
KEYS_S = 3_600.0
ASK_AGAIN_S = 30.0
"""An unknown key is looked for at the provider so often at most."""
TIMEOUT_S = 10.0
MOST_BYTES = 1_000_000
SECRET_VARIABLE = "VORI_OIDC_CLIENT_SECRET"  # noqa: S105 - its name
MAX_TOKEN = 16_384


class Provider(Struct, frozen=True):
    """What the provider says of itself."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Claims(Struct, frozen=True):
    """What VORI reads of an ID token."""

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    exp: float
    iat: float
    nbf: float | None = None
    nonce: str | None = None
    azp: str | None = None
    email: str | None = None
    email_verified: bool | str = False
    name: str | None = None


class Attempt(Struct, frozen=True):
    """A sign-in that went to the provider; kept by the browser until it comes back."""

    state: str
    nonce: str
    verifier: str
    next: str


class OpenIdConnect:
    """One provider. Raises Unavailable(code="provider_away") when it does not answer."""

    def __init__(self, clock: Clock, rules: settings.Oidc) -> None:
        self._clock = clock
        self._rules = rules
        self._provider: Provider | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at: datetime | None = None
        self._lock = asyncio.Lock()
        self.issuer = (rules.issuer or "").rstrip("/")
        self.label = rules.label or urlsplit(self.issuer).hostname or "OpenID Connect"
        self._networks = _networks(rules)
        self._audiences = frozenset(rules.audience) | ({rules.client_id} - {None})
        if not self._audiences:
            raise settings.BadSetting("oidc.issuer needs oidc.client_id, oidc.audience, or both.")
        if not _is_safe(self.issuer, self.issuer):
            raise settings.BadSetting(
                f"oidc.issuer: {self.issuer[:200]!r} must be an address with https."
            )

    @property
    def is_for_pages(self) -> bool:
        return self._rules.client_id is not None

    async def start(self, *, redirect_uri: str, next_path: str) -> tuple[str, Attempt]:
        """Where to send the browser, and what it must bring back."""
        provider = await self._discover()
        if provider.authorization_endpoint is None or not self.is_for_pages:
            raise Unavailable(
                "The provider signs in no pages; see oidc.client_id.", code="provider_away"
            )
        attempt = Attempt(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            next=local_path(next_path),
        )
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._rules.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._rules.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        endpoint = provider.authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}", attempt

    async def finish(self, attempt: Attempt, *, code: str, redirect_uri: str) -> UserId:
        """The user whom the provider's code stands for. Raises NotSignedIn, Forbidden."""
        provider = await self._discover()
        assert provider.token_endpoint is not None
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._rules.client_id or "",
            "code_verifier": attempt.verifier,
        }
        secret, auth = self._secret(), None
        if secret and "client_secret_basic" in provider.token_endpoint_auth_methods_supported:
            auth = httpx.BasicAuth(self._rules.client_id or "", secret)
        elif secret:
            form["client_secret"] = secret
        answer = await self._ask("POST", provider.token_endpoint, data=form, auth=auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotSignedIn("The provider refused this sign-in; try again.", code="bad_sign_in")
        return await self.admit(await self.read(token, nonce=attempt.nonce))

    async def read(self, token: str, *, nonce: str | None = None) -> Claims:
        """An ID token's claims, checked: signature, iss, aud, azp, exp, nbf, iat, nonce.

        Raises NotSignedIn(code="bad_token").
        """
        wrong = NotSignedIn("This ID token is not valid here, or expired.", code="bad_token")
        if len(token) > MAX_TOKEN:
            raise wrong
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS:
                raise wrong
            key = await self._key(header.get("kid"))
            if key is None:
                raise wrong
            # Times are checked by our clock, the audience with `azp`, below.
            decoded = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": False,
                    "verify_iss": False,
                },
            )
            claims = msgspec.convert(decoded, Claims)
        except (jwt.PyJWTError, msgspec.ValidationError, ValueError, TypeError) as exc:
            raise wrong from exc
        if not self._fits(claims) or (nonce is not None and claims.nonce != nonce):
            raise wrong
        return claims

    def _fits(self, claims: Claims) -> bool:
        now = self._clock.now().timestamp()
        told = {claims.aud} if isinstance(claims.aud, str) else set(claims.aud)
        return (
            claims.iss.rstrip("/") == self.issuer
            and bool(told & self._audiences)
            and (len(told) == 1 or claims.azp in self._audiences)
            and now < claims.exp + LEEWAY_S
            and claims.iat <= now + LEEWAY_S
            and (claims.nbf is None or claims.nbf <= now + LEEWAY_S)
            and 0 < len(claims.sub) <= 255
        )

    async def admit(self, claims: Claims) -> UserId:
        """The user with this identity; at first sight, the one with its address, or a new one.

        Only an address that the provider has verified counts. Raises Forbidden when nobody let
        this person in, and NotSignedIn when they are disabled.
        """
        rows = await DB.fetch(
            "SELECT user_id FROM identities WHERE issuer = $1 AND subject = $2",
            self.issuer,
            claims.sub,
        )
        if rows:
            return UserId(rows[0]["user_id"])
        email = (claims.email or "").strip()
        is_verified = claims.email_verified in (True, "true")
        domain = email.rpartition("@")[2].lower()
        if not email or not is_verified:
            raise Forbidden(
                "The provider does not vouch for your address; ask whoever runs this VORI.",
                code="not_invited",
            )
        if self._rules.domains and domain not in self._rules.domains:
            raise Forbidden("Addresses of your domain do not sign in here.", code="not_invited")
        return await self._adopt(claims, email)

    async def _adopt(self, claims: Claims, email: str) -> UserId:
        from vori.people import store

        async with transaction():
            await DB.fetch("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
            known = await store.user_by_email(email)
            if known is None:
                if not self._rules.create_users:
                    raise Forbidden(
                        "Nobody has added your address yet; ask whoever runs this VORI.",
                        code="not_invited",
                    )
                name = (claims.name or email.partition("@")[0]).strip()[:200] or "?"
                known = await store.create_user(name=name.replace("\0", ""), email=email)
            await DB.fetch(
                "INSERT INTO identities (issuer, subject, user_id, email) VALUES ($1, $2, $3, $4)"
                " ON CONFLICT (issuer, subject) DO NOTHING",
                self.issuer,
                claims.sub,
                known.user_id,
                email,
            )
            return known.user_id

    async def _key(self, kid: Any) -> jwt.PyJWK | None:
        """The provider's key; asked for anew when it is unknown, or when ours are old."""
        now = self._clock.now()
        age = None if self._keys_at is None else (now - self._keys_at).total_seconds()
        found = self._find(kid)
        if age is None or age >= KEYS_S or (found is None and age >= ASK_AGAIN_S):
            async with self._lock:
                if self._keys_at is None or self._keys_at <= now - timedelta(seconds=age or 0):
                    await self._fetch_keys(now)
            found = self._find(kid)
        return found

    def _find(self, kid: Any) -> jwt.PyJWK | None:
        if kid is None:  # allowed when there is one key only
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid) if isinstance(kid, str) else None

    async def _fetch_keys(self, now: datetime) -> None:
        provider = await self._discover()
        answer = await self._ask("GET", provider.jwks_uri)
        keys = {}
        for one in answer.get("keys", ()):
            try:
                if one.get("use", "sig") == "sig" and one.get("kty") != "oct":
                    keys[str(one.get("kid", ""))] = jwt.PyJWK(one)
            except (jwt.PyJWTError, AttributeError, ValueError):
                continue  # of a kind that nobody here knows
        self._keys, self._keys_at = keys, now

    async def _discover(self) -> Provider:
        if self._provider is None:
            told = await self._ask("GET", f"{self.issuer}/.well-known/openid-configuration")
            try:
                provider = msgspec.convert(told, Provider)
            except msgspec.ValidationError as exc:
                raise _away("its description cannot be read") from exc
            if provider.issuer.rstrip("/") != self.issuer:
                raise _away("it calls itself by another issuer")
            for url in (
                provider.jwks_uri,
                provider.authorization_endpoint,
                provider.token_endpoint,
            ):
                if url is not None and not _is_safe(url, self.issuer):
                    raise _away("it names addresses without https")
            self._provider = provider
        return self._provider

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            async with (
                outward.client(self._networks, timeout_s=TIMEOUT_S) as client,
                client.stream(method, url, **more) as answer,
            ):
                content = await _read(answer)
        except outward.NotOutward as exc:
            raise _away(exc.message) from exc
        except httpx.HTTPError as exc:
            raise _away(type(exc).__name__) from exc
        if answer.status_code in (400, 401):
            _log.warning("the provider refused", path=urlsplit(url).path, status=answer.status_code)
            return {}
        if answer.status_code != 200:
            raise _away(f"status {answer.status_code}")
        try:
            told = msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError) as exc:
            raise _away("no JSON") from exc
        if not isinstance(told, dict):
            raise _away("no JSON object")
        return told

    def _secret(self) -> str | None:
        if self._rules.client_secret_file:
            try:
                return Path(self._rules.client_secret_file).read_text(encoding="utf-8").strip()
            except OSError as exc:
                raise Unavailable(
                    f"oidc.client_secret_file cannot be read: {exc.strerror}.",
                    code="provider_away",
                ) from exc
        return os.environ.get(SECRET_VARIABLE)


async def _read(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_bytes():
        content += piece
        if len(content) > MOST_BYTES:
            raise _away("it says too much")
    return bytes(content)


def _networks(rules: settings.Oidc) -> tuple[outward.Network, ...]:
    """Where the provider may be besides public addresses; on this machine if its issuer is."""
    try:
        named = tuple(ipaddress.ip_network(one) for one in rules.networks)
    except ValueError as exc:
        raise settings.BadSetting(f"oidc.networks: {exc}; write 10.0.0.0/8.") from exc
    if _is_here(urlsplit(rules.issuer or "").hostname):
        return (*named, ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    return named


def looks_like_id_token(secret: str) -> bool:
    return secret.count(".") == 2 and secret.startswith("ey")


def local_path(path: str) -> str:
    """`path` if it leads to this VORI, else the page's start."""
    is_local = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if is_local and len(path) <= 500 and "\\" not in path else "/"


def _is_safe(url: str, issuer: str) -> bool:
    """TLS, except for a provider on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return True
    is_near = _is_here(parts.hostname) and _is_here(urlsplit(issuer).hostname)
    return parts.scheme == "http" and is_near


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _away(why: str) -> Unavailable:
    return Unavailable(f"The provider of identities does not answer: {why}.", code="provider_away")
