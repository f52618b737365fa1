"""`vori serve` as a team runs it: its link for the first administrator, TLS, a proxy in front."""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vori.doctor import examine
from vori.server import told_of_proxies
from vori.settings import Server, Settings

PASSWORD = "correct horse battery"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vori test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.fixture
def served(server_dir: Path, make_database: Any) -> Iterator[tuple[list[str], Path, Path]]:
    """What a new `vori serve` with TLS prints, its log, and its certificate."""
    cert, key = certificate(server_dir)
    log = server_dir / "log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VORI_")}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "vori", "--home", str(server_dir / "home"), "serve",
             "--port", "0", "--workers", "web"],
            stdout=subprocess.PIPE, stderr=file, text=True, start_new_session=True,
            env=kept | {"VORI_SERVER__TLS_CERT": str(cert), "VORI_SERVER__TLS_KEY": str(key),
                        "VORI_DATABASE__URL": make_database(), "VORI_SPARK__ENABLED": "off"},
        )  # fmt: skip
    assert process.stdout is not None
    try:
        printed = [process.stdout.readline() for _ in range(2)]
        assert process.poll() is None, log.read_text()
        yield printed, log, cert
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)
        process.stdout.close()
    assert process.returncode in (0, 128 + signal.SIGTERM)


@pytest.mark.postgres
def test_the_printed_link_makes_the_first_administrator_over_tls(
    served: tuple[list[str], Path, Path],
) -> None:
    printed, log, cert = served
    listens, invites = printed
    url = re.search(r"https://127\.0\.0\.1:\d+", listens)
    link = re.search(r"(https://\S+/welcome#)(\S+)", invites)
    assert url, log.read_text()
    assert link, log.read_text()
    assert link[1].startswith(url[0])
    with httpx.Client(
        base_url=url[0],
        verify=ssl.create_default_context(cafile=str(cert)),
        trust_env=False,
        timeout=60,
    ) as client:
        assert client.get("/api/session").json()["needsFirstAdmin"] is True
        looked = client.post("/api/links/look", json={"link": link[2]})
        assert looked.json()["kind"] == "first_admin"
        body = {"link": link[2], "name": "Mina", "email": "m@example.org", "password": PASSWORD}
        signed = client.post("/api/links", json=body, headers={"sec-fetch-site": "same-origin"})
        assert signed.status_code == 200, signed.text
        cookie = signed.headers["set-cookie"]
        assert cookie.startswith("__Host-vori_session=")
        for said in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
            assert said.lower() in cookie.lower()
        assert "max-age=" in signed.headers["strict-transport-security"]
        me = client.get("/api/users/me")
        assert (me.json()["email"], me.json()["isAdmin"]) == ("m@example.org", True)
        assert client.post("/api/links", json=body).status_code == 401
        for _ in range(3):
            client.get("/health", headers={"x-forwarded-for": "192.0.2.7"})
    told = log.read_text()
    assert link[2] not in told
    assert PASSWORD not in told
    assert told.count("server.trusted_proxies") == 1
    assert "192.0.2.7" not in told


async def test_a_proxy_that_is_not_known_is_told_of_once(capsys: Any) -> None:
    from structlog.testing import capture_logs

    reached = []

    async def app(scope: Any, *_: Any) -> None:
        reached.append(scope["type"])

    watched = told_of_proxies(app)
    with capture_logs() as logs:
        for kind, headers in (
            ("lifespan", None), ("http", []), ("http", [(b"x-forwarded-for", b"\\x1b[1m")]),
            ("websocket", [(b"x-forwarded-for", b"1.2.3.4")]),
        ):  # fmt: skip
            scope: dict[str, Any] = {"type": kind, "client": ("10.0.0.5", 1)}
            await watched(scope | ({} if headers is None else {"headers": headers}), None, None)
    assert reached == ["lifespan", "http", "http", "websocket"]
    assert [entry["peer"] for entry in logs] == ["10.0.0.5"]


@pytest.mark.parametrize(
    ("server", "says", "mark"),
    [
        ({}, "no TLS", "is_warning"),
        ({"dev": True}, None, None),
        ({"trusted_proxies": ("10.0.0.5",)}, "10.0.0.5", None),
        ({"tls_cert": "/nowhere/cert.pem"}, "cannot be read", "is_fatal"),
    ],
)
def test_the_doctor_says_how_people_come_in(
    tmp_path: Path, server: dict[str, Any], says: str | None, mark: str | None
) -> None:
    settings = Settings(home=str(tmp_path), server=Server(port=0, workers=("web",), **server))
    found = [finding for finding in examine(settings) if finding.topic == "way in"]
    assert len(found) == (says is not None)
    for finding in found:
        assert says is not None
        assert says in finding.text
        assert [name for name in ("is_warning", "is_fatal") if getattr(finding, name)] == (
            [mark] if mark else []
        )
