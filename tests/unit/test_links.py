"""The check of links: what it must find, and what it must leave alone."""

from pathlib import Path

import pytest

from tools.links import find_faults

DOCS, TESTS = "docs", "tests"  # apart, so that the check does not take the examples below for mentions
PAGE = "# One page\n\n## What it `does`, and why\n"


def faults(folder: Path, **files: str) -> list[str]:
    """The faults of a repository with these files, by name without suffix."""
    names = {name: Path("docs", f"{name}.md") if not name.startswith("test_") else Path(f"{name}.py") for name in files}
    for name, text in files.items():
        (folder / names[name]).parent.mkdir(exist_ok=True)
        (folder / names[name]).write_text(text)
    return list(find_faults(folder, list(names.values())))


@pytest.mark.parametrize(
    "text",
    [
        "[page](page.md)",
        "[section](page.md#what-it-does-and-why)",
        "[here](#above)\n\n# Above\n",
        '[anchor](#named)\n<a id="named"></a>',
        "[elsewhere](https://example.com/missing.md)",
        "    [in code](missing.md)\n",
        "proven by `test_film_is_cut`",
        f"see {DOCS}/page.md",
    ],
)
def test_link_is_accepted_when_it_leads_somewhere(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, page=PAGE, test_film="def test_film_is_cut() -> None: ...", other=text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[gone](missing.md)", f"{DOCS}/other.md: missing.md leads to no file"),
        ("[gone](page.md#what)", f"{DOCS}/other.md: page.md#what leads to no section"),
        ("it calls `cut_film`", f"{DOCS}/other.md: no code has `cut_film`"),
        ("proven by `test_film_is_long`", f"{DOCS}/other.md: no code has `test_film_is_long`"),
        (f"see {DOCS}/vertex.md", f"{DOCS}/other.md: there is no {DOCS}/vertex.md"),
        (f"see {DOCS}/adr/0099", f"{DOCS}/other.md: there is no {DOCS}/adr/0099"),
        (f"see {TESTS}/unit/test_gone.py", f"{DOCS}/other.md: there is no {TESTS}/unit/test_gone.py"),
    ],
)
def test_link_is_reported_when_it_leads_nowhere(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(tmp_path, page=PAGE, test_film="def test_film_is_cut() -> None: ...", other=text) == [fault]


def test_comment_is_reported_when_it_names_a_missing_file(tmp_path: Path) -> None:
    comments = f"# {DOCS}/page.md and {TESTS}/unit/test_gone.py"

    assert faults(tmp_path, page=PAGE, test_film=comments) == [f"test_film.py: there is no {TESTS}/unit/test_gone.py"]
