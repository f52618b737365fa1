"""A small OpenID Connect provider on loopback: discovery, keys, code flow with PKCE."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT, SECRET = "vori-page", "client secret"


class Provider:
    """`person` holds the claims of whoever signs in next; `asked` lists the paths requested."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.person: dict[str, Any] = {"sub": "s-1", "email": "mina@example.org",
                                       "email_verified": True, "name": "Mina"}  # fmt: skip
        self.codes: dict[str, dict[str, str]] = {}
        self.keys: dict[str, Any] = {}
        self.current = ""
        self.rotate("RS256")
        self.issuer = ""

    def rotate(self, algorithm: str) -> None:
        """A new key, and the old ones are gone."""
        self.current = secrets.token_hex(4)
        self.algorithm = algorithm
        if algorithm == "RS256":
            private: Any = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
        else:
            private = ec.generate_private_key(ec.SECP256R1())
            shown = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
        self.private = private
        self.keys = {self.current: shown | {"kid": self.current, "use": "sig"}}

    def token(self, claims: dict[str, Any], **header: str) -> str:
        return jwt.encode(
            claims, self.private, self.algorithm, headers={"kid": self.current, **header}
        )

    def sign_in(self, url: str) -> str:
        """What the browser is sent to when the person agrees: the address with the code."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, form: dict[str, str], authorization: str, claims: dict[str, Any]) -> Any:
        asked = self.codes.pop(form.get("code", ""), None)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or authorization != expected
            or asked["redirect_uri"] != form["redirect_uri"]
            or base64.urlsafe_b64encode(challenge).decode().rstrip("=") != asked["code_challenge"]
        ):
            return None
        return {"id_token": self.token(claims | self.person | {"nonce": asked["nonce"]})}


@contextlib.contextmanager
def running(now: Any) -> Iterator[Provider]:
    """now: gives the time that tokens are made at, in seconds."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            if self.path == "/keys":
                self._say({"keys": list(provider.keys.values())})
            elif self.path == "/.well-known/openid-configuration":
                self._say(
                    {
                        "issuer": provider.issuer,
                        "jwks_uri": f"{provider.issuer}/keys",
                        "authorization_endpoint": f"{provider.issuer}/authorize",
                        "token_endpoint": f"{provider.issuer}/token",
                        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                    }
                )
            else:
                self._say({}, 404)

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {k: v[0] for k, v in parse_qs(body).items()}
            claims = {"iss": provider.issuer, "aud": CLIENT, "iat": now(), "exp": now() + 300}
            told = provider.exchange(form, self.headers.get("authorization", ""), claims)
            self._say(told or {"error": "invalid_grant"}, 200 if told else 400)

        def _say(self, value: Any, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
