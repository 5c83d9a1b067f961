"""Addresses: which of them lie outside, in every wrapping."""

import pytest

from gateway.engine.addresses import is_outside

OUTSIDE = [
    "8.8.8.8", "93.184.216.34", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255",
    "100.128.0.0", "2606:4700::1111", "2a00:1450:4001:80b::200e", "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8", "2002:808:808::1",
]  # fmt: skip
INSIDE = [
    "0.0.0.1", "0.1.2.3", "10.0.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.0.192", "100.64.0.1", "100.100.100.200",
    "168.63.129.16", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00:ec2::254", "fc00::1", "ff02::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "2002:7f00:1::1",
    "2002:a9fe:a9fe::", "2001:0:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_outside(address: str) -> None:
    """Vendors live there."""
    assert is_outside(address)


@pytest.mark.parametrize("address", INSIDE)
def test_any_other_is_not(address: str) -> None:
    """This machine, its network, a cloud's metadata, groups, and what leads to one of them."""
    assert not is_outside(address)


@pytest.mark.parametrize("text", ["", "localhost", "vendor.example", "8.8.8", "0x7f.1", "[::1]"])
def test_a_name_is_no_address(text: str) -> None:
    """It is to be looked up first."""
    with pytest.raises(ValueError, match="does not appear"):
        is_outside(text)
