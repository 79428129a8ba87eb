"""Find bars: strips of one colour along two opposite edges, which an image model adds when it draws another shape.

A bar is flat, has the colour of the one opposite, and ends in a straight edge all along the picture, behind which the
picture has other colours up to both sides. A night sky, snow or a black backdrop may be as flat, but what stands before
it begins at no straight edge, leaves the backdrop on all sides, or fades in.
"""

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

# Depths are shares of the picture's height (or width). Measured on drawn examples (tests/unit/adapters/test_bars.py).
LEAST_DEPTH, MOST_DEPTH = 0.02, 0.42
MOST_BORDER_DEPTH = 0.12  # of each of four bars: a thing on a plain backdrop leaves more around it
_LEAST_LIKENESS = 0.5  # of the thinner bar's depth to the thicker one's
_MOST_COLOURS_APART = 14
_LEAST_TOLERANCE, _MOST_TOLERANCE = 3, 8  # of a bar's pixels from its colour: flat, or with the noise of a JPEG
_LEAST_STEP = 4  # beyond the tolerance, from the bar to what begins behind it
_STRAY_SHARE = 0.02  # of a line in a bar
_EDGE_SHARE, _CONTENT_SHARE = 0.7, 0.4  # of other colours: in the line behind an edge, and between both bars
_SOFT_LINES = 4  # in which an edge may lie, by the artefacts of a JPEG
_WORKING_PX = 344  # the longer side: noise is averaged away
_FULL = 255


@dataclass(frozen=True, slots=True)
class Bars:
    """How deep the bar along each edge is, in pixels."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


@dataclass(frozen=True, slots=True)
class _Strip:
    """The first lines of a picture that have one colour."""

    depth: int
    colour: tuple[int, ...]
    tolerance: int


def find_bars(picture: "Image") -> Bars | None:
    """The bars of an RGB picture; None when it has none."""
    from PIL import Image  # noqa: PLC0415 - cold start

    factor = max(1, round(max(picture.size) / _WORKING_PX))
    lying = picture.reduce(factor)
    standing = lying.transpose(Image.Transpose.TRANSPOSE)
    least = LEAST_DEPTH * min(lying.size)
    top, bottom = _edges(lying)
    left, right = _edges(standing)
    if top.depth + bottom.depth >= lying.height or left.depth + right.depth >= lying.width:
        return None  # one colour and little else
    if min(left.depth, right.depth) >= least and min(top.depth, bottom.depth) >= least:
        inner = lying.crop((left.depth, 0, lying.width - right.depth, lying.height))
        inner_standing = standing.crop((top.depth, 0, standing.width - bottom.depth, standing.height))
        across = _find_pair(inner, (top, bottom), least, MOST_BORDER_DEPTH)
        along = _find_pair(inner_standing, (left, right), least, MOST_BORDER_DEPTH)
        if not across or not along:
            return None
        found = Bars(along[0], across[0], along[1], across[1])
    elif across := _find_pair(lying, (top, bottom), least, MOST_DEPTH):
        found = Bars(top=across[0], bottom=across[1])
    elif along := _find_pair(standing, (left, right), least, MOST_DEPTH):
        found = Bars(left=along[0], right=along[1])
    else:
        return None
    return Bars(*(depth * factor for depth in astuple(found)))


def _edges(picture: "Image") -> tuple[_Strip, _Strip]:
    from PIL import Image  # noqa: PLC0415 - cold start

    return _flat_strip(picture), _flat_strip(picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM))


def _flat_strip(picture: "Image") -> _Strip:
    from PIL import ImageStat  # noqa: PLC0415 - cold start

    outermost = max(2, round(LEAST_DEPTH / 2 * picture.height))
    seen = ImageStat.Stat(picture.crop((0, 0, picture.width, outermost)))
    colour = tuple(int(value) for value in seen.median)
    tolerance = round(min(max(3 * max(seen.stddev), _LEAST_TOLERANCE), _MOST_TOLERANCE))
    shares = _other_colours(picture, colour, tolerance)
    depth = next((line for line, share in enumerate(shares) if share > _STRAY_SHARE), picture.height)
    return _Strip(depth, colour, tolerance)


def _find_pair(picture: "Image", strips: tuple[_Strip, _Strip], least: float, most: float) -> tuple[int, int] | None:
    """How deep the bars along the first and last lines are; None where the strips are no bars."""
    from PIL import Image  # noqa: PLC0415 - cold start

    first, last = strips
    thin, thick = sorted((first.depth, last.depth))
    colours_apart = max(abs(one - other) for one, other in zip(first.colour, last.colour, strict=True))
    if not least <= thin <= thick <= most * picture.height or thin < _LEAST_LIKENESS * thick:
        return None
    if colours_apart > _MOST_COLOURS_APART:
        return None
    turned = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    depths = _find_edge(picture, first), _find_edge(turned, last)
    if depths[0] is None or depths[1] is None:
        return None
    shares = _other_colours(picture, first.colour, first.tolerance + _LEAST_STEP)[depths[0] : -depths[1]]
    is_picture = sum(shares) >= _CONTENT_SHARE * len(shares)
    return (depths[0], depths[1]) if is_picture else None


def _find_edge(picture: "Image", strip: _Strip) -> int | None:
    """The first line of the picture behind a bar; None where it begins at no straight edge, or fades in."""
    shares = _other_colours(picture, strip.colour, strip.tolerance + _LEAST_STEP)
    lines = range(strip.depth, min(strip.depth + _SOFT_LINES + 1, picture.height - 3))
    edge = next((line for line in lines if shares[line] >= _EDGE_SHARE), None)
    if edge is None:
        return None
    means = _line_means(_difference(picture, strip.colour))
    rise, further = means[edge + 1] - means[strip.depth - 1], means[edge + 3] - means[edge + 1]
    return edge + 1 if rise > 2 * further else None


def _other_colours(picture: "Image", colour: tuple[int, ...], tolerance: int) -> list[float]:
    """For each line, the share of its pixels that are further than this from a colour."""
    mask = _difference(picture, colour).point([_FULL if value > tolerance else 0 for value in range(_FULL + 1)])
    return [mean / _FULL for mean in _line_means(mask)]


def _difference(picture: "Image", colour: tuple[int, ...]) -> "Image":
    """The largest difference of the three colours, for each pixel."""
    from PIL import Image, ImageChops  # noqa: PLC0415 - cold start

    red, green, blue = ImageChops.difference(picture, Image.new("RGB", picture.size, colour)).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _line_means(grey: "Image") -> tuple[int, ...]:
    """The mean of each line, in whole numbers."""
    from PIL import Image  # noqa: PLC0415 - cold start

    return tuple(grey.resize((1, grey.height), Image.Resampling.BOX).tobytes())
