"""A graded film on a whole stack: keyframes are measured, strays corrected in the cut, and the job says so."""

from tests.e2e.stack import Stack

LIGHTS = (
    "Three scenes: a keeper wakes at dawn. He rows at midnight under the stars. He sleeps at noon in the sunny garden."
)


def test_job_shows_the_films_look_and_says_what_was_graded(shared_stack: Stack) -> None:
    request = {"scenes": 3, "duration_s": 12, "quality": "draft", "seed": 5, "grade": "match"}
    job = shared_stack.wait(shared_stack.submit(LIGHTS, **request))

    assert job["state"] == "COMPLETE", job["error"]
    assert set(job["grade"]["target"]) == {"lightness", "a", "b", "contrast", "chroma"}
    assert job["grade"]["strays"], "another seed gives the stand-in's pictures other lights"
    assert [one for one in job["warnings"] if " was graded: at most " in one]
    assert job["output"]["frames"] == job["planned_frames"]
