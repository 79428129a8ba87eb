"""Colour descriptions by ITU-T H.273 code point: which a film may carry, and what ffmpeg calls them."""

from stitcher_service.ffmpeg.probe import Colour

PRIMARIES = {1: "bt709", 2: "unknown", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m"}
TRANSFERS = {1: "bt709", 2: "unknown", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 13: "iec61966-2-1"}
MATRICES = {1: "bt709", 2: "unknown", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m"}

BT709 = Colour(primaries=1, transfer=1, matrix=1)
UNSPECIFIED = Colour(primaries=2, transfer=2, matrix=2)

_HDR_TRANSFERS = frozenset({16, 18})  # PQ, HLG
_RGB = 0


def is_plain(colour: Colour) -> bool:
    """Whether a film may take over this description: standard range, and known to browsers and to the encoder."""
    known = colour.primaries in PRIMARIES and colour.transfer in TRANSFERS and colour.matrix in MATRICES
    return known and not colour.is_full_range


def is_hdr(colour: Colour) -> bool:
    return colour.transfer in _HDR_TRANSFERS


def looks_alike(one: Colour, other: Colour) -> bool:
    """Whether samples mean the same under both; players take undescribed pictures for BT.709."""
    return one == other or {one, other} == {BT709, UNSPECIFIED}


def matrix_name(colour: Colour) -> str:
    """The matrix for a conversion: undescribed and RGB pictures are taken for BT.709, unknown ones as they say."""
    if colour.matrix in (_RGB, UNSPECIFIED.matrix):
        return "bt709"
    return MATRICES.get(colour.matrix, "auto")


def tags(colour: Colour) -> str:
    """The filter that writes this description on every frame."""
    primaries, transfer, matrix = PRIMARIES[colour.primaries], TRANSFERS[colour.transfer], MATRICES[colour.matrix]
    return f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range=tv"
