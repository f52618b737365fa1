from __future__ import annotations

import socket

import pytest

from tools.kafka.broker import Broker

pytestmark = pytest.mark.kafka


def test_the_broker_answers_on_loopback_only(broker: Broker):
    host, _, port = broker.bootstrap.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        assert connection.getpeername()[0] == "127.0.0.1"
    listening = broker.listening_addresses()
    assert listening
    assert all(address.startswith(("127.", "::ffff:127.")) for address in listening)
