"""Addresses: which of them lie outside, where vendors are (reliability.md 6, OWASP API7)."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address
from typing import Final

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""Behind it lies the IPv4 address of its last four bytes (RFC 6052 2.1)."""
_INSIDE: Final = tuple(
    map(ipaddress.ip_network, ("168.63.129.16/32", "192.0.0.0/24", "64:ff9b:1::/48", "fec0::/10"))
)
"""Global by some library's tables, and inside: clouds' own hosts, RFC 8215, RFC 3879."""


def is_outside(text: str) -> bool:
    """Whether an IP address is one of the public internet, whatever it may be wrapped in.

    Raises ValueError for what is no address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    return all(_is_outside(each) for each in (address, *_wrapped(address)))


def _is_outside(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return True  # what it wraps decides
    inside = address.is_multicast or any(address in network for network in _INSIDE)
    return address.is_global and not inside


def _wrapped(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that packets to an IPv6 address may end at."""
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(each for each in found if each is not None)
