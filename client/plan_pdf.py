"""The storyboard of a job as a PDF for review; the fonts come from the caller. Imported late: fpdf2 is slow to load."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from fpdf import FPDF, XPos, YPos
from fpdf.enums import TextDirection

from client.documents import Job
from client.errors import InvalidInput
from client.fonts import Fonts, choose_fonts, is_visible
from client.plan_page import page_sections, page_title

_TITLE_PT, _HEADING_PT, _TEXT_PT, _LABEL_PT = 22, 14, 10.5, 8.5
_LINE: Final = 1.4  # line height in units of the font's size
_BLACK, _GREY = 0, 110
_ROOM_FOR_SECTION_MM: Final = 35  # a heading stays with its first texts
_ROOM_FOR_ENTRY_MM: Final = 14  # a label stays with its text
_REPLACEMENT: Final = "?"
_EXAMPLES: Final = 4


@dataclass(frozen=True, slots=True)
class PdfPage:
    """A PDF file, and the characters that it shows as `?` because no font has them."""

    content: bytes
    missing: tuple[str, ...]


def pdf_page(job: Job, candidates: Iterable[Path]) -> PdfPage:
    """The page as a PDF, set in the first of the candidate fonts that have its characters.

    Raises:
        ValueError: the job has no storyboard.
        InvalidInput: no candidate has the Latin letters of the labels.
    """
    title, sections = _normalize(page_title(job)), page_sections(job)
    texts = [text for section in sections for entry in section.entries for text in entry]
    every = _normalize(" ".join([title, *(section.title for section in sections), *texts])) + _REPLACEMENT
    fonts = choose_fonts(every, candidates)
    if not fonts.files:
        raise InvalidInput(
            f"No font for the PDF of {job['id']} was found on this machine.",
            "Install DejaVu Sans (Debian: fonts-dejavu-core) or Noto Sans (fonts-noto-core); or write the page with "
            f"promptreel plan {job['id']} --html FILE.",
        )
    paper = _Paper(fonts)
    paper.set_title(title)
    paper.set_creation_date(datetime.fromisoformat(job["updated"]))  # the same job gives the same file
    paper.add_page()
    paper.write_text(title, _TITLE_PT)
    for section in sections:
        paper.start_section_block(section.title)
        for label, text in section.entries:
            paper.write_entry(label, text)
    return PdfPage(bytes(paper.output()), fonts.missing)


def describe_missing(characters: Sequence[str]) -> str:
    """A warning for people: how many characters have no font, an example of each script, and what to do."""
    names = {character: unicodedata.name(character, f"U+{ord(character):04X}") for character in characters}
    examples = {name.split()[0]: f"{character} ({name})" for character, name in reversed(names.items())}
    shown = ", ".join(sorted(examples.values())[:_EXAMPLES])
    return (
        f"No font of this machine has {len(characters)} characters of the film, which the PDF shows as ?, such as "
        f"{shown}. Install a font for them (Debian: fonts-noto-core, fonts-noto-cjk), or use --html."
    )


def _normalize(text: str) -> str:
    """One line of composed characters: fonts have more of those than of combining marks."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _direction(text: str) -> TextDirection:
    """The direction of most letters.

    Not of the first one: a speaker's Latin name would turn a line of Arabic dialogue, and fpdf2 puts the numbers of
    right-to-left words in a left-to-right paragraph in the wrong place.
    """
    classes = Counter(map(unicodedata.bidirectional, text))
    return TextDirection.RTL if classes["R"] + classes["AL"] > classes["L"] else TextDirection.LTR


class _Paper(FPDF):
    """A4 pages with numbers, in fonts that follow each other where one lacks a character."""

    def __init__(self, fonts: Fonts) -> None:
        super().__init__(format="A4")
        self._characters = fonts.characters
        self._families = [f"font{number}" for number in range(len(fonts.files))]
        for family, file in zip(self._families, fonts.files, strict=True):
            self.add_font(family, fname=file)
        self.set_fallback_fonts(self._families[1:], exact_match=False)
        self.set_margins(22, 20)
        self.set_auto_page_break(auto=True, margin=20)

    def footer(self) -> None:
        self.set_y(-14)
        self._use(_LABEL_PT, _GREY)
        self.cell(0, text=str(self.page_no()), align="C")

    def start_section_block(self, title: str) -> None:
        if self.will_page_break(_ROOM_FOR_SECTION_MM):
            self.add_page()
        self.ln(3)
        self.set_draw_color(200)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(2)
        self.write_text(title, _HEADING_PT)

    def write_entry(self, label: str, text: str) -> None:
        if self.will_page_break(_ROOM_FOR_ENTRY_MM):
            self.add_page()
        self.write_text(label, _LABEL_PT, _GREY)
        self.write_text(text, _TEXT_PT)
        self.ln(1.5)

    def write_text(self, text: str, size_pt: float, colour: int = _BLACK) -> None:
        self._use(size_pt, colour)
        shown = "".join(map(self._shown, _normalize(text)))
        direction = _direction(shown)
        self.set_text_shaping(use_shaping_engine=True, direction=direction)
        align = "R" if direction is TextDirection.RTL else "L"
        height_mm = size_pt * _LINE / self.k
        self.multi_cell(0, height_mm, shown, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _use(self, size_pt: float, colour: int) -> None:
        self.set_font(self._families[0], size=size_pt)
        self.set_text_color(colour)

    def _shown(self, character: str) -> str:
        if character == " " or character in self._characters:
            return character
        return _REPLACEMENT if is_visible(character) else ""
