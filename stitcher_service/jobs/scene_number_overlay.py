"""A scene's number on its picture, drawn from boxes as a seven-segment display does: no font needed. Pure."""

# The segments of each digit: top, upper left, upper right, middle, lower left, lower right, bottom.
_LIT = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011")
_LINE = "white@0.85"
_GROUND = "black@0.45"


def number_filters(number: int, height_px: int) -> tuple[str, ...]:
    """The filters that write `number` in the lower left corner of a picture so high."""
    unit = max(2, height_px // 90)
    digits = str(number)
    left, top = 3 * unit, height_px - 14 * unit
    ground = _box(left - unit, top - unit, 6 * unit * len(digits) + unit, 11 * unit + unit, _GROUND)
    strokes = (
        stroke
        for place, digit in enumerate(digits)
        for stroke in _digit(int(digit), left + 6 * unit * place, top, unit)
    )
    return (ground, *strokes)


def _digit(digit: int, left: int, top: int, unit: int) -> tuple[str, ...]:
    """Four units wide, ten high, lines one unit thick and none over another."""
    across, down = 2 * unit, 3 * unit + unit // 2
    right, middle, low = left + 3 * unit, top + 9 * unit // 2, top + 9 * unit
    places = (
        (left + unit, top, across, unit),
        (left, top + unit, unit, down),
        (right, top + unit, unit, down),
        (left + unit, middle, across, unit),
        (left, middle + unit, unit, low - middle - unit),
        (right, middle + unit, unit, low - middle - unit),
        (left + unit, low, across, unit),
    )
    lit = zip(_LIT[digit], places, strict=True)
    return tuple(_box(*place, _LINE) for is_lit, place in lit if is_lit == "1")


def _box(x: int, y: int, width: int, height: int, colour: str) -> str:
    return f"drawbox=x={x}:y={y}:w={width}:h={height}:color={colour}:t=fill"
