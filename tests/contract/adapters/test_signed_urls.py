"""Links that `RemoteSigner` signs, opened at the media server."""

import json
import subprocess
import sys
from urllib.parse import quote, urlsplit

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
