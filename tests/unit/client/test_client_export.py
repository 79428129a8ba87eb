"""`promptreel export`: the archive of a job, whole or not at all."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from client.api import PromptreelClient
from client.errors import NotReachable, ProblemError

ARCHIVE = "/v1/jobs/job-1/archive"
ZIP = b"PK\x05\x06" + bytes(18)


def test_export_saves_the_archive_under_the_jobs_name(
    run: Any,
    fake_api: Any,
    answer: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    fake_api.on("GET", ARCHIVE, answer(200, ZIP))

    with contextlib.chdir(tmp_path):
        assert run("export", "job-1") == 0

    assert capsys.readouterr().out == "job-1.zip\n"
    assert (tmp_path / "job-1.zip").read_bytes() == ZIP
    assert [path.name for path in tmp_path.iterdir()] == ["job-1.zip"]


def test_export_sends_the_token_and_begins_again_when_the_archive_breaks_off(
    fake_api: Any, api_client: PromptreelClient, answer: Any, tmp_path: Path
) -> None:
    fake_api.on("GET", ARCHIVE, answer(200, ZIP, cut_at=5), answer(200, ZIP))

    api_client.export("job-1", tmp_path / "a.zip")

    assert (tmp_path / "a.zip").read_bytes() == ZIP
    assert {request.headers["authorization"] for request in fake_api.requests} == {"Bearer the-token"}


@pytest.mark.usefixtures("no_retries")
def test_export_leaves_no_archive_when_it_always_breaks_off(
    fake_api: Any, api_client: PromptreelClient, answer: Any, tmp_path: Path
) -> None:
    fake_api.on("GET", ARCHIVE, answer(200, ZIP, cut_at=5))

    with pytest.raises(NotReachable):
        api_client.export("job-1", tmp_path / "a.zip")

    assert not (tmp_path / "a.zip").exists()


def test_export_waits_while_others_read_archives(
    fake_api: Any, api_client: PromptreelClient, answer: Any, waits: list[float], tmp_path: Path
) -> None:
    busy = {"code": "archives_busy", "message": "4 archives are being read here already.", "remedy": ""}
    fake_api.on("GET", ARCHIVE, answer(503, busy), answer(200, ZIP))

    api_client.export("job-1", tmp_path / "a.zip")

    assert len(waits) == 1


def test_export_renews_an_expired_token_once(fake_api: Any, answer: Any, tmp_path: Path) -> None:
    fresh = iter(["second", "third"])
    fake_api.on("GET", ARCHIVE, answer(401), answer(200, ZIP), answer(401), answer(401))

    with PromptreelClient(fake_api.url, "first", renew=lambda: next(fresh)) as client:
        client.export("job-1", tmp_path / "a.zip")
        with pytest.raises(ProblemError):
            client.export("job-1", tmp_path / "b.zip")

    sent = [request.headers["authorization"].removeprefix("Bearer ") for request in fake_api.requests]
    assert sent == ["first", "second", "second", "third"]
