"""A real broker for tests marked `kafka`.

`broker` is one for the whole run; `kafka` gives its address. Tests share it, so each takes a
topic prefix of its own (`unique`).
"""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.kafka.broker import Broker, missing

_numbers = itertools.count(1)


def unique(name: str = "t") -> str:
    """A name that no other test of this broker has."""
    return f"{name}{os.getpid()}x{next(_numbers)}"


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    if reason := missing():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="vori-kafka-") as directory:
        broker = Broker(Path(directory) / "kafka", certificate=self_signed())
        broker.start()
        try:
            yield broker
        finally:
            broker.stop(how=signal.SIGKILL)  # nobody reads it again


@pytest.fixture
def kafka(broker: Broker) -> str:
    """The address of a running broker, `host:port`."""
    return broker.bootstrap


def self_signed() -> tuple[str, str]:
    """Key and certificate for 127.0.0.1, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
    )
