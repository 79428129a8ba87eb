"""Give a job one of its owner's places: no owner has more unfinished jobs than the deployment allows (docs/adr/0028).

The place is written in the batch that stores or resumes the job. No worker gives it back: a submission that finds no
free place looks which of the jobs have ended.
"""

from threading import Lock

from promptreel.domain.active_jobs import ActiveJobs, active_jobs_id
from promptreel.errors import NotFound, TooMany, UnreadableDocument
from promptreel.ports.storage import Create, Replace
from promptreel.services import Services

RETRY_AFTER_S = 60  # when a film ends is not known; clients should not ask all the time

# Submissions of one owner to one instance queue here instead of losing races for the same document. Which of them are
# admitted is decided by compare-and-set.
_LOCKS = tuple(Lock() for _ in range(64))


def owner_lock(owner: str) -> Lock:
    """The lock under which a job of this owner is stored."""
    return _LOCKS[int(active_jobs_id(owner)[:8], 16) % len(_LOCKS)]


def take_place(owner: str, job_id: str, services: Services) -> Create | Replace[ActiveJobs]:
    """The change that gives the job a place; it must be written with the job, and read again when that conflicts.

    Raises: TooMany when all places are taken.
    """
    jobs, now, limit = services.jobs, services.clock.now(), services.limits.active_jobs
    read = jobs.get_active_jobs(owner)
    known = read.value if read else ActiveJobs.of_nothing(owner, now)
    others = [one for one in known.jobs if one != job_id]
    if len(others) >= limit:
        others = [one for one in others if _is_active(one, services)]
    if len(others) >= limit:
        raise TooMany(
            f"The owner has {len(others)} unfinished jobs, with those that wait for an approval; there may be {limit}.",
            code="too_many_jobs",
            remedy="Wait until one has ended, or cancel one.",
            retry_after_s=RETRY_AFTER_S,
        )
    changed = known.with_jobs([*others, job_id], now)
    return Replace("", read, changed) if read else Create("", changed)


def _is_active(job_id: str, services: Services) -> bool:
    try:
        job = services.jobs.get_job(job_id).value
    except NotFound:
        return False
    except UnreadableDocument:  # a newer version's
        return True
    return not job.is_final and not job.is_hidden(services.clock.now())
