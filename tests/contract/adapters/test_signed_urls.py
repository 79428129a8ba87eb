"""Links that `RemoteSigner` signs, opened at the media server and written to by the command line."""

import json
import subprocess
import sys
from urllib.parse import quote, urlsplit

from client.api import PromptreelClient
from client.uploads import send_rest, start_session
from localcloud.tests import loopback
from localcloud.tests.identity.conftest import Place

# google-auth reads its environment at import, so the adapter runs in a process of its own.
ADAPTER = """
import json, sys
from promptreel.adapters.gcs import GcsArtifacts
from promptreel.adapters.signer import RemoteSigner

iam, media, names = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
artifacts = GcsArtifacts("local", "films", RemoteSigner(iam), media)
print(json.dumps(artifacts.sign_urls(map(artifacts.uri, names), 600)))
"""


def signed(place: Place, names: list[str]) -> dict[str, str]:
    """URLs of many objects by their addresses."""
    argv = (sys.executable, "-c", ADAPTER, place.iam, place.media, json.dumps(names))
    output = subprocess.run(argv, env=place.client_env, capture_output=True, text=True, check=True).stdout
    links: dict[str, str] = json.loads(output)
    return links


def test_links_of_a_long_film_open_their_own_files_when_signed_at_once(place: Place) -> None:
    names = ["film.mp4", "Szene 1/ä&b.mp4", *(f"clips/{number}.mp4" for number in range(180))]

    links = signed(place, names)

    assert [urlsplit(link).path for link in links.values()] == [f"/films/{quote(name)}" for name in names]
    assert list(links) == [f"gs://films/{name}" for name in names]
    assert [loopback.get(links[f"gs://films/{name}"]).status_code for name in names[:3]] == [200, 200, 404]
    assert signed(place, []) == {}


UPLOADS = """
import json, sys
from promptreel.adapters.gcs import GcsUploads
from promptreel.adapters.signer import RemoteSigner

iam, media, method, headers = sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
uploads = GcsUploads("local", "films", (), RemoteSigner(iam), media)
print(uploads.sign_upload(uploads.uri("owners/1/picture"), method, headers, 600))
"""


def test_command_line_goes_on_with_a_picture_in_the_session_of_a_signed_link(place: Place) -> None:
    piece = 256 * 1024
    content = bytes(range(256)) * 4096 + b"end"
    headers = {"Content-Type": "image/png", "x-goog-resumable": "start", "x-goog-if-generation-match": "0"}
    argv = (sys.executable, "-c", UPLOADS, place.iam, place.media, "POST", json.dumps(headers))
    url = subprocess.run(argv, env=place.client_env, capture_output=True, text=True, check=True).stdout.strip()
    client = PromptreelClient(place.media, "a token")

    session = client.run(start_session({"url": url, "headers": headers}))
    assert session is not None
    which = {"Content-Range": f"bytes 0-{piece - 1}/{len(content)}"}
    assert loopback.put(session, content=content[:piece], headers=which).status_code == 308
    client.run(send_rest(session, content))
    client.run(send_rest(session, content))  # as after an answer that was lost

    assert loopback.get(signed(place, ["owners/1/picture"])["gs://films/owners/1/picture"]).content == content
    again = client.run(start_session({"url": url, "headers": headers}))
    assert again is not None
    client.run(send_rest(again, b"another"))  # the first writer of a name wins
    assert loopback.get(signed(place, ["owners/1/picture"])["gs://films/owners/1/picture"]).content == content
    client.close()
