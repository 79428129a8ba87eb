"""What every `Inbox` promises, in memory and in Cloud Storage alike."""

import pytest

from promptreel.errors import NotFound
from promptreel.ports.storage import Inbox
from tests.contract.ports.inboxes import LaidIn


def test_report_of_a_job_can_be_deleted_twice(inbox: Inbox, laid_in: LaidIn) -> None:
    inbox.write_report("ideas/fox.txt", {"state": "accepted", "job_id": "job-1"})

    inbox.delete_report("ideas/fox.txt", "job-1")
    inbox.delete_report("ideas/fox.txt", "job-1")

    assert laid_in.report("ideas/fox.txt") is None


def test_report_is_kept_when_it_names_another_job(inbox: Inbox, laid_in: LaidIn) -> None:
    newer: dict[str, object] = {"state": "accepted", "job_id": "job-2"}
    inbox.write_report("ideas/fox.txt", newer)

    inbox.delete_report("ideas/fox.txt", "job-1")

    assert laid_in.report("ideas/fox.txt") == newer


@pytest.mark.parametrize("content", [b"no json", b"\xff\xfe", b"", b"[]", b'"job-1"', b"null", b"[" * 100_000])
def test_object_that_is_no_report_is_not_retracted_whatever_it_holds(
    inbox: Inbox, laid_in: LaidIn, content: bytes
) -> None:
    inbox.write_report("ideas/fox.txt", {"state": "accepted", "job_id": "job-1"})
    laid_in.overwrite_report("ideas/fox.txt", content)

    inbox.delete_report("ideas/fox.txt", "job-1")

    assert laid_in.has_report("ideas/fox.txt")


def test_file_is_not_found_when_its_generation_differs(inbox: Inbox, laid_in: LaidIn) -> None:
    bucket, name, generation = laid_in.put("ideas/fox.txt", b"A fox")

    assert inbox.read_prompt(bucket, name, generation).data == b"A fox"
    with pytest.raises(NotFound):
        inbox.read_prompt(bucket, name, f"{generation}0")
    with pytest.raises(NotFound):
        inbox.read_prompt(bucket, "ideas/none.txt", generation)


def test_style_file_is_read_as_it_is_now_and_is_not_found_when_there_is_none(inbox: Inbox, laid_in: LaidIn) -> None:
    laid_in.put("styles/desk.md", b"Ink on newsprint")
    laid_in.put("styles/desk.md", b"Ink on card")

    assert inbox.read_style("styles/desk.md") == b"Ink on card"
    with pytest.raises(NotFound):
        inbox.read_style("styles/none.md")
