"""A contact sheet: the film's keyframes on one page, the first and last one of each scene side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

TILE_PX = (400, 225)
GAP_PX = 16
LABEL_PX = 34
FONT_PX = 18
PAPER, INK, FRAME = "#14161a", "#e8e6e1", "#2a2e36"


@dataclass(frozen=True, slots=True)
class Row:
    """One scene of the sheet: its label and its keyframes."""

    label: str
    images: tuple[Path, ...]


def contact_sheet(rows: Sequence[Row], out: Path) -> Path:
    """Draw the sheet as JPEG. Images keep their aspect ratio; the rest of a tile has the frame's colour."""
    columns = max(len(row.images) for row in rows)
    width_px = GAP_PX + columns * (TILE_PX[0] + GAP_PX)
    row_px = LABEL_PX + TILE_PX[1] + GAP_PX
    sheet = Image.new("RGB", (width_px, GAP_PX + len(rows) * row_px), PAPER)
    for number, row in enumerate(rows):
        _draw_row(sheet, row, GAP_PX + number * row_px, width_px - 2 * GAP_PX)
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, quality=90)
    return out


def _draw_row(sheet: Image.Image, row: Row, top_px: int, label_width_px: int) -> None:
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    label = row.label
    while label and pen.textlength(label, font) > label_width_px:
        label = f"{label[:-2].rstrip()}…"
    pen.text((GAP_PX, top_px), label, INK, font)
    for column, path in enumerate(row.images):
        with Image.open(path) as image:
            tile = ImageOps.pad(image.convert("RGB"), TILE_PX, color=FRAME)
        sheet.paste(tile, (GAP_PX + column * (TILE_PX[0] + GAP_PX), top_px + LABEL_PX))
