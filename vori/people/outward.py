"""Requests that VORI sends to addresses somebody else can choose: to the world, not into the house.

A name is looked up once, every address it has is checked, and the connection goes to one of
those: a name that points elsewhere a moment later gains nothing. TLS and the Host header still
go by the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.request import getproxies

import httpx

from vori.errors import Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
"""For protocols, not for hosts (RFC 6890); Python calls some of it global."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Whose last four bytes are an IPv4 address (RFC 6052)."""


class NotOutward(Unavailable):
    """The address is of a private network, of this machine, or of none."""

    code = "private_address"


class Outward(httpx.AsyncBaseTransport):
    """Connects to public addresses, and to those of `networks`.

    Raises NotOutward for others, however they are written or named.
    """

    def __init__(
        self,
        networks: Sequence[Network] = (),
        *,
        resolve: Resolve | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._networks = tuple(networks)
        self._resolve = resolve or _resolve
        self._inner = inner or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, last = request.url.host, None
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        for address in await self._addresses(host, port):
            request.url = request.url.copy_with(host=address)
            request.extensions = {**request.extensions, "sni_hostname": host}
            try:
                return await self._inner.handle_async_request(request)
            except httpx.ConnectError as exc:
                last = exc
        raise last or httpx.ConnectError(f"{host} has no address", request=request)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = [str(ipaddress.ip_address(host))]
        except ValueError:
            try:
                found = list(dict.fromkeys(await self._resolve(host, port)))
            except OSError as exc:
                raise httpx.ConnectError(f"{host} is not known") from exc
        for one in found:
            if not self._may(ipaddress.ip_address(one.partition("%")[0])):
                raise NotOutward(
                    f"{host} is at {one}, which is no public address; if it is yours, name its"
                    " network in oidc.networks."
                )
        return found

    def _may(self, address: Address) -> bool:
        return all(
            is_public(one) or any(one in network for network in self._networks)
            for one in [*_within(address)] or [address]
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


def client(networks: Sequence[Network], *, timeout_s: float) -> httpx.AsyncClient:
    """Follows no redirect. Where the environment names a proxy, that one decides what is reached."""
    if getproxies().keys() & {"http", "https", "all"}:
        return httpx.AsyncClient(timeout=timeout_s)
    return httpx.AsyncClient(timeout=timeout_s, transport=Outward(networks))


def is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and address not in _PROTOCOLS
    )


def _within(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 one stands for; it goes where they go."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]
