"""Clips are made in Veo's own location, and polled where they were submitted."""

from promptreel.adapters.veo import Veo
from promptreel.adapters.video import VideoBackends
from promptreel.composition import services_from
from promptreel.settings import Settings
from tests.unit.test_settings import COMPLETE

OPERATION = "projects/p/locations/{}/publishers/google/models/veo-3.1-generate-001/operations/1"


def test_veo_is_asked_in_its_own_location_when_everything_else_is_elsewhere() -> None:
    settings = Settings.from_env(
        {**COMPLETE, "PROMPTREEL_REGION": "europe-west1", "PROMPTREEL_VEO_LOCATION": "us-east1"}
    )
    video = services_from(settings).video

    assert isinstance(video, VideoBackends)
    veo = video._backends["veo"]
    assert isinstance(veo, Veo)
    assert veo._client._api_client.location == "us-east1"


def test_operation_is_polled_in_the_location_of_its_name_when_the_setting_has_changed_since() -> None:
    veo = Veo("p", "europe-west4", "http://127.0.0.1:1")

    assert veo._client_for(OPERATION.format("us-central1"))._api_client.location == "us-central1"
    assert veo._client_for(OPERATION.format("europe-west4")) is veo._client
    assert veo._client_for("a name without a location") is veo._client
