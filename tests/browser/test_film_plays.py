"""A film plays in a real browser: length, seeking to any frame, picture and sound, and no error."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from stitcher_service.engine.assemble import Chapter, Labels
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.stitch import stitch
from tests.browser.film_page import serve_film
from tests.stitcher.media import BITS, SIZE, ClipSpec, make_clip

FPS = 24
CLIP_FRAMES = 48
OVERLAP = 12
FRAMES = 3 * CLIP_FRAMES - OVERLAP

# Seeks to a time and returns the brightness of each block along the top of the frame.
SEEK = """async ([seconds, blocks]) => {
    const video = document.querySelector("video");
    const shown = new Promise(resolve => video.requestVideoFrameCallback((now, frame) => resolve(frame.mediaTime)));
    video.currentTime = seconds;
    const mediaTime = await shown;
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const paper = canvas.getContext("2d", {willReadFrequently: true});
    paper.drawImage(video, 0, 0);
    const width = video.videoWidth / blocks;
    const row = video.videoHeight * 24 / 180;
    const levels = [];
    for (let block = 0; block < blocks; block++) {
        levels.push(paper.getImageData((block + 0.5) * width, row, 1, 1).data[1]);
    }
    return {mediaTime, levels};
}"""

PLAY = """async () => {
    const video = document.querySelector("video");
    const ended = new Promise(resolve => video.addEventListener("ended", resolve, {once: true}));
    video.playbackRate = 4;
    await video.play();
    await ended;
    return {
        decodedPictures: video.getVideoPlaybackQuality().totalVideoFrames,
        decodedSoundBytes: video.webkitAudioDecodedByteCount,
        at: video.currentTime,
    };
}"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips, joined by a crossfade and a cut, with title and chapters: with copied and with encoded frames."""
    folder = tmp_path_factory.mktemp("film")
    for mark in (1, 2, 3):
        make_clip(folder / f"{mark}.mp4", ClipSpec(mark=mark, frames=CLIP_FRAMES))
    clips: list[dict[str, Any]] = [{"path": f"{mark}.mp4"} for mark in (1, 2, 3)]
    clips[0]["transition"] = {"kind": "crossfade", "duration_s": OVERLAP / FPS}
    cut_list = CutList.model_validate({"size": SIZE, "fps": FPS, "clips": clips})
    stitch(cut_list, folder, folder / "film.mp4", Labels("Film", (Chapter(0, "1"), Chapter(4 * FPS, "2"))))
    return folder / "film.mp4"


@pytest.fixture(scope="module")
def messages() -> list[str]:
    """The page's console messages, errors and failed requests."""
    return []


@pytest.fixture(scope="module")
def page(film: Path, messages: list[str]) -> Iterator[Page]:
    """The film's page in Chromium, ready to play."""
    program = shutil.which("chromium")
    assert program, "chromium is not installed: `make setup` installs it"
    options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
    with serve_film(film) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        page = browser.new_page()
        page.on("console", lambda message: messages.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: messages.append(f"error: {error}"))
        page.on("requestfailed", lambda request: messages.append(f"failed: {request.url} {request.failure}"))
        page.goto(address)
        page.wait_for_function("document.querySelector('video').readyState >= 4")
        yield page
        browser.close()


def of_video(page: Page, what: str) -> Any:
    return page.evaluate(f"() => {{ const video = document.querySelector('video'); return {what}; }}")


def test_loaded_film_has_its_length_size_and_both_streams(page: Page) -> None:
    assert of_video(page, "video.duration") == pytest.approx(FRAMES / FPS, abs=1 / FPS)
    assert of_video(page, "[video.videoWidth, video.videoHeight]") == list(SIZE)
    assert of_video(page, "[video.seekable.start(0), video.seekable.end(0)]") == [0, of_video(page, "video.duration")]
    assert of_video(page, "video.captureStream().getTracks().map(track => track.kind).sort()") == ["audio", "video"]


@pytest.mark.parametrize("frame", [1, 20, 34, 50, 83, 84, 107, 108, FRAMES - 1, 0])
def test_seek_shows_exactly_the_requested_frame(page: Page, frame: int) -> None:
    found = page.evaluate(SEEK, [(frame + 0.5) / FPS, BITS])

    code = sum(int(level > 128) << bit for bit, level in enumerate(found["levels"]))
    assert found["mediaTime"] == pytest.approx(frame / FPS, abs=0.001)
    assert (code >> 12, code & 0xFFF) == clip_at(frame)


def clip_at(frame: int) -> tuple[int, int]:
    """The clip, and the frame of it, at a frame of the film; the tested frames are outside the crossfade."""
    if frame < CLIP_FRAMES - OVERLAP:
        return 1, frame
    second = frame - (CLIP_FRAMES - OVERLAP)
    return (2, second) if second < CLIP_FRAMES else (3, second - CLIP_FRAMES)


def test_film_plays_to_its_end_with_picture_and_sound(page: Page) -> None:
    of_video(page, "video.currentTime = 0")

    played = page.evaluate(PLAY)

    assert played["at"] == pytest.approx(FRAMES / FPS, abs=1 / FPS)
    assert played["decodedPictures"] > FPS
    assert played["decodedSoundBytes"] > 0


def test_browser_reports_no_error_after_loading_seeking_and_playing(page: Page, messages: list[str]) -> None:
    assert of_video(page, "video.error") is None
    assert messages == []
