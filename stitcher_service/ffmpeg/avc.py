"""H.264 bytes: NAL units, parameter sets and the avcC record (ISO/IEC 14496-15 §5.3.3). Pure functions on bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

IDR_SLICE = 5
SPS = 7
PPS = 8
CODED_SLICES = frozenset({1, 2, 3, 4, IDR_SLICE})

_LENGTH_BYTES = 4
_AVCC_MIN_BYTES = 7
_PROFILES_WITH_CHROMA_FORMAT = frozenset({100, 110, 122, 144})
_EIGHT_BIT_420 = bytes((0xFC | 1, 0xF8, 0xF8, 0))


def nal_units(packet: bytes) -> Iterator[bytes]:
    """The NAL units of one packet whose units carry 4-byte lengths; stops where the lengths stop making sense."""
    at = 0
    while at + _LENGTH_BYTES < len(packet):
        size = int.from_bytes(packet[at : at + _LENGTH_BYTES])
        at += _LENGTH_BYTES
        yield packet[at : at + size]
        at += size


def nal_type(unit: bytes) -> int:
    return unit[0] & 0x1F if unit else 0


def is_idr(packet: bytes) -> bool:
    """Whether decoding can start here whatever came before; a mere recovery point is not enough."""
    return any(nal_type(unit) == IDR_SLICE for unit in nal_units(packet))


def coded_slices(packet: bytes) -> tuple[bytes, ...]:
    return tuple(unit for unit in nal_units(packet) if nal_type(unit) in CODED_SLICES)


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What a decoder must know before the first slice: SPS and PPS units, in order."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]

    @classmethod
    def from_avcc(cls, record: bytes) -> "ParameterSets | None":
        """``None`` unless `record` is an avcC whose packets use 4-byte lengths."""
        if len(record) < _AVCC_MIN_BYTES or record[0] != 1 or record[4] & 3 != _LENGTH_BYTES - 1:
            return None
        sps, at = _units(record, 6, record[5] & 0x1F)
        pps, _ = _units(record, at + 1, record[at] if at < len(record) else 0)
        return cls(sps, pps) if sps and pps else None

    def in_band(self) -> bytes:
        """The same sets as length-prefixed units, to stand in front of an IDR packet."""
        return b"".join(len(unit).to_bytes(_LENGTH_BYTES) + unit for unit in (*self.sps, *self.pps))


def _units(record: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    units = []
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2])
        units.append(record[at + 2 : at + 2 + size])
        at += 2 + size
    return tuple(units), at


def merge(sets: Iterable[ParameterSets]) -> ParameterSets | None:
    """One collection that serves all pieces; ``None`` when two pieces mean different things by the same id.

    The id follows a few fixed bytes in an SPS and comes first in a PPS (ITU-T H.264 §7.3.2), so both are compared.
    """
    sps: dict[int, bytes] = {}
    pps: dict[int, bytes] = {}
    for one in sets:
        for units, known, id_at in ((one.sps, sps, 4), (one.pps, pps, 1)):
            for unit in units:
                if known.setdefault(_exp_golomb(unit[id_at:]), unit) != unit:
                    return None
    return ParameterSets(tuple(sps.values()), tuple(pps.values()))


def _exp_golomb(data: bytes) -> int:
    """The first ue(v) of `data` (ITU-T H.264 §9.1); set ids are at most 255, so a few bytes hold it."""
    bits = "".join(f"{byte:08b}" for byte in data[:4])
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1


def avcc(sets: ParameterSets) -> bytes:
    """The avcC record that announces `sets`: the highest profile and level among them, 4-byte lengths."""
    profile, compatibility, _ = max(sets.sps, key=lambda unit: unit[1])[1:4]
    level = max(unit[3] for unit in sets.sps)
    head = bytes((1, profile, compatibility, level, 0xFF, 0xE0 | len(sets.sps)))
    sps = b"".join(len(unit).to_bytes(2) + unit for unit in sets.sps)
    pps = b"".join(len(unit).to_bytes(2) + unit for unit in sets.pps)
    trailer = _EIGHT_BIT_420 if profile in _PROFILES_WITH_CHROMA_FORMAT else b""
    return head + sps + bytes((len(sets.pps),)) + pps + trailer
