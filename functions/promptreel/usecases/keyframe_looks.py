"""How keyframes look, where the film is graded; of another film nothing is read or measured."""

from promptreel.domain import grade
from promptreel.domain.grade import Look
from promptreel.domain.job import Job
from promptreel.services import Services


def measure_stored(job: Job, uri: str, services: Services) -> Look | None:
    """The look of the keyframe that is stored at this address. Raises: NotFound."""
    return None if job.request.grade == "off" else measure(job, services.artifacts.get(uri), services)


def measure(job: Job, picture: bytes, services: Services) -> Look | None:
    """The look of a keyframe by its bytes."""
    if job.request.grade == "off":
        return None
    return grade.measure(services.pictures.read_pixels(picture, grade.MEASURED_PX))
