"""Tiny real programs for the supervisor to run, and short timeouts for it."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import psutil
import pytest

from localcloud.tests.loopback import free_port
from localcloud.tests.waiting import PATIENCE_S
from localstack.supervisor import Program, Timeouts

# Answers every GET with 200, like a stand-in; standard library only, so that it starts at once.
SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
class Server(http.server.HTTPServer):
    allow_reuse_address = True
print("listening", flush=True)
Server(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""

# A leader whose child outlives it, as Firestore's start script and its Java.
PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1], sys.argv[2]])
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def timeouts() -> Timeouts:
    return Timeouts(poll_s=0.02, start_s=20, first_pause_s=0.01, longest_pause_s=0.02, stop_s=5)


@pytest.fixture
def server(tmp_path: Path, port: int) -> Program:
    return Program("server", (sys.executable, "-c", SERVER, str(port)), tmp_path, {}, (f"http://127.0.0.1:{port}/",))


@pytest.fixture
def server_behind_a_script(tmp_path: Path, port: int) -> Program:
    argv = (sys.executable, "-c", PARENT, SERVER, str(port))
    return Program("script", argv, tmp_path, {}, (f"http://127.0.0.1:{port}/",))


@pytest.fixture
def failing(tmp_path: Path) -> Program:
    argv = (sys.executable, "-c", "import sys; sys.exit('no such film')")
    return Program("failing", argv, tmp_path, {}, ("http://127.0.0.1:9/",))


Until = Callable[[Callable[[], object]], Coroutine[None, None, None]]


@pytest.fixture
def until() -> Until:
    """Wait until a condition holds, and fail if it never does."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - processes send no event
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def left_behind(tmp_path: Path) -> Callable[[], list[str]]:
    """List the command lines of the live processes that were started in this test's folder."""

    def look() -> list[str]:
        processes = (process.info for process in psutil.process_iter(["cwd", "status", "cmdline"]))
        return [
            " ".join(process["cmdline"])
            for process in processes
            if process["cwd"] == str(tmp_path)
            and process["status"] != psutil.STATUS_ZOMBIE
            and process["cmdline"] is not None  # of one that became a zombie while it was read
        ]

    return look
