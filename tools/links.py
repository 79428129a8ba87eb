"""``make check``: every file, section and name that a document cites exists."""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE_BLOCK = re.compile(r"^(?:```(?:.|\n)*?^```|(?: {4}.*\n)+)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_EXPLICIT_ANCHOR = re.compile(r'<a id="([^"]+)">')
_PAGE = re.compile(r"(?<![\w/.-])docs/(?:adr/\d{4}\b(?!-)|[\w/-]+\.md\b)")
_FOLDERS = "client|examples|functions|infra|localcloud|localstack|stitcher_service|tests|tools|workflows"
_CODE = re.compile(rf"(?<![\w/.-])(?:{_FOLDERS})/[\w/-]+\.(?:py|json|yaml|tf)\b")
_NAME = re.compile(r"`([a-z][a-z0-9]*(?:_[a-z0-9]+)+)`")  # of a test, function, module, field or state of the code
_HISTORY = {"CHANGELOG.md", "adr"}  # names of their time
_TEXT_SUFFIXES = {".json", ".md", ".py", ".tf", ".toml", ".yaml", ".yml"}


def find_faults(root: Path, files: Sequence[Path]) -> Iterator[str]:
    """One line for each link, mention or name that leads nowhere."""
    words = set(_WORD.findall(_code(root, files)))
    for file in files:
        if file.suffix not in _TEXT_SUFFIXES and file.name != "Makefile":
            continue
        text = (root / file).read_text(encoding="utf-8")
        mentions = {*_PAGE.findall(text), *_CODE.findall(text)}
        yield from (f"{file}: there is no {mention}" for mention in sorted(mentions) if not _exists(root, mention))
        if file.suffix == ".md":
            yield from _link_faults(root, file, text)
            if _is_about_code(file):
                yield from (f"{file}: no code has `{name}`" for name in _NAME.findall(text) if name not in words)


def _link_faults(root: Path, file: Path, text: str) -> Iterator[str]:
    for target in _LINK.findall(_CODE_BLOCK.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue  # another host's page: `make check` works offline
        path, _, anchor = target.partition("#")
        found = (root / file.parent / path).resolve() if path else root / file
        if not found.exists():
            yield f"{file}: {target} leads to no file"
        elif anchor and found.suffix == ".md" and anchor not in anchors(found.read_text(encoding="utf-8")):
            yield f"{file}: {target} leads to no section"


def anchors(text: str) -> set[str]:
    """The names of a page's sections, as GitHub makes them, and those that are written out."""
    headings = _HEADING.findall(_CODE_BLOCK.sub("", text))
    spelled = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return {*spelled, *_EXPLICIT_ANCHOR.findall(text)}


def _is_about_code(file: Path) -> bool:
    """Pages of the root and of docs/; stand-ins and infrastructure quote names of their services."""
    return file.parts[0] in {"docs", file.name} and not _HISTORY & set(file.parts)


def _exists(root: Path, mention: str) -> bool:
    """``docs/adr/0005`` is short for the decision whose file name begins so."""
    path = root / mention
    return path.exists() or (not path.suffix and any(path.parent.glob(f"{path.name}-*.md")))


def _code(root: Path, files: Iterable[Path]) -> str:
    """Everything that is not a document, and the names of the files."""
    code = [file for file in files if file.suffix in _TEXT_SUFFIXES - {".md"}]
    return "\n".join([*map(str, files), *((root / file).read_text(encoding="utf-8") for file in code)])


def tracked(root: Path) -> list[Path]:
    """The files that Git knows, and new ones that it does not ignore."""
    command = ("git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [Path(line) for line in sorted(set(listed.splitlines())) if (root / line).is_file()]


if __name__ == "__main__":
    found_faults = list(find_faults(ROOT, tracked(ROOT)))
    sys.stderr.writelines(f"{fault}\n" for fault in found_faults)
    sys.exit(bool(found_faults))
