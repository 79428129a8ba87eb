"""The output of a job in the API: every file by link and address, older outputs as they are."""

from promptreel.domain.job import Output
from promptreel.http import responses
from tests.factories import an_output
from tests.fakes.services import FakeServices

OUTPUT = an_output(192, sheet_uri="gs://artifacts/sheet.jpg", preview_uri="gs://artifacts/preview.mp4")


def output_of(world: FakeServices, output: Output) -> dict[str, object]:
    job = world.planned().evolve(output=output)
    links = {uri: f"https://signed/{uri}" for uri in responses.artifact_uris(job, [])}
    shown: dict[str, object] = responses.job_detail(job, [], [], links)["output"]
    return shown


def test_output_has_a_link_for_each_of_its_files(world: FakeServices) -> None:
    output = output_of(world, OUTPUT)

    for name, file in (
        ("film", "film.mp4"),
        ("poster", "poster.jpg"),
        ("contact_sheet", "sheet.jpg"),
        ("preview", "preview.mp4"),
    ):
        assert output[name] == {"url": f"https://signed/gs://artifacts/{file}", "uri": f"gs://artifacts/{file}"}


def test_output_of_an_older_stitcher_has_neither_sheet_nor_preview(world: FakeServices) -> None:
    output = output_of(world, OUTPUT.evolve(sheet_uri=None, preview_uri=None))

    assert (output["contact_sheet"], output["preview"]) == (None, None)
