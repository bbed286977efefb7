"""Which IP addresses are anybody's on the internet, and not inside some network.

Pure.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that was given away so far (IANA); what is outside is for use inside a network, or translated."""

_DOCUMENTATION: Final = IPv6Network("3fff::/20")
"""RFC 9637."""

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""The last four bytes are an IPv4 address to which a translator leads (RFC 6052)."""

_6TO4_PREFIX_BITS: Final = 80
"""How far the IPv4 address of a 6to4 address (RFC 3056) is from its end."""


def is_public(address: str) -> bool:
    """Whether an IP address, in whatever form the resolver gives it, leads to the internet and nowhere else. One inside
    of which another stands (mapped, NAT64, 6to4) is judged by that one."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _is_public_v4(found) if isinstance(found, IPv4Address) else _is_public_v6(found)


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast


def _is_public_v6(address: IPv6Address) -> bool:
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address.sixtofour is not None:
        return _is_public_v4(IPv4Address(int(address) >> _6TO4_PREFIX_BITS & 0xFFFF_FFFF))
    return address in _GLOBAL_UNICAST and address.is_global and address not in _DOCUMENTATION
