"""What a finished job has to take home: the film and its poster, as files."""

from pathlib import Path

from client.api import PromptreelClient
from client.problems import Unusable
from client.shapes import FINAL


def download_output(client: PromptreelClient, job_id: str, directory: Path) -> list[Path]:
    """The job's film and poster, saved in a directory. Raises: Unusable while there is no film."""
    found = client.job(job_id)
    output = found["output"]
    if output is None:
        raise Unusable(
            f"{job_id} has no film: it is {found['state']}.",
            remedy=f"See what happened: promptreel status {job_id}"
            if found["state"] in FINAL
            else f"Wait for it: promptreel watch {job_id}",
        )
    saved = [client.download(output["film"]["url"], directory / "film.mp4")]
    if output["poster"] is not None:
        saved.append(client.download(output["poster"]["url"], directory / "poster.jpg"))
    return saved
