"""What is new since the last look, as lines of text: the live view for a log file or a pipe. Pure."""

from collections.abc import Iterator
from datetime import datetime

from client import view, words
from client.shapes import Job, Scene


def changes(before: Job | None, job: Job, now: datetime) -> list[str]:
    """One line for the job when it moved, one for each scene that did; none when nothing is new."""
    at = words.clock_time(words.elapsed_s(job["created"], now))
    lines = [*_job_line(before, job), *_scene_lines(before, job)]
    return [f"{at:>7}  {line}" for line in lines]


def _job_line(before: Job | None, job: Job) -> Iterator[str]:
    if before is None or before["state"] != job["state"]:
        spent, limit = job["budget"]["spent_usd"], job["budget"]["limit_usd"]
        yield (
            f"{job['id']}  {job['state']}  {job['progress']['fraction']:.0%}"
            f"  {words.dollars(spent)} of {words.dollars(limit)}"
        )


def _scene_lines(before: Job | None, job: Job) -> Iterator[str]:
    known = {scene["id"]: _standing(scene) for scene in before["scenes"]} if before else {}
    for scene in sorted(job["scenes"], key=lambda each: each["display_order"]):
        standing = _standing(scene)
        if known.get(scene["id"]) != standing:
            state, frames, tries, error = standing
            yield "  ".join(
                filter(
                    None,
                    (
                        f"{scene['id']}  {state}  frames {frames}/2",
                        f"try {tries}" if tries > 1 else "",
                        words.plain(error),
                    ),
                )
            )


def _standing(scene: Scene) -> tuple[str, int, int, str]:
    trouble = scene["error"]
    return scene["state"], view.frames_drawn(scene), len(scene["attempts"]), trouble["message"] if trouble else ""
