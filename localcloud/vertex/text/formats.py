"""Strings with a form: ``format`` names and simple ``pattern`` expressions."""

import re
import uuid

from localcloud.vertex import chance


def formatted(name: str, *seed: object) -> str | None:
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
        "hostname": f"host{number % 1000}.example.com",
        "ipv4": f"192.0.2.{number % 254 + 1}",
        "uri": f"https://example.com/{number % 100000}",
        "url": f"https://example.com/{number % 100000}",
        "uuid": str(uuid.UUID(int=number | number << 64, version=4)),
        "byte": "AAAA",
    }.get(name)


def matching(pattern: str, text: str, *seed: object) -> str | None:
    """A string the pattern accepts, out of common forms; None when none fits (a model would not promise it either)."""
    number = chance.number(*seed)
    digits = str(number)
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    first_word = (re.findall(r"[A-Za-z]+", text) or ["word"])[0]
    hours = f"{number % 24:02}:{number % 60:02}"
    tries = [
        text, slug, slug[:20].strip("-"), slug.replace("-", "_"), first_word.lower(), first_word.capitalize(),
        first_word.upper(), f"#{number % 0xFFFFFF:06x}", f"#{number % 0xFFFFFF:06X}", f"{number % 0xFFFFFF:06x}",
        f"2026-01-{number % 28 + 1:02}", hours, f"{hours}:00", f"{number % 90 + 10}.{number % 90 + 10}",
        *(digits[:length] for length in range(1, 13)),
        *(f"{slug.split('-')[0]}{mark}{digits[:length]}" for mark in "-_" for length in range(1, 5)),
        *(first_word[:3].upper() + "-" + digits[:length] for length in range(1, 7)),
        *("abcdefghijkl"[:length] for length in range(1, 13)), *("ABCDEFGHIJKL"[:length] for length in range(1, 13)),
    ]  # fmt: skip
    try:
        accepts = re.compile(pattern).search
    except re.error:
        return None
    return next((each for each in tries if accepts(each)), None)
