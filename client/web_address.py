"""Which addresses the client sends something to."""

import ipaddress

import httpx

from client.errors import InvalidInput


def parse_address(address: str) -> httpx.URL:
    """Parse a URL. Raises: InvalidInput unless it is https, or http on this machine: tokens travel on it."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"{address!r} is not an address: {error}.") from error
    if url.host and (url.scheme == "https" or (url.scheme == "http" and is_loopback(url))):
        return url
    raise InvalidInput(
        f"{address!r} would send your token unencrypted.", remedy="Use an address that begins with https://."
    )


def is_loopback(url: httpx.URL) -> bool:
    """Whether the address is on this machine."""
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False
