"""What takes seconds in a new process is done by `connect`, before a call is claimed: a call imports no SDK."""

import ast
import os
import subprocess
import sys

import pytest

# Nobody listens at the address: every call ends there.
PROGRAM = """
import sys
from promptreel.adapters.gemini import Gemini
from promptreel.adapters.omni import Omni
from promptreel.adapters.replicate import Replicate
from promptreel.adapters.veo import Veo
from promptreel.ports.models import ImageRequest, VideoRequest

class Links:
    def sign_urls(self, uris, expires_s):
        return {uri: uri for uri in uris}

URL = "http://127.0.0.1:1"
CLIP = dict(prompt="a boat", first_uri="gs://b/1.png", last_uri="gs://b/2.png", seconds=4, aspect="16:9",
            resolution="720p", audio=True, seed=1)
IMAGE = ImageRequest("gemini-3.1-flash-image", "a boat", (), "16:9", "1K", (1280, 720), 1, 100, "")

def film(backend, model):
    return backend, lambda: backend.submit(VideoRequest(model, **CLIP), "gs://b/c/", 20)

gemini = Gemini("p", "global", URL)
backend, call = {
    "omni": lambda: film(Omni("p", "global", URL), "gemini-omni-1.2-flash"),
    "veo": lambda: film(Veo("p", "us-central1", URL), "veo-3.1-generate-001"),
    "kling": lambda: film(Replicate("t", URL, Links()), "kwaivgi/kling-v3-video"),
    "gemini": lambda: (gemini, lambda: gemini.generate_image(IMAGE, 20)),
}[sys.argv[1]]()
backend.connect()
known = set(sys.modules)
try:
    call()
except Exception as error:
    ended = str(error)
sdks = ("google.genai", "httpx2", "httpcore2", "pydantic")
print([ended, sorted(name for name in set(sys.modules) - known if name.startswith(sdks))])
"""

FEW = 2  # small modules that the SDK's interactions import with a request; without `connect` it is 430


@pytest.mark.parametrize("model", ["omni", "veo", "kling", "gemini"])
def test_call_imports_no_sdk_when_its_client_is_connected(model: str) -> None:
    run = [sys.executable, "-c", PROGRAM, model]
    env = os.environ | {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/credentials.json"}

    done = subprocess.run(run, check=True, capture_output=True, text=True, env=env)

    ended, imported = ast.literal_eval(done.stdout)
    assert "never sent" in ended
    assert len(imported) <= FEW, imported
