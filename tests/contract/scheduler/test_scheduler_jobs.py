"""The jobs' file and the timetable."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.scheduler.jobs import BadConfig, Job, load


def a_job(**overrides: Any) -> Job:
    fields: dict[str, Any] = {"name": "sweep", "url": "http://127.0.0.1:1/", "every_s": 5.0}
    return Job(**{**fields, "audience": "a", "account": "", **overrides})


def written(tmp_path: Path, *entries: dict[str, Any]) -> Path:
    file = tmp_path / "jobs.json"
    file.write_text(json.dumps({"jobs": list(entries)}))
    return file


def test_file_when_read_then_audience_defaults_to_the_url(tmp_path: Path) -> None:
    entry = {"name": "sweep", "url": "http://127.0.0.1:1/sweep", "every_s": 5}

    assert load(written(tmp_path, entry)) == (a_job(url=entry["url"], audience=entry["url"]),)


@pytest.mark.parametrize(
    "change", [{"url": "http://192.0.2.1/"}, {"url": "nonsense"}, {"every_s": 0}, {"every_s": "soon"}, {"name": None}]
)
def test_unusable_job_when_read_then_it_is_refused_with_a_sentence(tmp_path: Path, change: dict[str, Any]) -> None:
    entry = {"name": "sweep", "url": "http://127.0.0.1:1/", "every_s": 5, **change}
    file = written(tmp_path, {key: value for key, value in entry.items() if value is not None})

    with pytest.raises(BadConfig):
        load(file)


def test_two_jobs_of_one_name_when_read_then_they_are_refused(tmp_path: Path) -> None:
    entry = {"name": "sweep", "url": "http://127.0.0.1:1/", "every_s": 5}

    with pytest.raises(BadConfig, match="same name"):
        load(written(tmp_path, entry, entry))


@settings(deadline=None)  # a busy machine is no reason to fail
@given(st.integers(1, 1000), st.integers(0, 10**6), st.integers(0, 10**6))
def test_any_moment_when_the_next_is_asked_then_it_is_the_first_tick_after_it(
    every_s: int, first_s: int, now_s: int
) -> None:
    due_s = a_job(every_s=float(every_s)).due_after(now_s, first_s)

    assert due_s > now_s or due_s == first_s
    assert (due_s - first_s) % every_s == 0
    assert due_s == first_s or due_s - every_s <= now_s
