"""The page on the architecture names every field of the stored documents."""

import re
from pathlib import Path

import pytest

from promptreel.domain.call import Call
from promptreel.domain.document import Document
from promptreel.domain.job import Job
from promptreel.domain.rates import Rates
from promptreel.domain.render import Render
from promptreel.domain.scene import Scene
from promptreel.domain.send_slots import SendSlots
from promptreel.domain.sheet import Sheet

PAGE = (Path(__file__).parents[2] / "docs/architecture.md").read_text(encoding="utf-8")
UNNAMED = {"id", "schema_version"}  # of every document; the page says so once


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("jobs/{job}", Job),
        ("jobs/{job}/scenes/{scene}", Scene),
        ("jobs/{job}/sheets/{sheet}", Sheet),
        ("jobs/{job}/calls/{call}", Call),
        ("renders/{digest}", Render),
        ("rates/{digest of the owner}", Rates),
        ("send_slots/{digest of the model}", SendSlots),
    ],
)
def test_page_names_every_field_of_a_document(path: str, document: type[Document]) -> None:
    (row,) = re.findall(rf"^\| `{re.escape(path)}` .*$", PAGE, re.MULTILINE)

    assert sorted(document.model_fields.keys() - UNNAMED - set(re.findall(r"`(\w+)`", row))) == []
