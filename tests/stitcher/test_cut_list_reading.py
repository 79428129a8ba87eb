"""A cut list is taken exactly as the contract says, or refused in one line that names the file and the field."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from stitcher_service.cutlist import CutList, read
from stitcher_service.errors import BadInput


def a_cut_list(**overrides: Any) -> dict[str, Any]:
    return {"size": [1280, 720], "fps": 24, "clips": [{"path": "a.mp4"}], **overrides}


def test_shortest_cut_list_when_read_then_the_rest_has_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "cuts.json"
    file.write_text(json.dumps(a_cut_list()))

    cut_list = read(file)

    assert cut_list.clips[0].in_s == 0
    assert cut_list.clips[0].out_s is None
    assert cut_list.soundtrack is None
    assert cut_list.loudness_lufs is None
    assert cut_list.rate == 24


def test_full_cut_list_when_written_and_read_again_then_it_is_the_same() -> None:
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
def test_rate_when_written_as_a_decimal_then_it_is_the_rate_that_is_meant(written: float, meant: Fraction) -> None:
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
        ({"clips": [{"path": "a", "mute": "yes"}]}, "clips.0.mute"),
        ({"soundtrack": {"path": "m.mp3", "fade_in_s": -1}}, "soundtrack.fade_in_s"),
        ({"soundtrack": {"path": "m.mp3", "duck_db": 3}}, "soundtrack.duck_db"),
    ],
)
def test_wrong_cut_list_when_read_then_one_line_names_file_and_field(
    tmp_path: Path, wrong: dict[str, Any], named: str
) -> None:
    file = tmp_path / "cuts.json"
    file.write_text(json.dumps(a_cut_list(**wrong)))

    with pytest.raises(BadInput) as refused:
        read(file)

    assert str(file) in str(refused.value)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"size": [NaN, 2]}'])
def test_no_cut_list_at_all_when_read_then_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cuts.json"
    file.write_bytes(content)

    with pytest.raises(BadInput, match=r"cuts\.json"):
        read(file)


def test_missing_cut_list_when_read_then_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.json: cannot be read"):
        read(tmp_path / "nowhere.json")
