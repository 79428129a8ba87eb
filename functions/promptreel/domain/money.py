"""Money is whole micro-dollars (1 USD = 1,000,000); dollars exist only as decimal text at the edges."""

from decimal import Decimal

MICROS_PER_USD = 1_000_000


def parse_usd(usd: Decimal | str) -> int:
    """Whole micro-dollars of an amount in dollars. Raises: ValueError for fractions of a micro-dollar."""
    amount = Decimal(usd) * MICROS_PER_USD
    if amount != int(amount):
        raise ValueError(f"{usd} USD is finer than a micro-dollar")
    return int(amount)


def format_usd(amount_micros: int) -> str:
    """Decimal dollars with at least two places and no more than needed: ``0.40``, ``0.000125``."""
    amount = Decimal(amount_micros).scaleb(-6)
    cents = amount.quantize(Decimal("0.01"))
    return str(cents) if cents == amount else f"{amount.normalize():f}"


def per_million(*parts: tuple[int, int], tenths: int = 10) -> int:
    """Price of several token counts, each with its price in micros per million tokens, rounded up once.

    ``tenths`` is the share of that price to pay: 11 for a surcharge of a tenth.
    """
    return -(-sum(tokens * price for tokens, price in parts) * tenths // 10_000_000)
