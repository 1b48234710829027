"""Which IP addresses are public, and which lead into somebody's own network. Pure.

Sources: the IANA special-purpose address registries (RFC 6890) · RFC 6052 and 8215 (NAT64) ·
RFC 3056 (6to4) · RFC 4380 (Teredo) · RFC 5214 (ISATAP) · RFC 4291 (mapped, compatible) ·
"What is IP address 168.63.129.16?" (Azure). `ipaddress.is_global` alone is not enough. It is true
for NAT64, 6to4, IPv4-compatible and multicast addresses, and all of these may lead inside.
"""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24"),
            *("192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
            *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            "168.63.129.16/32",
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""IANA has given out public addresses only from here."""
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocol assignments: Teredo, benchmarking, ORCHID, AMT.
            "2001:db8::/32",
            "2002::/16",
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)


def is_public(address: str) -> bool:
    """Whether the IP *address*, written as a socket gives it, is public.

    Not public are private, local, shared, reserved and multicast addresses, and those that may
    hide one of these.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return _public_4(ip) if isinstance(ip, IPv4Address) else _public_6(ip)


def _public_4(ip: IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in _NOT_PUBLIC_4)


def _public_6(ip: IPv6Address) -> bool:
    # A NAT64 address hides an IPv4 address. Only the translator knows whether it will lead inside,
    # so all NAT64 addresses count as inside.
    if ip.scope_id is not None or ip in _NAT64 or ip not in _PUBLIC_6 or not ip.is_global:
        return False
    if any(ip in net for net in _NOT_PUBLIC_6):
        return False
    return (int(ip) >> 32) & 0xFFFFFFFF not in _ISATAP
