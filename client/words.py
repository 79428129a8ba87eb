"""How values read to a person: money, times, counts. Pure text, no layout."""

from datetime import datetime
from decimal import Decimal

MICROS_PER_USD = 1_000_000


def plain(text: str) -> str:
    """One line without control characters: descriptions come from a model, and a terminal obeys what it is sent."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def dollars(usd: str) -> str:
    """At least two places and no more than needed: ``$0.40``, ``$0.000125``."""
    amount = Decimal(usd)
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents}" if cents == amount else f"${amount.normalize():f}"


def dollars_of(micros: int) -> str:
    return dollars(str(Decimal(micros) / MICROS_PER_USD))


def clock_time(seconds: float) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def film_time(seconds: float) -> str:
    """``32 s``, ``31.5 s``."""
    return f"{seconds:g} s"


def elapsed_s(created: str, until: datetime) -> float:
    """Seconds from an ISO 8601 moment, as the API writes it, until another."""
    return (until - moment(created)).total_seconds()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
