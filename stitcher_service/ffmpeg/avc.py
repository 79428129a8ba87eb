"""H.264 bytes: NAL units, parameter sets and the avcC record (ISO/IEC 14496-15 §5.3.3). Pure functions on bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

IDR_SLICE = 5
SPS = 7
PPS = 8
_CODED_SLICES = frozenset({1, 2, 3, 4, IDR_SLICE})

_LENGTH_BYTES = 4
_CODED_IDS_BYTES = 16
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
    """The kind of a unit (ITU-T H.264 table 7-1)."""
    return unit[0] & 0x1F if unit else 0


def is_idr(packet: bytes) -> bool:
    """Whether decoding can start here whatever came before; a mere recovery point is not enough."""
    return any(nal_type(unit) == IDR_SLICE for unit in nal_units(packet))


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

    def with_units(self, packet: bytes) -> "ParameterSets":
        """These sets as a decoder knows them once it has read `packet`: units in it replace those of the same id."""
        carried = [unit for unit in nal_units(packet) if nal_type(unit) in {SPS, PPS}]
        if not carried:
            return self
        sps = _by_id((*self.sps, *(unit for unit in carried if nal_type(unit) == SPS)))
        pps = _by_id((*self.pps, *(unit for unit in carried if nal_type(unit) == PPS)))
        return ParameterSets(tuple(sps.values()), tuple(pps.values()))

    def used_by(self, packet: bytes) -> tuple[bytes, bytes] | None:
        """The SPS and PPS that the first slice in `packet` refers to; None if one of them is not there.

        A slice names its PPS in its third field, a PPS its SPS in its second (ITU-T H.264 §7.3.3 and §7.3.2.2).
        """
        slice_unit = next((unit for unit in nal_units(packet) if nal_type(unit) in _CODED_SLICES), b"")
        named = _by_id(self.pps).get(_exp_golomb_codes(slice_unit[1:], 3)[2])
        described = _by_id(self.sps).get(_exp_golomb_codes(named[1:], 2)[1]) if named else None
        return (described, named) if described and named else None

    def in_band(self) -> bytes:
        """The same sets as length-prefixed units, to be put before an IDR packet."""
        return b"".join(len(unit).to_bytes(_LENGTH_BYTES) + unit for unit in (*self.sps, *self.pps))


def _units(record: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    units = []
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2])
        units.append(record[at + 2 : at + 2 + size])
        at += 2 + size
    return tuple(units), at


def merge_sets(sets: Iterable[ParameterSets]) -> ParameterSets | None:
    """One collection that serves all of `sets`; ``None`` when two of them mean different things by the same id."""
    known = list(sets)
    sps = tuple(dict.fromkeys(unit for one in known for unit in one.sps))
    pps = tuple(dict.fromkeys(unit for one in known for unit in one.pps))
    is_clear = len(sps) == len(_by_id(sps)) and len(pps) == len(_by_id(pps))
    return ParameterSets(sps, pps) if is_clear else None


def _by_id(units: Iterable[bytes]) -> dict[int, bytes]:
    """The id follows a few fixed bytes in an SPS and comes first in a PPS (ITU-T H.264 §7.3.2)."""
    return {_exp_golomb_codes(unit[4 if nal_type(unit) == SPS else 1 :], 1)[0]: unit for unit in units}


def _exp_golomb_codes(data: bytes, count: int) -> list[int]:
    """The first `count` ue(v) of `data` (ITU-T H.264 §9.1), 0 where it ends too soon; only small ones are needed."""
    bits = "".join(f"{byte:08b}" for byte in data[:_CODED_IDS_BYTES])
    codes = []
    for _ in range(count):
        zeros = len(bits) - len(bits.lstrip("0"))
        codes.append(int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1)
        bits = bits[2 * zeros + 1 :]
    return codes


def build_avcc(sets: ParameterSets) -> bytes:
    """The avcC record that announces `sets`: the highest profile and level among them, 4-byte lengths."""
    profile, compatibility, _ = max(sets.sps, key=lambda unit: unit[1])[1:4]
    level = max(unit[3] for unit in sets.sps)
    head = bytes((1, profile, compatibility, level, 0xFF, 0xE0 | len(sets.sps)))
    sps = b"".join(len(unit).to_bytes(2) + unit for unit in sets.sps)
    pps = b"".join(len(unit).to_bytes(2) + unit for unit in sets.pps)
    trailer = _EIGHT_BIT_420 if profile in _PROFILES_WITH_CHROMA_FORMAT else b""
    return head + sps + bytes((len(sets.pps),)) + pps + trailer
