"""What carries a connection's calls, as the file says."""

import importlib.util
from collections.abc import Iterator

from gateway.connections import Carrier, Proxy
from gateway.settings import sections
from gateway.settings.addresses import address
from gateway.settings.secrets import STAND_IN
from gateway.settings.sections import Account


def carrier_of(account: Account) -> Carrier:
    """The carrier that a connection asks for."""
    proxy = account.proxy
    through = Proxy(proxy.url, proxy.username, proxy.password) if proxy else None
    return Carrier(client=account.transport, http2=account.http2, proxy=through)


def unfit(account: Account) -> Iterator[tuple[str, str]]:
    """What is wrong with it, each with the key that it is about."""
    wanted = {"http2": account.http2, "proxy": account.proxy is not None}
    for key, is_wanted in wanted.items():
        if is_wanted and account.transport != "httpx":
            yield key, 'takes transport = "httpx"'
    if account.http2 and importlib.util.find_spec("h2") is None:
        yield "http2", ("needs the extra http2, as in pip install 'opportunity-gateway[http2]'")
    if account.proxy:
        yield from _unfit_proxy(account.proxy)


def _unfit_proxy(proxy: sections.Proxy) -> Iterator[tuple[str, str]]:
    parts = address(proxy.url)
    if parts is None or parts.path not in {"", "/"}:
        yield "proxy.url", "is not an address such as http://proxy.example.com:3128"
    elif parts.username is not None or parts.password is not None:
        yield "proxy.url", "holds credentials; those are proxy.username and proxy.password"
    if (proxy.username is None) != (proxy.password is None):
        missing = "password" if proxy.username else "username"
        yield f"proxy.{missing}", "is missing: a proxy is told both, or neither"
    secret = proxy.password.get_secret_value() if proxy.password else ""
    for key, text in (("username", proxy.username or ""), ("password", secret)):
        if text != STAND_IN and not (text.isascii() and (text.isprintable() or not text)):
            yield f"proxy.{key}", "holds characters that no header can carry"
