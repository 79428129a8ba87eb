"""Strings with a form: ``format`` names."""

import uuid

from localcloud.vertex import chance


def format_value(name: str, *seed: object) -> str | None:
    """A value of a JSON Schema string format, or None where the format is unknown or free."""
    number = chance.number(*seed)
    day = f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}"
    time = f"{number % 24:02}:{number % 60:02}:00"
    return {
        "date": day,
        "time": f"{time}Z",
        "date-time": f"{day}T{time}Z",
        "duration": f"PT{number % 60 + 1}S",
        "email": f"someone{number % 1000}@example.com",
        "idn-email": f"someone{number % 1000}@example.com",
        "hostname": f"host{number % 1000}.example.com",
        "idn-hostname": f"host{number % 1000}.example.com",
        "ipv4": f"192.0.2.{number % 254 + 1}",
        "ipv6": f"2001:db8::{number % 0xFFFF:x}",
        "uri": f"https://example.com/{number % 100000}",
        "iri": f"https://example.com/{number % 100000}",
        "uri-reference": f"/{number % 100000}",
        "iri-reference": f"/{number % 100000}",
        "uri-template": f"https://example.com/{number % 100000}/{{name}}",
        "json-pointer": f"/part/{number % 10}",
        "relative-json-pointer": f"{number % 10}/part",
        "regex": "^[a-z]+$",
        "url": f"https://example.com/{number % 100000}",
        "uuid": str(uuid.UUID(int=number | number << 64, version=4)),
        "byte": "AAAA",
    }.get(name)
