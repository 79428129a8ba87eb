"""``make container-test``: build both images, cut a film inside the stitcher's, start both, without a daemon.

buildah builds and runs by chroot alone, on a base that mmdebstrap puts together from the machine's own Debian mirror:
a stand-in for the real base image, so it tests what the Dockerfiles add to it. Needs root, 4 GB below /tmp, and

    apt-get install -y --no-install-recommends buildah mmdebstrap

Chroot isolation shares the host's network and processes: everything binds to loopback and is stopped by its pid.
"""

import argparse
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore[attr-defined]

from localcloud.tests import loopback
from localcloud.tests.loopback import answers, free_port
from localcloud.tests.waiting import PATIENCE_S, eventually
from stitcher_service.ffmpeg.probe import probe
from tests.stitcher.media import SIZE, ClipSpec, make_clip

ROOT = Path(__file__).parents[1]
BASE = "localhost/standin/python"
PROGRAMS = ("buildah", "mmdebstrap")
USER = 10_001
FRAMES = 2 * 48 - 12
ENVIRONMENT = {
    **{f"PROMPTREEL_{name}": "x" for name in ("PROJECT", "REGION", "DATABASE", "WORKFLOW", "TASKS_ACCOUNT")},
    **{f"PROMPTREEL_{name}_BUCKET": "x" for name in ("ARTIFACTS", "PROMPTS", "RESULTS")},
    "PROMPTREEL_SUBMIT_CLIP_URL": "https://x.example",
    "PROMPTREEL_DELIVER_WEBHOOK_URL": "https://x.example",
    "PROMPTREEL_IAP_AUDIENCE": "/projects/1/locations/x/services/studio",
}


@dataclass(frozen=True, slots=True)
class Image:
    """An image as infra/build.yaml builds it."""

    name: str
    dockerfile: str
    context: str
    server: str
    """The server that its command starts."""


STITCHER = Image("localhost/stitcher", "stitcher_service/Dockerfile", ".", "gunicorn")
STUDIO = Image("localhost/studio", "infra/studio/Dockerfile", "functions", "functions-framework")


class CheckFailed(Exception):
    """An image or its container does not have a required property."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise CheckFailed(what)
    print_line(f"  ok  {what}")


def print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Buildah:
    """buildah with its own store."""

    folder: Path

    def argv(self, *arguments: str) -> tuple[str, ...]:
        store = ("--root", str(self.folder / "store"), "--runroot", str(self.folder / "run"))
        return ("buildah", *store, "--storage-driver", "vfs", *arguments)

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(self.argv(*arguments), cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CheckFailed(f"buildah {' '.join(arguments)}: {done.stderr[-2000:]}{done.stdout[-2000:]}")
        return done.stdout.strip()

    def inside(self, container: str, *command: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The arguments that run `command` in a container, on the host's network."""
        return self.argv("run", "--isolation", "chroot", *options, container, "--", *command)


def make_base(buildah: Buildah, tar: Path) -> None:
    """Make a base image with Python on Debian, in place of python:3.x-slim."""
    if not tar.exists():
        mirror = subprocess.run(
            ("apt-get", "indextargets", "--format", "$(SITE)"),  # noqa: S607 - as found on the path
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[0]
        tar.parent.mkdir(parents=True, exist_ok=True)
        packages = "--include=python3,python3-pip,ca-certificates"
        partial = tar.with_suffix(".partial.tar")
        command = ("mmdebstrap", "--quiet", "--variant=minbase", packages, "bookworm", str(partial), mirror)
        subprocess.run(command, check=True)
        partial.rename(tar)
    container = buildah("from", "scratch")
    buildah("add", "-q", container, str(tar), "/")
    as_in_slim = "ln -sf python3 /usr/bin/python; rm -f /usr/lib/python3*/EXTERNALLY-MANAGED"
    subprocess.run(buildah.inside(container, "sh", "-c", as_in_slim), check=True)
    buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", container)
    buildah("commit", "-q", "--rm", container, BASE)


def build(buildah: Buildah, image: Image) -> None:
    certificates = "/etc/ssl/certs:/etc/ssl/certs:ro"  # the host may trust an authority of its own
    options = ("--isolation", "chroot", "--pull-never", "-v", certificates, "--build-arg", f"BASE={BASE}")
    ignoring = Path(f"{image.dockerfile}.dockerignore")  # which docker finds by itself
    ignored = ("--ignorefile", str(ignoring)) if (ROOT / ignoring).exists() else ()
    buildah("build", "-q", *options, "-f", image.dockerfile, *ignored, "-t", image.name, image.context)


def check_image(buildah: Buildah, image: Image) -> list[str]:
    """Check the image's configuration and return its command."""
    about: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", image.name))["OCIv1"]
    config = about["config"]
    require(config["User"].isdecimal() and int(config["User"]) > 0, "the user is a number and not root")
    require(
        config["Cmd"][-1].startswith(f"exec {image.server} "),
        "the web server replaces the shell, so SIGTERM reaches it",
    )
    names = [entry.partition("=")[0] for entry in config["Env"]]
    require(not [name for name in names if "SECRET" in name or "TOKEN" in name or "KEY" in name], "no secrets in it")
    command: list[str] = config["Cmd"]
    return command


def check_files(buildah: Buildah, container: str) -> None:
    found = ("find", "/app", "-name", "test_*")
    tests = subprocess.run(buildah.inside(container, *found), capture_output=True, text=True, check=True)
    require(not tests.stdout, "no tests in it")
    written = subprocess.run(buildah.inside(container, "touch", "/app/x"), capture_output=True, check=False)
    require(written.returncode != 0, "its user cannot write into the program's folder")


def check_ffmpeg(buildah: Buildah, container: str) -> None:
    hashing = 'sha256sum "$(python -c "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())")"'
    digest = subprocess.run(
        buildah.inside(container, "sh", "-c", hashing), capture_output=True, text=True, check=True
    ).stdout.split()[0]
    with Path(get_ffmpeg_exe()).open("rb") as own:  # type: ignore[no-untyped-call]
        require(digest == hashlib.file_digest(own, "sha256").hexdigest(), "ffmpeg is the same, bit for bit, as here")


def cut_film(buildah: Buildah, container: str, folder: Path) -> None:
    """Two clips with a crossfade, cut by the command inside the container."""
    folder.mkdir()
    folder.chmod(0o777)
    for mark in (1, 2):
        make_clip(folder / f"{mark}.mp4", ClipSpec(mark=mark, frames=48)).chmod(0o644)
    clips = [{"path": "1.mp4", "transition": {"kind": "crossfade", "duration_s": 0.5}}, {"path": "2.mp4"}]
    (folder / "cut.json").write_text(json.dumps({"size": SIZE, "fps": 24, "clips": clips}))
    command = ("python", "-m", "stitcher_service", "/film/cut.json", "/film/film.mp4")
    done = subprocess.run(
        buildah.inside(container, *command, options=("-v", f"{folder}:/film")),
        capture_output=True,
        text=True,
        check=False,
    )
    require(done.returncode == 0, f"a film is cut inside {done.stderr[-1000:]}")
    video = probe(folder / "film.mp4").video
    require(video is not None and video.frames == FRAMES, f"and has the {FRAMES} requested frames")
    require((folder / "film.mp4").stat().st_uid == USER, "made by the user 10001")


@contextmanager
def served(buildah: Buildah, container: str, command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The image's own command, but on loopback: the run and its address."""
    port = free_port()
    on_loopback = [
        part.replace("bind :", "bind 127.0.0.1:").replace("--port=", "--host=127.0.0.1 --port=") for part in command
    ]
    environment = [
        word for name, value in {**ENVIRONMENT, "PORT": port}.items() for word in ("--env", f"{name}={value}")
    ]
    running = subprocess.Popen(buildah.inside(container, *on_loopback, options=tuple(environment)))
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(f"{url}/healthz"), "the service answers")
        yield running, url
    finally:
        for child in psutil.Process(running.pid).children(recursive=True) if running.poll() is None else []:
            child.kill()
        running.kill()
        running.wait()


def server_process(pid: int) -> psutil.Process:
    """The listening process that started the other ones."""
    children = psutil.Process(pid).children(recursive=True)
    listening = [child for child in children if child.net_connections("tcp")]
    return next(child for child in listening if child.parent() not in listening)


def refuses_bad_request(url: str) -> None:
    refused = loopback.post(f"{url}/film", json={"job_id": "../x"})
    is_problem = refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY and refused.json()["code"] == "invalid"
    require(is_problem, "a bad request is answered with a problem")


def refuses_strangers(url: str) -> None:
    refused = loopback.get(f"{url}/v1/jobs", headers={"Authorization": "Bearer a.b.c"})
    is_problem = refused.status_code == httpx.codes.FORBIDDEN and refused.json()["code"] == "not_signed_in"
    require(is_problem, "a request that did not pass Identity-Aware Proxy is refused")


def check_service(buildah: Buildah, container: str, command: list[str], check: Callable[[str], None]) -> None:
    with served(buildah, container, command) as (running, url):
        server = server_process(running.pid)
        require(server.uids().real == USER, "the service runs as user 10001 and answers its health check")
        check(url)
        server.send_signal(signal.SIGTERM)
        require(running.wait(PATIENCE_S) == 0, "SIGTERM ends it with exit code 0")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.container", description=__doc__)
    parser.add_argument(
        "--base", type=Path, default=ROOT / ".local" / "container" / "base.tar", help="kept between runs"
    )
    base = parser.parse_args(arguments).base
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        print_line(
            f"not installed: {' '.join(missing)} (apt-get install -y --no-install-recommends {' '.join(missing)})"
        )
        return 2
    folder = Path(tempfile.mkdtemp(prefix="promptreel-container-"))
    folder.chmod(0o755)
    buildah = Buildah(folder)
    try:
        make_base(buildah, base)
        for image, check in ((STITCHER, refuses_bad_request), (STUDIO, refuses_strangers)):
            print_line(f"{image.dockerfile}:")
            build(buildah, image)
            command = check_image(buildah, image)
            container = buildah("from", "--pull-never", image.name)
            check_files(buildah, container)
            if image is STITCHER:
                check_ffmpeg(buildah, container)
                cut_film(buildah, container, folder / "film")
            check_service(buildah, container, command, check)
    except CheckFailed as failure:
        print_line(f"  FAILED  {failure}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_line("both containers build, serve and stop as they should")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
