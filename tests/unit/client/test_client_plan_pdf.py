"""`promptreel plan --pdf`: the storyboard as a PDF, in fonts that the tests build."""

import string
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from pypdf import PdfReader

from client import fonts
from client.errors import InvalidInput
from client.fonts import choose_fonts, list_fonts
from client.outcomes import ExitCode
from client.plan_page import page_sections, page_title
from client.plan_pdf import describe_missing, pdf_page

Run = Callable[..., int]
JOB_ID = "job-" + "0f" * 10
LATIN = string.ascii_letters + string.digits + string.punctuation + " "
HEBREW_LINE = "שומר 12 ממתין"
JAPANESE_LINE = "灯台守は船を待つ"
HEBREW_AND_JAPANESE = (set(HEBREW_LINE) | set(JAPANESE_LINE)) - set(LATIN)


def _job(**overrides: Any) -> Any:
    scene = {
        "id": "scene-01",
        "display_order": 1,
        "description": "The keeper lights the lamp",
        "start_prompt": "A dark stair",
        "duration_s": 4,
        "camera": {"size": "wide_shot", "lens": "open"},
        "dialogue": [{"speaker": "Mira", "line": "Light!"}],
    }
    return {
        "id": JOB_ID,
        "state": "AWAITING_APPROVAL",
        "title": "The keeper",
        "created": "2026-11-21T09:00:00Z",
        "updated": "2026-11-21T09:00:00Z",
        "request": {"prompt": "A keeper waits"},
        "scenes": [{**scene, **overrides}],
        "budget": {"limit_usd": "25.00", "reserved_usd": "1.75", "spent_usd": "0.01"},
        "planned_duration_s": 4.0,
        "board": {
            "logline": "A light returns",
            "style_guide": {"visual_style": "ink", "palette": ["black", "bone"], "camera": "slow"},
            "characters": [{"name": "Mira", "description": "grey coat"}],
            "settings": [],
        },
    }


def _build_font(file: Path, characters: Iterable[str]) -> Path:
    """Write a font that draws each of the characters as the same square."""
    names = {ord(character): f"uni{ord(character):04X}" for character in characters}
    glyphs = [".notdef", *names.values()]
    pen = TTGlyphPen(None)
    for step, point in (
        (pen.moveTo, (50, 0)),
        (pen.lineTo, (50, 500)),
        (pen.lineTo, (450, 500)),
        (pen.lineTo, (450, 0)),
    ):
        step(point)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(names)
    builder.setupGlyf(dict.fromkeys(glyphs, square))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (500, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": file.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(file)
    return file


@pytest.fixture
def latin(tmp_path: Path) -> Path:
    return _build_font(tmp_path / "Latin.ttf", LATIN)


@pytest.fixture
def eastern(tmp_path: Path) -> Path:
    """A font without a single Latin letter."""
    return _build_font(tmp_path / "Eastern.ttf", HEBREW_AND_JAPANESE)


def _read(content: bytes) -> str:
    """The text of all pages without spaces: where a PDF has those is a reader's guess."""
    return "".join("".join(page.extract_text().split()) for page in PdfReader(BytesIO(content)).pages)


def test_pdf_says_what_the_page_says_when_the_film_is_latin(latin: Path) -> None:
    page = pdf_page(_job(), [latin])

    text = _read(page.content)
    said = [page_title(_job())]
    for section in page_sections(_job()):
        said += [section.title, *(part for entry in section.entries for part in entry)]
    assert {"Logline", "Mira: Light!", "wide shot", "Scene 1", "grey coat"} <= set(said)
    assert [part for part in said if "".join(part.split()) not in text] == []
    assert page.missing == ()


def test_pdf_uses_the_next_font_when_the_first_lacks_a_script(latin: Path, eastern: Path) -> None:
    page = pdf_page(_job(description=JAPANESE_LINE), [eastern, latin, eastern])

    assert JAPANESE_LINE in _read(page.content)
    assert "Thekeeper" in _read(page.content)
    assert page.missing == ()


def test_pdf_sets_dialogue_from_the_right_when_most_of_its_letters_are_hebrew(latin: Path, eastern: Path) -> None:
    job = _job(dialogue=[{"speaker": "Mira", "line": HEBREW_LINE}])

    drawn: list[tuple[str, float]] = []

    def note_place(text: str, _cm: object, matrix: list[float], _font: object, _size: float) -> None:
        drawn.append((text.strip(), matrix[4]))

    for page in PdfReader(BytesIO(pdf_page(job, [latin, eastern]).content)).pages:
        page.extract_text(visitor_text=note_place)
    right_aligned = [text for text, x_pt in drawn if text and x_pt > 400]
    assert right_aligned == [*HEBREW_LINE.split()[::-1], ":", "Mira"]  # as drawn, from left to right


def test_pdf_is_the_same_file_when_the_job_is_the_same(latin: Path) -> None:
    assert pdf_page(_job(), [latin]).content == pdf_page(_job(), [latin]).content


def test_pdf_has_every_scene_when_they_need_several_pages(latin: Path) -> None:
    job = _job()
    job["scenes"] = [{**job["scenes"][0], "display_order": n, "description": f"Event{n} " * 90} for n in range(1, 13)]

    content = pdf_page(job, [latin]).content

    assert len(PdfReader(BytesIO(content)).pages) > 2
    text = _read(content)
    assert [n for n in range(1, 13) if text.count(f"Event{n}Event{n}") == 0] == []


def test_pdf_shows_a_mark_and_names_the_characters_when_no_font_has_them(latin: Path) -> None:
    page = pdf_page(_job(description="ש א"), [latin])

    assert "Whathappens??Firstpicture" in _read(page.content)
    assert page.missing == ("א", "ש")
    warning = describe_missing(page.missing)
    assert "2 characters" in warning
    assert "א (HEBREW LETTER ALEF)" in warning


def test_pdf_is_refused_with_a_remedy_when_no_font_has_latin_letters(eastern: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        pdf_page(_job(), [eastern])

    assert JOB_ID in refusal.value.message
    assert "--html" in refusal.value.remedy


def test_fonts_are_taken_by_preference_and_only_upright_ones(tmp_path: Path) -> None:
    names = ["Zapf.otf", "NotoSansThai-Regular.ttf", "NotoSans-Regular.ttf", "DejaVuSans.ttf"]
    for name in (*names, "DejaVuSans-Bold.ttf", "NotoColorEmoji.ttf", "DejaVuSansMono.ttf", "README.txt"):
        (tmp_path / name).touch()

    assert [file.name for file in list_fonts([tmp_path, tmp_path / "absent"])] == names[::-1]


def test_fonts_skip_a_file_that_cannot_be_read(tmp_path: Path, latin: Path) -> None:
    broken = tmp_path / "Broken.ttf"
    broken.write_bytes(b"not a font")

    assert choose_fonts("abc", [broken, tmp_path / "absent.ttf", latin]).files == (latin,)


def test_fonts_need_none_for_joiners_and_direction_marks(latin: Path) -> None:
    assert choose_fonts("a\u200d\u200f\ufe0f b", [latin]).missing == ()


def test_plan_writes_a_pdf_and_warns_when_no_font_has_a_script(
    run: Run,
    fake_api: Any,
    answer: Any,
    latin: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fonts, "list_fonts", lambda: [latin])
    fake_api.on("GET", f"/v1/jobs/{JOB_ID}", answer(200, _job(description="א")))
    file = tmp_path / "plan.pdf"

    assert run("plan", JOB_ID, "--pdf", str(file)) == 0

    printed = capsys.readouterr()
    assert printed.out == f"{file}\n"
    assert "HEBREW LETTER ALEF" in printed.err
    assert "Thekeeper" in _read(file.read_bytes())


@pytest.mark.parametrize("other", [["--html", "plan.html"], ["--json"]])
def test_plan_submits_nothing_when_two_forms_are_given(
    run: Run, fake_api: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], other: list[str]
) -> None:
    assert run("plan", "A keeper waits", "--pdf", str(tmp_path / "plan.pdf"), *other) == ExitCode.REFUSED

    assert fake_api.requests == []
    assert "cannot be given together" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--html", "--pdf"])
def test_plan_submits_nothing_when_the_folder_of_the_file_is_absent(
    run: Run, fake_api: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert run("plan", "A keeper waits", option, str(tmp_path / "absent" / "plan")) == ExitCode.REFUSED

    assert fake_api.requests == []
    assert "cannot be written" in capsys.readouterr().err
