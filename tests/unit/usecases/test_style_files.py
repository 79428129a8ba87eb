"""Style files in the prompts bucket: read once at acceptance, kept in the request, no request by themselves."""

import pytest

from promptreel.domain.styles import OwnStyle
from promptreel.errors import Invalid
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import NothingRequested, OpenJob
from tests.fakes.services import FakeServices

OWN = OwnStyle(visual_style="Ink on newsprint", palette=("black", "bone"), light="one bare bulb")
MARKDOWN = "# Night desk\n\nInk on newsprint\n\n## Palette\n- black\n- bone\n\n## Light\none bare bulb\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("styles/desk.json", OWN.model_dump_json(exclude_none=True)),
        ("styles/desk.yaml", "visual_style: Ink on newsprint\npalette: [black, bone]\nlight: one bare bulb\n"),
        ("styles/desk.md", MARKDOWN),
    ],
)
def test_style_of_a_file_is_kept_as_it_was_when_the_request_was_accepted(
    world: FakeServices, name: str, data: str
) -> None:
    world.inbox.lay_in(name, data.encode())
    job = world.opened(style=name)
    world.inbox.lay_in(name, b"something else")

    world.write_storyboard(JobRun(job.id, job.run))

    assert job.request.style == OWN.model_copy(update={"source": name})
    guide = world.jobs.get_job(job.id).value.require_plan().style_guide
    assert (guide.visual_style, guide.palette, guide.light, guide.style) == (
        *("Ink on newsprint", ["black", "bone"], "one bare bulb"),
        name,
    )
    assert "Ink on newsprint" in world.text.requests[0].prompt


@pytest.mark.parametrize("later", [b"visual_style: Something else", None], ids=["replaced", "deleted"])
def test_repeated_open_job_finds_its_job_when_the_style_file_has_changed(
    world: FakeServices, later: bytes | None
) -> None:
    world.inbox.lay_in("styles/desk.yaml", b"visual_style: Ink on newsprint")
    repeated = OpenJob("e-1", {"prompt": "A fox crosses the ice", "style": "styles/desk.yaml"})
    first: object = world.open_job(repeated)
    if later is None:
        world.inbox.uploads.clear()
    else:
        world.inbox.lay_in("styles/desk.yaml", later)

    assert world.open_job(repeated) == first


def test_uploaded_style_file_starts_no_job_and_gets_no_report(world: FakeServices) -> None:
    event = {"data": world.inbox.lay_in("styles/desk.md", MARKDOWN.encode()), "type": "finalized"}

    opened: object = world.open_job(OpenJob("e-1", event))

    assert opened == NothingRequested()
    assert world.inbox.reports == {}
    assert list(world.jobs.list_jobs(None, None, None)) == []


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("styles/none.yaml", "style: there is no file styles/none.yaml"),
        ("styles/../ideas/secret.json", "is no name of a style file"),
        ("styles/", "is no name of a style file"),
        ("styles/bad.json", "styles/bad.json: cannot be read"),
        ("styles/list.json", "styles/list.json must hold an object"),
        ("styles/odd.json", "style.colour: there is no such field"),
        ("styles/desk.exe", "prompts end in"),
    ],
)
def test_style_file_that_cannot_be_used_is_refused_in_words(world: FakeServices, style: str, message: str) -> None:
    for name, data in (("bad", b"{"), ("list", b"[1]"), ("odd", b'{"colour": "red"}')):
        world.inbox.lay_in(f"styles/{name}.json", data)
    world.inbox.lay_in("styles/desk.exe", b"x")

    with pytest.raises(Invalid) as refused:
        world.opened(style=style)

    assert message in refused.value.message
    assert refused.value.remedy
