"""Which video backends a deployment has: the flag says what new films may use, the token who can call it."""

from promptreel.adapters.video import VideoBackends
from promptreel.composition import services_from
from promptreel.services import Services
from promptreel.settings import Settings
from tests.unit.test_settings import COMPLETE

ON = {"PROMPTREEL_REPLICATE": "on"}
GOOGLE = frozenset({"veo", "interactions"})
WITHOUT = {name: value for name, value in COMPLETE.items() if name != "PROMPTREEL_REPLICATE_TOKEN"}


def called(services: Services) -> set[str]:
    assert isinstance(services.video, VideoBackends)
    return set(services.video._backends)


def test_films_may_use_replicate_when_it_is_on_though_this_function_has_no_token() -> None:
    services = services_from(Settings.from_env(WITHOUT | ON))

    assert services.protocols == GOOGLE | {"predictions"}
    assert called(services) == GOOGLE


def test_clips_of_replicate_are_still_polled_when_it_is_off_and_the_token_is_there() -> None:
    services = services_from(Settings.from_env(COMPLETE))

    assert services.protocols == GOOGLE
    assert called(services) == GOOGLE | {"predictions"}
