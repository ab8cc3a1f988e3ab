"""Money: an int of millionths of the account's currency, exact until it is shown."""

from decimal import Decimal

MILLIONTHS = 1_000_000  # millionths in one
ROUNDING_UNIT = 1_000  # millionths in the last decimal shown


def parse_amount(amount: float | str) -> int:
    """Return *amount*, as a fixture writes it, in millionths; ``0.3`` is 300000.

    Raises ``ValueError`` for more than six decimals.
    """
    millionths = Decimal(str(amount)) * MILLIONTHS
    if millionths != millionths.to_integral_value():
        message = f"{amount} has more than six decimals"
        raise ValueError(message)
    return int(millionths)


def to_exact_amount(millionths: int) -> int | float:
    """Return *millionths* as a fixture writes them, so that ``parse`` gives them back.

    Exact up to 15 digits, and for whatever was parsed from a number.
    """
    whole, rest = divmod(millionths, MILLIONTHS)
    return millionths / MILLIONTHS if rest else whole


def to_rounded_amount(millionths: int) -> int | float:
    """Return the number an answer carries: three decimals, whole where it is whole.

    Source: manual SMS-46, an example with three decimals.
    """
    thousandths = round(millionths / ROUNDING_UNIT)
    return thousandths // 1000 if thousandths % 1000 == 0 else thousandths / 1000
