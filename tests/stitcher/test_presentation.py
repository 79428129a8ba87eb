"""What a decoder shows of a clip, compared with what its file lists; and from where it must be decoded."""

from fractions import Fraction

import pytest

from stitcher_service.engine.commands import choose_seek_frame
from stitcher_service.engine.presentation import apply_presentation, find_difference
from stitcher_service.ffmpeg.probe import HIDDEN, VideoTrack
from tests.stitcher.tracks import a_track


def seen(track: VideoTrack, frames: list[int]) -> VideoTrack:
    """The track when a decoder shows these of its frames."""
    return apply_presentation(track, find_difference(track, [track.start_s + track.times_s[frame] for frame in frames]))


@pytest.mark.parametrize("first", [1, 3])
def test_track_without_an_index_begins_later_when_fewer_pictures_are_shown_from_any_zero(first: int) -> None:
    track = a_track(48, is_indexed=False)

    shown = apply_presentation(track, find_difference(track, [Fraction(n, 24) for n in range(48 - first)]))

    assert (shown.frames, shown.start_s) == (48 - first, Fraction(first, 24))


def test_track_stays_as_it_is_when_all_is_shown_that_its_file_lists() -> None:
    track = a_track(48)

    assert seen(track, list(range(48))) is track
    assert apply_presentation(track, find_difference(track, [])) is track


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_track_begins_later_when_its_first_pictures_are_not_shown(missing: int) -> None:
    track = a_track(48)

    shown = seen(track, list(range(missing, 48)))

    assert (shown.frames, shown.start_s) == (48 - missing, Fraction(missing, 24))
    assert shown.times_s == tuple(Fraction(n, 24) for n in range(48 - missing))
    assert shown.packet_frames == tuple(
        frame - missing if frame >= missing else HIDDEN for frame in track.packet_frames
    )
    assert shown.duration_s == track.duration_s - Fraction(missing, 24)


def test_track_ends_earlier_when_its_last_pictures_are_not_shown() -> None:
    track = seen(a_track(48), list(range(46)))

    assert (track.frames, float(track.start_s)) == (46, 0.0)
    assert track.packet_frames.count(HIDDEN) == 2


def test_no_picture_is_copied_or_sought_when_they_are_shown_out_of_their_order() -> None:
    track = a_track(48)

    shown = seen(track, [0, 2, 3, 1, *range(4, 48)])

    assert shown.times_s == track.times_s
    assert not shown.is_indexed
    assert set(shown.packet_frames) == {HIDDEN}


def test_frames_have_the_decoders_times_when_the_file_lists_others() -> None:
    track = a_track(48)
    slow = [Fraction(n, 12) for n in range(48)]

    shown = apply_presentation(track, find_difference(track, slow))

    assert shown.times_s == tuple(slow)
    assert set(shown.packet_frames) == {HIDDEN}


@pytest.mark.parametrize(
    ("first", "closed", "open_group", "other_codec"),
    [(0, 0, 0, 0), (1, 1, 0, 0), (23, 23, 0, 21), (24, 24, 0, 22), (47, 47, 0, 45)],
)
def test_decoding_starts_early_enough_when_a_frame_may_lead_a_keyframe(
    first: int, closed: int, open_group: int, other_codec: int
) -> None:
    only_first = tuple(n == 0 for n in range(72))

    assert choose_seek_frame(a_track(), first) == closed
    assert choose_seek_frame(a_track(packet_is_idr=only_first, keyframes_are_idr=False), first) == open_group
    assert choose_seek_frame(a_track(codec="hevc", keyframes_are_idr=False), first) == other_codec
