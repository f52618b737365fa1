"""How often somebody may do something, and how many sockets they may hold; in memory."""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from litestar.connection import ASGIConnection

from vori import settings
from vori.clock import Clock
from vori.errors import TooMany

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


class Rates:
    """How many requests somebody may send: signed in by user, else by address."""

    def __init__(self, clock: Clock, limits: settings.Limits) -> None:
        self._of_user = Buckets(clock, burst=limits.request_burst, per_s=limits.requests_per_s)
        self._of_address = Buckets(
            clock, burst=limits.stranger_burst, per_s=limits.stranger_requests_per_s
        )

    def by_user(self, user_id: int) -> None:
        """Raises TooMany(code="too_many_requests")."""
        self._check(self._of_user.take(user_id))

    def stranger(self, address: str) -> None:
        """Count a request that nobody signed; raises TooMany."""
        self._check(self._of_address.take(address))

    def may_come(self, address: str) -> None:
        """Raises TooMany when an address has sent too many requests that nobody signed."""
        self._check(self._of_address.wait_s(address))

    def _check(self, wait_s: float) -> None:
        if wait_s:
            raise TooMany(
                f"Too many requests; try again in {wait_s:.1f} s.",
                retry_after_ms=int(1000 * wait_s) + 1,
                code="too_many_requests",
            )


class Sockets:
    """How many WebSockets are open: in all, of one user, from one address."""

    def __init__(self, limits: settings.Limits) -> None:
        self._limits = limits
        self._of_user: Counter[int] = Counter()
        self._of_address: Counter[str] = Counter()

    @property
    def open(self) -> int:
        return self._of_address.total()

    @contextmanager
    def counted(self, address: str) -> Iterator[None]:
        """Raises TooMany(code="too_many_sockets") when there is no room for another."""
        if self.open >= self._limits.sockets:
            raise _full("VORI has as many sockets open as it takes")
        if self._of_address[address] >= self._limits.sockets_per_address:
            raise _full("your address has as many sockets open as it may")
        self._of_address[address] += 1
        try:
            yield
        finally:
            _leave(self._of_address, address)

    def enter(self, user_id: int) -> None:
        """Count a socket of the user, until `leave`; raises TooMany."""
        if self._of_user[user_id] >= self._limits.sockets_per_user:
            raise _full("you have as many sockets open as one user may")
        self._of_user[user_id] += 1

    def leave(self, user_id: int) -> None:
        _leave(self._of_user, user_id)


def _leave(counts: Counter[Any], key: object) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]


def _full(what: str) -> TooMany:
    return TooMany(
        f"There is no room for this socket: {what}. Close some, or try again later.",
        retry_after_ms=5_000,
        code="too_many_sockets",
    )
