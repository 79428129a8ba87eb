"""A cut list is read exactly as documented, or refused in one line that names the file and the field."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from stitcher_service.engine.cutlist import CutList, read_cut_list
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.timeline import build_timeline


def a_cut_list(**overrides: Any) -> dict[str, Any]:
    return {"size": [1280, 720], "fps": 24, "clips": [{"path": "a.mp4"}], **overrides}


def test_shortest_cut_list_has_defaults_for_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "cuts.json"
    file.write_text(json.dumps(a_cut_list()))

    cut_list = read_cut_list(file)

    assert cut_list.clips[0].in_s == 0
    assert cut_list.clips[0].out_s is None
    assert cut_list.soundtrack is None
    assert cut_list.loudness_lufs is None
    assert cut_list.rate == 24


def test_full_cut_list_is_the_same_when_written_and_read_back() -> None:
    transition = {"kind": "crossfade", "duration_s": 0.5}
    clips = [{"path": "a.mp4", "in_s": 0.5, "out_s": 7.5, "transition": transition}, {"path": "b.mp4"}]
    music = {"path": "music.mp3", "gain_db": -6.0, "duck_db": -9.0}
    cut_list = CutList.model_validate(a_cut_list(clips=clips, soundtrack=music, loudness_lufs=-14.0))

    assert CutList.model_validate_json(cut_list.model_dump_json()) == cut_list


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (24, Fraction(24)),
        (23.976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (25.0, Fraction(25)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_rate_written_as_a_decimal_is_the_exact_rate(written: float, meant: Fraction) -> None:
    assert CutList.model_validate(a_cut_list(fps=written)).rate == meant


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"clips": []}, "clips"),
        ({"size": [1281, 720]}, "size.0"),
        ({"size": [1280]}, "size.1"),
        ({"fps": 0}, "fps"),
        ({"fps": "24"}, "fps"),
        ({"speed": 2}, "speed"),
        ({"clips": [{"path": ""}]}, "clips.0.path"),
        ({"clips": [{"path": "a.mp4", "in_s": -1}]}, "clips.0.in_s"),
        ({"clips": [{"path": "a.mp4", "in_s": 2, "out_s": 2}]}, "out_s 2 is not after in_s 2"),
        ({"clips": [{"path": "a.mp4", "transition": {"kind": "wipe"}}, {"path": "b"}]}, "clips.0.transition.kind"),
        ({"clips": [{"path": "a", "transition": {"kind": "crossfade", "duration_s": 1}}]}, "no clip follows"),
        ({"loudness_lufs": 3}, "loudness_lufs"),
        (
            {"clips": [{"path": "a", "transition": {"kind": "dip", "colour": "red"}}, {"path": "b"}]},
            "transition.colour",
        ),
        ({"clips": [{"path": "a", "transition": {"kind": "cut", "colour": "#ff0000"}}, {"path": "b"}]}, "no colour"),
        (
            {
                "clips": [
                    {"path": "a", "transition": {"kind": "dip", "duration_s": 1, "duration_frames": 24}},
                    {"path": "b"},
                ]
            },
            "give one of them",
        ),
        ({"clips": [{"path": "a", "mute": "yes"}]}, "clips.0.mute"),
        ({"soundtrack": {"path": "m.mp3", "fade_in_s": -1}}, "soundtrack.fade_in_s"),
        ({"soundtrack": {"path": "m.mp3", "duck_db": 3}}, "soundtrack.duck_db"),
    ],
)
def test_wrong_cut_list_is_refused_in_one_line_with_file_and_field(
    tmp_path: Path, wrong: dict[str, Any], named: str
) -> None:
    file = tmp_path / "cuts.json"
    file.write_text(json.dumps(a_cut_list(**wrong)))

    with pytest.raises(BadInput) as refused:
        read_cut_list(file)

    assert str(file) in str(refused.value)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"size": [NaN, 2]}'])
def test_cut_list_is_refused_when_it_is_no_cut_list(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cuts.json"
    file.write_bytes(content)

    with pytest.raises(BadInput, match=r"cuts\.json"):
        read_cut_list(file)


def test_cut_list_is_refused_when_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.json: cannot be read"):
        read_cut_list(tmp_path / "nowhere.json")


@pytest.mark.parametrize("kind", ["crossfade", "fade_black", "fade_white", "dip"])
def test_transition_is_refused_when_it_has_no_duration(tmp_path: Path, kind: str) -> None:
    clips = [{"path": "first.mp4", "transition": {"kind": kind}}, {"path": "second.mp4"}]
    file = tmp_path / "cuts.json"
    file.write_text(json.dumps(a_cut_list(clips=clips)))

    with pytest.raises(BadInput, match=rf"clips\.0\.transition \(first\.mp4\): .*a {kind} needs a duration_s"):
        read_cut_list(file)


@pytest.mark.parametrize("transition", [{}, {"kind": "cut"}, {"kind": "crossfade", "duration_s": 0}])
def test_transition_of_no_time_is_accepted_when_it_is_a_cut_or_says_so(transition: dict[str, Any]) -> None:
    clips = [{"path": "first.mp4", "transition": transition}, {"path": "second.mp4"}]

    assert CutList.model_validate(a_cut_list(clips=clips)).clips[0].transition is not None


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"in_s": -1}, "clips.1.in_s (second.mp4)"),
        ({"out_s": "late"}, "clips.1.out_s (second.mp4)"),
        ({"in_s": 2, "out_s": 2}, "clips.1 (second.mp4)"),
        ({"transition": {"kind": "wipe"}}, "clips.1.transition.kind (second.mp4)"),
        ({"transition": {"kind": "crossfade", "duration_s": -1}}, "clips.1.transition.duration_s (second.mp4)"),
        ({"transition": {"kind": "cut", "colour": "#ff0000"}}, "clips.1.transition (second.mp4)"),
        ({"transition": 5}, "clips.1.transition (second.mp4)"),
        ({"mute": "yes"}, "clips.1.mute (second.mp4)"),
        ({"speed": 2}, "clips.1.speed (second.mp4)"),
    ],
)
def test_refusal_names_the_file_beside_the_field_when_something_about_a_clip_is_wrong(
    tmp_path: Path, wrong: dict[str, Any], place: str
) -> None:
    clips = [{"path": "first.mp4"}, {"path": "second.mp4", **wrong}, {"path": "third.mp4"}]
    file = tmp_path / "cuts.json"
    file.write_text(json.dumps(a_cut_list(clips=clips)))

    with pytest.raises(BadInput) as refused:
        read_cut_list(file)

    assert f"cuts.json: {place}: " in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"soundtrack": {"path": "music.mp3", "gain_db": 90}}, "soundtrack.gain_db (music.mp3)"),
        ({"clips": [{"path": 5}]}, "clips.0.path"),
        ({"clips": [5]}, "clips.0"),
        ({"clips": 5}, "clips"),
        ({"clips": [{"in_s": 1}]}, "clips.0.path"),
        ({"clips": [{"path": "last.mp4", "transition": {"kind": "crossfade", "duration_s": 1}}]}, "last.mp4, the last"),
    ],
)
def test_refusal_names_a_file_only_where_one_is_named(tmp_path: Path, wrong: dict[str, Any], place: str) -> None:
    file = tmp_path / "cuts.json"
    file.write_text(json.dumps(a_cut_list(**wrong)))

    with pytest.raises(BadInput) as refused:
        read_cut_list(file)

    assert place in str(refused.value)


@pytest.mark.parametrize("kind", ["crossfade", "fade_black", "dip"])
@pytest.mark.parametrize(
    ("duration_s", "is_long_enough"), [(0.02, False), (0.021, True), (0.0001, False), (1 / 24, True)]
)
def test_transition_is_refused_by_clip_and_field_when_it_is_shorter_than_a_frame(
    kind: str, duration_s: float, is_long_enough: bool
) -> None:
    transition = {"kind": kind, "duration_s": duration_s}
    cut_list = CutList.model_validate(
        a_cut_list(clips=[{"path": "a.mp4", "transition": transition}, {"path": "b.mp4"}])
    )

    if is_long_enough:
        assert build_timeline(cut_list, [48, 48]).frames in {95, 96}
    else:
        with pytest.raises(BadInput, match=r"^a\.mp4: transition\.duration_s \S+ is too short: one frame lasts 0\.04"):
            build_timeline(cut_list, [48, 48])
