"""What every `Inbox` promises, in memory and in Cloud Storage alike."""

import gzip

import pytest

from promptreel.errors import Invalid, NotFound
from promptreel.ports.storage import MAX_FILE_BYTES, Inbox
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

    assert (laid_in.report("ideas/fox.txt") or {})["job_id"] == "job-2"


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

    assert inbox.read_file("styles/desk.md") == b"Ink on card"
    with pytest.raises(NotFound):
        inbox.read_file("styles/none.md")


def a_report(generation: int, minute: int, **fields: object) -> dict[str, object]:
    return {"generation": str(generation), "updated": f"2026-12-01T00:{minute:02}:00+00:00", **fields}


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (a_report(1, 5, state="accepted", job_id="job-1"), a_report(2, 3, state="rejected"), "rejected"),
        (a_report(2, 3, state="rejected"), a_report(1, 5, state="failed", job_id="job-1"), "rejected"),
        (a_report(1, 5, state="rejected"), a_report(1, 6, state="accepted", job_id="job-1"), "accepted"),
        (a_report(1, 5, state="accepted", job_id="job-1"), a_report(1, 6, state="failed", job_id="job-1"), "failed"),
        (a_report(1, 6, state="failed", job_id="job-1"), a_report(1, 5, state="accepted", job_id="job-1"), "failed"),
        (
            {"generation": "7", "state": "accepted", "job_id": "job-1"},
            a_report(0, 6, state="failed", job_id="job-1"),
            "failed",
        ),
    ],
    ids=["newer file", "older file", "accepted at last", "later", "earlier", "an older version's job"],
)
def test_report_is_replaced_by_a_newer_files_or_a_later_one_alone(
    inbox: Inbox, laid_in: LaidIn, first: dict[str, object], second: dict[str, object], kept: str
) -> None:
    inbox.write_report("ideas/fox.txt", first)
    inbox.write_report("ideas/fox.txt", second)

    report = laid_in.report("ideas/fox.txt")
    assert report is not None
    assert report["state"] == kept
    assert report["object"].endswith("/ideas/fox.txt")


@pytest.mark.parametrize("content", [b"no json", b"[]", b'{"generation": "many", "updated": "soon"}'])
def test_object_that_is_no_report_is_replaced_by_one(inbox: Inbox, laid_in: LaidIn, content: bytes) -> None:
    laid_in.overwrite_report("ideas/fox.txt", content)

    inbox.write_report("ideas/fox.txt", a_report(1, 5, state="accepted"))

    assert (laid_in.report("ideas/fox.txt") or {})["state"] == "accepted"


def test_one_byte_more_than_the_limit_is_read_of_a_larger_file_and_no_more(inbox: Inbox, laid_in: LaidIn) -> None:
    limit = b"x" * MAX_FILE_BYTES
    for data, expected in ((limit, limit), (limit + b"yz", limit + b"y")):
        bucket, name, generation = laid_in.put("presets/fox.yaml", data)

        assert inbox.read_prompt(bucket, name, generation).data == expected
        assert inbox.read_file(name) == expected


def test_file_in_another_bucket_than_that_of_prompts_is_refused(inbox: Inbox, laid_in: LaidIn) -> None:
    _, name, generation = laid_in.put("ideas/fox.txt", b"A fox")

    with pytest.raises(Invalid, match=r"films are requested by files in .*, not in artifacts"):
        inbox.read_prompt("artifacts", name, generation)


def test_compressed_bytes_are_read_as_they_are_stored_and_do_not_unfold(inbox: Inbox, laid_in: LaidIn) -> None:
    bomb = gzip.compress(b"0" * 5_000_000)

    bucket, name, generation = laid_in.put("ideas/fox.txt", bomb, {"contentEncoding": "gzip"})

    assert inbox.read_prompt(bucket, name, generation).data == bomb


def test_metadata_of_a_file_is_read_with_it(inbox: Inbox, laid_in: LaidIn) -> None:
    fields = {"owner": "mira@example.com", "title": "狐"}

    bucket, name, generation = laid_in.put("ideas/fox.txt", b"A fox", {"metadata": fields})

    assert inbox.read_prompt(bucket, name, generation).metadata == fields
