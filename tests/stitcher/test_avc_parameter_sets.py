"""Parameter sets of several encodings in one record, unless two of them contradict one another."""

from hypothesis import given
from hypothesis import strategies as st

from stitcher_service.ffmpeg.avc import ParameterSets, build_avcc, is_idr, merge_sets, nal_units


def ue(value: int) -> bytes:
    """An Exp-Golomb code, padded with a stop bit."""
    bits = f"{value + 1:b}"
    padded = ("0" * (len(bits) - 1) + bits + "1").ljust(16, "0")
    return int(padded, 2).to_bytes(2)


def sets(sps_id: int, *, body: bytes = b"\x11", profile: int = 100, level: int = 31) -> ParameterSets:
    sps = bytes((0x67, profile, 0, level)) + ue(sps_id) + body
    return ParameterSets((sps,), (b"\x68" + ue(sps_id) + body,))


def units(*contents: bytes) -> bytes:
    return b"".join(len(content).to_bytes(4) + content for content in contents)


@given(first=st.integers(0, 31), second=st.integers(0, 31))
def test_merged_sets_share_a_record_unless_one_id_means_two_things(first: int, second: int) -> None:
    a, b = sets(first), sets(second, body=b"\x22")

    together = merge_sets([a, b, a])

    if first == second:
        assert together is None
    else:
        assert together == ParameterSets((*a.sps, *b.sps), (*a.pps, *b.pps))


def test_record_read_back_holds_the_same_sets_under_the_highest_profile_and_level() -> None:
    together = merge_sets([sets(0, profile=77, level=42), sets(1, profile=100, level=31)])
    assert together is not None

    record = build_avcc(together)

    assert ParameterSets.from_avcc(record) == together
    assert (record[1], record[3]) == (100, 42)
    assert record.endswith(bytes((0xFD, 0xF8, 0xF8, 0)))


def test_record_has_no_chroma_trailer_when_the_profile_is_main() -> None:
    assert not build_avcc(sets(0, profile=77)).endswith(bytes((0xFD, 0xF8, 0xF8, 0)))


def test_record_gives_no_sets_when_it_is_none_or_has_short_lengths() -> None:
    record = bytearray(build_avcc(sets(0)))
    record[4] = 0xFD

    assert ParameterSets.from_avcc(bytes(record)) is None
    assert ParameterSets.from_avcc(b"\x00\x00\x00\x01\x67") is None
    assert ParameterSets.from_avcc(b"") is None


def test_sets_in_band_are_ordinary_units() -> None:
    one = sets(0)

    assert list(nal_units(one.in_band())) == [*one.sps, *one.pps]


def test_packet_is_idr_when_an_idr_slice_follows_other_units() -> None:
    packet = units(b"\x06sei", b"\x65idr slice", b"\x65more")

    assert is_idr(packet)
    assert not is_idr(units(b"\x06recovery point", b"\x41p slice"))


def pps(pps_id: int, sps_id: int) -> bytes:
    bits = "".join(f"{value + 1:b}".rjust(2 * (value + 1).bit_length() - 1, "0") for value in (pps_id, sps_id))
    return b"\x68" + int((bits + "1").ljust(32, "0"), 2).to_bytes(4)


def test_sets_replace_those_of_the_same_id_when_a_packet_carries_others() -> None:
    known, other = sets(0), sets(0, body=b"\x22")

    assert known.with_units(units(*other.sps, b"\x65slice")) == ParameterSets(other.sps, known.pps)
    assert known.with_units(units(b"\x41slice")) is known


def test_slice_names_its_sets_when_there_are_several() -> None:
    """A slice begins with first_mb_in_slice 0, slice_type 7 and its PPS: bits 1, 0001000 and the id."""
    first, second = sets(0), sets(3)
    both = ParameterSets((*first.sps, *second.sps), (pps(0, 0), pps(1, 3)))
    slice_of_1 = b"\x65" + int("1" + "0001000" + "010" + "00000", 2).to_bytes(2)

    assert both.used_by(units(slice_of_1)) == (second.sps[0], pps(1, 3))
    assert ParameterSets(first.sps, (pps(0, 0),)).used_by(units(slice_of_1)) is None
