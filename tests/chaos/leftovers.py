"""Objects that may stay in the bucket although no document names them; each follows from a rule of the ledger."""

from tests.chaos.evidence import Evidence


def is_allowed(uri: str, evidence: Evidence) -> bool:
    """Whether this object is one of the leftovers that docs/invariants.md lists."""
    path = uri.removeprefix(evidence.bucket)
    job_id = path.split("/")[1] if path.startswith("jobs/") else ""
    return job_id in evidence.jobs and (
        path.startswith(f"jobs/{job_id}/work/")  # pieces of a cut, kept for the next cut of the same scenes
        or _of_a_lost_call(path, job_id, evidence)
        or _of_an_earlier_cut(path, job_id, evidence)
        or _of_a_worker_that_died(path, job_id, evidence)
    )


def _of_a_lost_call(path: str, job_id: str, evidence: Evidence) -> bool:
    """Output of a call that was given up: its sender died after the upload, or it came after its window."""
    lost = [call for call in evidence.ledgers[job_id]["calls"] if call["state"] == "LOST"]
    folders = path.split("/")[2:]
    for call in lost:
        if call["kind"] == "video" and folders[:1] == ["clips"] and call["id"] in folders:
            return True
        if (
            call["kind"] == "image"
            and folders[0] in {"keyframes", "sheets"}
            and folders[-1].endswith(f"-{call['digest']}.png")
        ):
            return True
        if call["kind"] == "text" and folders == [f"{call['purpose'].split('/')[0]}-{call['id']}.json"]:
            return True
    return False


def _of_an_earlier_cut(path: str, job_id: str, evidence: Evidence) -> bool:
    """A film and its poster that were cut before a resume brought a clip in the place of a still."""
    if not evidence.resumed(job_id) or not path.startswith(f"jobs/{job_id}/output/"):
        return False
    cuts = {render["id"] for render in evidence.renders if render["job"] == job_id}
    return path.rpartition("-")[2].partition(".")[0] in cuts


def _of_a_worker_that_died(path: str, job_id: str, evidence: Evidence) -> bool:
    """A copy whose worker died before it settled the call; when another one copied, a later film was the latest."""
    if not path.startswith(f"jobs/{job_id}/reused/"):
        return False
    source = path.rpartition("/")[2].partition(".")[0]
    return any(call["id"] == source for other, call in evidence.calls() if other != job_id)
