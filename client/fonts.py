"""Find fonts on this machine that have the characters of a text."""

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont, TTLibError

_FOLDERS: Final = (  # the user's own come first; those of other systems do not exist
    Path("~/.local/share/fonts"),
    Path("~/.fonts"),
    Path("~/Library/Fonts"),
    Path("/usr/local/share/fonts"),
    Path("/usr/share/fonts"),
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
    Path(os.environ.get("WINDIR", "C:/Windows"), "Fonts"),
)
_SUFFIXES: Final = {".ttf", ".otf", ".ttc", ".otc"}
_PREFERRED: Final = tuple(map(re.compile, (r"DejaVuSans$", r"NotoSans-Regular$", r"NotoSans", r".*Sans", r"Arial")))
_NOT_FOR_TEXT: Final = re.compile(
    r"bold|italic|oblique|light|thin|medium|black|condensed|mono|emoji|symbol", re.IGNORECASE
)
_INVISIBLE: Final = {"Cc", "Cf", "Zs", "Zl", "Zp"}
_VARIATION_SELECTORS: Final = re.compile("[\ufe00-\ufe0f]")


@dataclass(frozen=True, slots=True)
class Fonts:
    """The files to set a text in, in order of preference; `missing` are the characters that no font has."""

    files: tuple[Path, ...]
    characters: frozenset[str]
    missing: tuple[str, ...]


def list_fonts(folders: Iterable[Path] = _FOLDERS) -> list[Path]:
    """The upright fonts in the folders: DejaVu Sans, Noto Sans, other Noto Sans, other sans-serif ones, the rest."""
    found = [
        file
        for folder in folders
        for file in folder.expanduser().rglob("*")
        if file.suffix.lower() in _SUFFIXES and not _NOT_FOR_TEXT.search(file.stem)
    ]
    return sorted(found, key=lambda file: (_rank(file), file.name))


def choose_fonts(text: str, candidates: Iterable[Path]) -> Fonts:
    """Take each candidate that has characters of the text which no earlier one has, until none is missing.

    The first font taken has every ASCII character that the text has, for labels and digits look alike on the page.
    """
    missing = {character for character in text if is_visible(character)}
    latin = {character for character in missing if character.isascii()}
    files: list[Path] = []
    characters: set[str] = set()
    for file in candidates:
        if not missing:
            break
        covered = _covered(file)
        if not (covered & missing) or (not files and latin - covered):
            continue
        files.append(file)
        characters |= covered
        missing -= covered
    return Fonts(tuple(files), frozenset(characters), tuple(sorted(missing)))


def is_visible(character: str) -> bool:
    """Whether a font must have the character: it is no space, joiner, direction mark or variation selector."""
    return unicodedata.category(character) not in _INVISIBLE and not _VARIATION_SELECTORS.match(character)


def _rank(file: Path) -> int:
    matches = (rank for rank, pattern in enumerate(_PREFERRED) if pattern.match(file.stem))
    return next(matches, len(_PREFERRED))


def _covered(file: Path) -> set[str]:
    """The characters of a font with outlines; none for another font, or for a file that cannot be read."""
    try:
        with file.open("rb") as stream, TTFont(stream, fontNumber=0, lazy=True) as font:
            outlined = any(table in font for table in ("glyf", "CFF ", "CFF2"))
            return {chr(code) for code in font.getBestCmap() or ()} if outlined else set()
    except (OSError, TTLibError):
        return set()
