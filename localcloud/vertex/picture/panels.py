"""Several pictures in one: panels in rows and columns with white lines between, as a prompt may ask for.

A model draws the lines roughly where they belong: here each one is a little off, by the request's seed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from localcloud.vertex import chance

LINE = (255, 255, 255)
_LAYOUT = re.compile(r"\bpanels in (\d+) columns? and (\d+) rows?\b")
_PANEL = re.compile(r"^Panel \d+: (.+)$", re.MULTILINE)
_OFF_SHARE = 0.012  # of a panel's side, at most
_LINE_SHARE = (0.006, 0.014)  # of a panel's side


@dataclass(frozen=True, slots=True)
class Layout:
    columns: int
    rows: int
    prompts: tuple[str, ...]

    def boxes(self, width_px: int, height_px: int, seed: str) -> Iterator[tuple[int, int, int, int]]:
        """Left, top, right and bottom of each panel, row by row."""
        across = _parts(width_px, self.columns, (seed, "column"))
        down = _parts(height_px, self.rows, (seed, "row"))
        return ((left, top, right, bottom) for top, bottom in down for left, right in across)


def read_layout(prompt: str) -> Layout | None:
    """The panels that a prompt asks for; None when it asks for one picture."""
    found, prompts = _LAYOUT.search(prompt), tuple(_PANEL.findall(prompt))
    if found is None:
        return None
    columns, rows = int(found[1]), int(found[2])
    return Layout(columns, rows, prompts) if len(prompts) == columns * rows else None


def _parts(length_px: int, count: int, seed: tuple[object, ...]) -> list[tuple[int, int]]:
    """Where each panel begins and ends; lines between them, none around them."""
    side = length_px / count
    ends, start = [], 0
    for n in range(1, count):
        middle = n * side + chance.between(-_OFF_SHARE, _OFF_SHARE, *seed, n) * side
        half = max(1.0, chance.between(*_LINE_SHARE, *seed, n, "line") * side / 2)
        ends.append((start, round(middle - half)))
        start = round(middle + half)
    return [*ends, (start, length_px)]
