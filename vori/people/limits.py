"""How often somebody may do something: token buckets by key, in memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from datetime import datetime
from typing import Any

from litestar.connection import ASGIConnection

from vori.clock import Clock

MOST_KEYS = 20_000
"""Beyond so many, those that were used longest ago are forgotten."""


class Buckets:
    """One bucket for each key: `burst` at once, then `per_s` a second."""

    def __init__(self, clock: Clock, *, burst: float, per_s: float) -> None:
        self._clock = clock
        self._burst = burst
        self._per_s = per_s
        self._buckets: OrderedDict[object, tuple[float, datetime]] = OrderedDict()

    def wait_s(self, key: object, cost: float = 1.0) -> float:
        """Seconds until `take` would be allowed; 0 when it is now."""
        return max(0.0, (cost - self._level(key)) / self._per_s)

    def take(self, key: object, cost: float = 1.0) -> float:
        """Take `cost` and give 0, or take nothing and give the seconds to wait."""
        level = self._level(key)
        if level < cost:
            return (cost - level) / self._per_s
        self._buckets[key] = (level - cost, self._clock.now())
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        return 0.0

    def forget(self, key: object) -> None:
        """Fill the key's bucket again."""
        self._buckets.pop(key, None)

    def _level(self, key: object) -> float:
        level, since = self._buckets.get(key, (self._burst, self._clock.now()))
        elapsed_s = max(0.0, (self._clock.now() - since).total_seconds())
        return min(self._burst, level + elapsed_s * self._per_s)


def address_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Where a request came from: an IPv4 address, or the /64 of an IPv6 one; "" if unknown.

    Behind a proxy it is what the proxy says, if `server.trusted_proxies` names the proxy.
    """
    client = connection.scope.get("client")
    if not client:
        return ""
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return str(client[0])[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)
