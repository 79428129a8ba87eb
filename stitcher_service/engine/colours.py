"""Colour descriptions by ITU-T H.273 code point: which a film may carry, and what ffmpeg calls them."""

from dataclasses import replace

from stitcher_service.ffmpeg.probe import Colour

PRIMARIES = frozenset({1, 2, 5, 6, 7})  # BT.709, unspecified, BT.470 BG, SMPTE 170M, SMPTE 240M
TRANSFERS = PRIMARIES | {13}  # sRGB
MATRICES = {1: "bt709", 2: "unknown", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m"}

BT709 = Colour(primaries=1, transfer=1, matrix=1)
UNSPECIFIED = Colour(primaries=2, transfer=2, matrix=2)

_HDR_TRANSFERS = frozenset({16, 18})  # PQ, HLG
_RGB = 0
_BT2020 = 9  # the code point of its primaries, and of its matrix
_BT2020_CONSTANT = 10
_ICTCP = 14  # defined for the primaries of BT.2020 alone
_RESERVED = frozenset({0, 3})
# What the filters take, tried one by one with ffmpeg 9.0; others end the run with "Impossible to convert" or
# "no path between colorspaces".
_SCALE_TRANSFERS = frozenset(range(1, 19)) - {3, 9, 10}
_SCALE_MATRICES = frozenset({0, 1, 2, 4, 5, 6, 7, 9})
_ZSCALE_PRIMARIES = frozenset(range(1, 13)) - {2, 3, 10} | {22}
_ZSCALE_MATRICES = frozenset({1, 4, 5, 6, 7, 8, 9, 12, 13, 14})


def is_plain(colour: Colour) -> bool:
    """Whether a film may take over this description: standard range, and known to browsers and to the encoder."""
    known = colour.primaries in PRIMARIES and colour.transfer in TRANSFERS and colour.matrix in MATRICES
    return known and not colour.is_full_range


def is_hdr(colour: Colour) -> bool:
    """Whether it needs tone mapping."""
    return colour.transfer in _HDR_TRANSFERS


def complete_description(colour: Colour, *, is_rgb: bool = False) -> Colour:
    """The description with what is missing or means nothing to ffmpeg's filters replaced by what is most likely.

    The transfers of HDR go with BT.2020 (ITU-R BT.2100); anything else is left unspecified.
    """
    if not is_hdr(colour):
        return make_scalable(colour)
    is_free = colour.primaries in _ZSCALE_PRIMARIES and colour.matrix != _ICTCP
    primaries = colour.primaries if is_free else _BT2020
    matrix = colour.matrix if colour.matrix in _ZSCALE_MATRICES else _BT2020
    return replace(colour, primaries=primaries, matrix=_RGB if is_rgb else matrix)


def make_scalable(colour: Colour) -> Colour:
    """The description with what the scale filter refuses replaced."""
    matrix = _BT2020 if colour.matrix == _BT2020_CONSTANT else colour.matrix
    return replace(
        colour,
        primaries=colour.primaries if colour.primaries not in _RESERVED else UNSPECIFIED.primaries,
        transfer=colour.transfer if colour.transfer in _SCALE_TRANSFERS else UNSPECIFIED.transfer,
        matrix=matrix if matrix in _SCALE_MATRICES else UNSPECIFIED.matrix,
    )


def looks_alike(one: Colour, other: Colour) -> bool:
    """Whether samples mean the same under both; players take undescribed pictures for BT.709."""
    return one == other or {one, other} == {BT709, UNSPECIFIED}


def matrix_name(colour: Colour) -> str:
    """The matrix for a conversion: undescribed and RGB pictures are taken for BT.709, unknown ones as they say."""
    if colour.matrix in (_RGB, UNSPECIFIED.matrix):
        return "bt709"
    return MATRICES.get(colour.matrix, "auto")


def correction_filters(given: Colour, meant: Colour) -> tuple[str, ...]:
    """The filter that makes frames with the description `given` carry `meant`; none where both mean the same."""
    return () if looks_alike(given, meant) else (tag_filter(meant),)


def tag_filter(colour: Colour) -> str:
    """The filter that writes this description on every frame."""
    span = "pc" if colour.is_full_range else "tv"
    points = f"color_primaries={colour.primaries}:color_trc={colour.transfer}:colorspace={colour.matrix}"
    return f"setparams={points}:range={span}"
