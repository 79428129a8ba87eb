"""Serve a page with a film on loopback, with byte ranges as a bucket does: browsers need them to seek."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

PAGE = """<!doctype html><html lang="en"><title>Film</title><link rel="icon" href="data:,">
<video src="/film.mp4" preload="auto" controls></video></html>"""


@contextmanager
def serve_film(film: Path) -> Iterator[str]:
    """Serve the page while the block runs, at the address it yields."""
    routes = [
        Route("/", lambda request: HTMLResponse(PAGE)),
        Route("/film.mp4", lambda request: _film(film)),
    ]
    config = uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def _film(film: Path) -> Response:
    return FileResponse(film, media_type="video/mp4")
