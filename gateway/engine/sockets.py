"""The stock client's sockets, with judged addresses; TLS is spoken above, to the name."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore

from gateway.engine.lookup import Lookup, judged, looked_up
from gateway.errors import PrivateAddress


class OutsideOnly(httpcore.AsyncNetworkBackend):
    """Connects to hosts all of whose addresses lie outside."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend, lookup: Lookup = looked_up) -> None:
        self._inner = inner
        self._lookup = lookup

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's own
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connects to the first address that answers.

        Raises `PrivateAddress` where one of them lies inside, `ConnectError`, `ConnectTimeout`.
        """
        try:
            async with asyncio.timeout(timeout) as limit:
                addresses = judged(await self._lookup(host, port))
                return await self._first(addresses, port, limit, local_address, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def _first(
        self,
        addresses: Sequence[str],
        port: int,
        limit: asyncio.Timeout,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.AsyncNetworkStream:
        """Each address gets its share of the time, so that a dead one leaves some to the next."""
        refusal: Exception = httpcore.ConnectError("the host has no address")
        for left in range(len(addresses), 0, -1):
            try:
                return await self._inner.connect_tcp(
                    addresses[-left], port, _share(limit, left), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refusal = error
        raise refusal

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's own
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """No vendor lives behind one."""
        raise PrivateAddress("A vendor is not on this machine.")

    async def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        await self._inner.sleep(seconds)


def _share(limit: asyncio.Timeout, left: int) -> float | None:
    when = limit.when()
    if when is None:
        return None
    return max(when - asyncio.get_running_loop().time(), 0.0) / left
