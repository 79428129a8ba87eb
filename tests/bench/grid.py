"""``make bench``: all keyframes of a film as panels of one large picture, compared with drawing each by itself.

Prices and chances of refusal are the registry's, waits the estimate's: seconds of a 1K picture, and as much longer for
a larger one as it has more tokens (assumed: nobody has measured it). Borders are measured on the stand-in, which draws
the lines between panels up to 1.2 % of a panel off, as a model may. It cannot say whether a real model keeps to rows
and columns at all, or draws the same person in all of them (docs/adr/0022). What a frame loses of its pixels is
measured on single pictures at 4K, scaled to a panel and up again: the stand-in paints another raster at each size.
"""

import io
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from google import genai
from google.genai import types
from numpy.typing import NDArray
from PIL import Image, ImageOps

from localcloud.tests.loopback import free_port
from localcloud.tests.vertex.harness import FakeVertex, pictures_of, pixels, psnr_db
from localcloud.vertex.picture.panels import Layout
from promptreel.adapters.images import fit_to_frame
from promptreel.domain.estimate import assumptions
from promptreel.domain.models import ImageModel, ImageSize, TokenUsage, registry
from promptreel.domain.remedies import MAX_TRIES

MODEL = "gemini-nano-banana-2.1"
VIDEO, CLIP_S = "veo-3.1-fast-generate-001", 8
FRAMES_PX = {"720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
FILMS = (4, 8, 16)
SHEETS, SHEETS_OF_A_KEYFRAME = 3, 2  # of a film: two persons and a place; of what a keyframe shows
LINE_SHARE = 0.026  # of a panel's side: what lines and their inaccuracy may take
SEED = 7
WHITE, WHITE_SHARE = 215, 0.98  # a line between panels is so bright over so much of its length
TODAY = datetime.now(UTC)
IDEAS = (
    "A lighthouse keeper climbs the tower at dusk",
    "A boat leaves the harbour in a storm",
    "A fox crosses the snow at dawn",
    "A baker opens her shop in the city at morning",
)
SIZES: tuple[ImageSize, ...] = ("1K", "2K", "4K")


@dataclass(frozen=True, slots=True)
class Way:
    """How the keyframes of a film may be drawn, in numbers."""

    name: str
    pictures: int
    micros: int
    wait_s: float
    refused: float  # chance that the film stops, because one picture is refused in every attempt
    redraw_micros: int  # of one keyframe that is found bad


def main() -> int:
    model = registry().image_model(MODEL)
    _row("panels of one picture that lose nothing", " / ".join(SIZES))
    for name, frame_px in FRAMES_PX.items():
        counts = [math.prod(largest_grid(model, size, frame_px)) for size in SIZES]
        _row(f"  frames of {name}", " / ".join(map(str, counts)))
    for name, frame_px in (("720p", FRAMES_PX["720p"]), ("1080p", FRAMES_PX["1080p"])):
        for scenes in FILMS:
            _compare(model, name, frame_px, scenes)
    _measure(model)
    return 0


def largest_grid(model: ImageModel, size: ImageSize, frame_px: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of panels that are at least as large as the frame; (0, 0) where none is."""
    drawn = model.picture_px[size]
    columns, rows = (int(side * (1 - LINE_SHARE) // wanted) for side, wanted in zip(drawn, frame_px, strict=True))
    return (min(columns, rows),) * 2 if columns and rows else (0, 0)


def _compare(model: ImageModel, name: str, frame_px: tuple[int, int], scenes: int) -> None:
    keyframes, size = scenes + 1, model.size_for(frame_px)
    video = registry().video_model(VIDEO)
    resolution = "720p" if name == "720p" else "1080p"
    clips = scenes * CLIP_S * video.second_micros(resolution, TODAY, audio=True)  # type: ignore[arg-type]
    _row(f"film of {scenes} scenes, {name}", f"clips {clips / 1e6:.2f} USD")
    for way in _ways(model, size, frame_px, keyframes):
        share = way.micros / (way.micros + clips)
        _row(
            f"  {way.name}, {way.pictures} pictures",
            f"{way.micros / 1e6:.3f} USD ({share:.1%}), {way.wait_s:.0f} s, stopped {way.refused:.2%}, "
            f"one again {way.redraw_micros / 1e6:.3f} USD",
        )


def _ways(model: ImageModel, size: ImageSize, frame_px: tuple[int, int], keyframes: int) -> Iterator[Way]:
    one, refused = draw_s(model, size), model.usual_refusals
    stopped = refused**MAX_TRIES
    chained, alone = price_micros(model, size, 1), price_micros(model, size, 0)
    yield Way(
        "chain", keyframes, alone + (keyframes - 1) * chained, keyframes * one, _any_of(stopped, keyframes), chained
    )
    sheet, drawn = price_micros(model, "1K", 0), price_micros(model, size, SHEETS_OF_A_KEYFRAME)
    yield Way(
        "sheet",
        SHEETS + keyframes,
        SHEETS * sheet + keyframes * drawn,
        draw_s(model, "1K") + one,
        _any_of(stopped, SHEETS + keyframes),
        drawn,
    )
    for grid_size in SIZES:
        panels = math.prod(largest_grid(model, grid_size, frame_px))
        if panels < 2:
            continue
        count = -(-keyframes // panels)
        price = price_micros(model, grid_size, 0, panels)
        all_refused = [_any_of(refused, min(panels, keyframes - n * panels)) ** MAX_TRIES for n in range(count)]
        film_refused = 1 - math.prod(1 - one for one in all_refused)
        yield Way(f"grid at {grid_size}", count, count * price, draw_s(model, grid_size), film_refused, price)


def price_micros(model: ImageModel, size: ImageSize, references: int, prompts: int = 1) -> int:
    """What one picture costs whose prompt describes so many keyframes."""
    tokens = prompts * assumptions().tokens.keyframe_prompt + references * model.reference_tokens
    words = assumptions().tokens.keyframe_words
    return model.cost_micros(TokenUsage(input=tokens, output=words, picture=model.picture_tokens[size]), TODAY)


def draw_s(model: ImageModel, size: ImageSize) -> float:
    return assumptions().seconds.keyframe * model.picture_tokens[size] / model.picture_tokens["1K"]


def _any_of(chance: float, count: int) -> float:
    return 1 - (1 - chance) ** count


def _measure(model: ImageModel) -> None:
    """Ask the stand-in for grids, and for pictures alone."""
    with FakeVertex(free_port(), "http://127.0.0.1:9").started() as vertex:
        client = vertex.client()
        for size, side in (("2K", 2), ("2K", 3), ("4K", 2), ("4K", 4)):
            ideas = [f"{IDEAS[n % len(IDEAS)]}, picture {n + 1}." for n in range(side * side)]
            for kind in ("image/png", "image/jpeg"):
                sheet = draw(client, _grid_prompt(ideas, side), size, kind)
                found = find_panels(sheet, side, side)
                drawn_px = Image.open(io.BytesIO(sheet)).size
                wanted = list(Layout(side, side, ()).boxes(*drawn_px, f"{SEED}/None"))
                off = f"off by {_off_px(found, wanted)} px at most" if found else "not found"
                _row(f"borders of {side}x{side} panels at {size}, {kind}", off)
        alone = [draw(client, idea, "4K") for idea in IDEAS]
    for name in ("720p", "1080p"):
        frame_px = FRAMES_PX[name]
        drawn_px = model.picture_px[model.size_for(frame_px)]
        _row(f"frames of {name} drawn alone, {drawn_px[0]}x{drawn_px[1]}", _losses(alone, drawn_px, frame_px))
        for size, side in (("2K", 2), ("2K", 3), ("4K", 2), ("4K", 3), ("4K", 4)):
            width, height = (int(px / side * (1 - LINE_SHARE)) for px in model.picture_px[size])  # type: ignore[index]
            _row(f"  of {side}x{side} panels at {size}, {width}x{height}", _losses(alone, (width, height), frame_px))


def _losses(alone: Sequence[bytes], drawn_px: tuple[int, int], frame_px: tuple[int, int]) -> str:
    """How alike frames from pictures of this size are to frames from the same pictures at 4K."""
    found = []
    for picture in alone:
        small = io.BytesIO()
        with Image.open(io.BytesIO(picture)) as opened:
            ImageOps.fit(opened.convert("RGB"), drawn_px, Image.Resampling.BOX).save(small, "PNG", compress_level=1)
        one, other = (pixels(fit_to_frame(each, frame_px).data) for each in (small.getvalue(), picture))
        found.append(psnr_db(one, other))
    return f"PSNR {sum(found) / len(found):.1f} dB, {min(found):.1f} dB at worst"


def _grid_prompt(ideas: Sequence[str], side: int) -> str:
    head = f"One picture of panels in {side} columns and {side} rows, with straight white lines between them."
    return "\n".join((head, *(f"Panel {n}: {idea}" for n, idea in enumerate(ideas, start=1))))


def draw(client: genai.Client, prompt: str, size: str, mime_type: str = "image/png") -> bytes:
    """One picture by the stand-in."""
    image = types.ImageConfig(aspect_ratio="16:9", image_size=size, output_mime_type=mime_type)
    config = types.GenerateContentConfig(response_modalities=["IMAGE"], image_config=image, seed=SEED)
    (picture,) = pictures_of(client.models.generate_content(model=MODEL, contents=prompt, config=config))
    return picture


def find_panels(picture: bytes, columns: int, rows: int) -> list[tuple[int, int, int, int]] | None:
    """The box of each panel, row by row; None where the lines between them are not found."""
    is_white = pixels(picture).min(axis=2) >= WHITE
    across = _parts(is_white.mean(axis=0), columns)
    down = _parts(is_white.mean(axis=1), rows)
    if across is None or down is None:
        return None
    return [(left, top, right, bottom) for top, bottom in down for left, right in across]


def _parts(whiteness: NDArray[np.float64], count: int) -> list[tuple[int, int]] | None:
    """Begin and end of each stretch between white lines."""
    is_line = np.concatenate(([True], whiteness >= WHITE_SHARE, [True]))
    edges = np.flatnonzero(np.diff(is_line.astype(int)))
    parts = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    return parts if len(parts) == count else None


def _off_px(found: Sequence[tuple[int, ...]], wanted: Sequence[tuple[int, ...]]) -> int:
    return int(np.abs(np.array(found) - np.array(wanted)).max())


def _row(what: str, figure: str) -> None:
    sys.stdout.write(f"{what:48} {figure}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
