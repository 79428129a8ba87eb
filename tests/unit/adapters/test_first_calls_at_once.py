"""The first calls of a new process come at the same time: every adapter imports the SDK, and each gets it whole."""

import ast
import os
import subprocess
import sys

import pytest

# There are no credentials: with a whole SDK every call ends before it is sent, and says so.
PROGRAM = """
import sys, threading
from promptreel.adapters.gemini import Gemini
from promptreel.adapters.omni import Omni
from promptreel.adapters.veo import Veo
from promptreel.ports.models import ImageRequest, VideoRequest

URL = "http://127.0.0.1:1"
CLIP = dict(prompt="a boat", first_uri="gs://b/1.png", last_uri="gs://b/2.png", seconds=4, aspect="16:9",
            resolution="720p", audio=True, seed=1)
IMAGE = ImageRequest("gemini-3.1-flash-image", "a boat", (), "16:9", "1K", (1280, 720), 1, 100, "")
CALLS = {
    "omni": lambda: Omni("p", "global", URL).submit(VideoRequest("gemini-omni-1.2-flash", **CLIP), "gs://b/c/", 20),
    "veo": lambda: Veo("p", "us-central1", URL).submit(VideoRequest("veo-3.1-generate-001", **CLIP), "gs://b/d/", 20),
    "gemini": lambda: Gemini("p", "global", URL).generate_image(IMAGE, 20),
}
names = sys.argv[1:]
together, ended = threading.Barrier(len(names)), {}

def call(name):
    together.wait()
    try:
        ended[name] = repr(CALLS[name]())
    except Exception as error:
        ended[name] = str(error)

threads = [threading.Thread(target=call, args=(name,)) for name in names]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(ended)
"""


@pytest.mark.parametrize("first", ["veo", "gemini"])
def test_two_backends_get_a_whole_sdk_when_their_first_calls_come_at_once(first: str) -> None:
    run = [sys.executable, "-c", PROGRAM, first, "omni"]
    env = os.environ | {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/credentials.json"}

    done = subprocess.run(run, check=True, capture_output=True, text=True, env=env)

    ended = ast.literal_eval(done.stdout)
    assert ended.keys() == {first, "omni"}
    assert [words for words in ended.values() if "never sent" not in words] == []
