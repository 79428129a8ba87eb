"""Settings complain about everything at once, and services.json sets what they read (one truth)."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from promptreel.errors import Broken
from promptreel.settings import Settings

CONFIG = Path(__file__).parents[2] / "infra" / "config" / "services.json"
COMPLETE = {
    f"PROMPTREEL_{field.name.upper()}": "x"
    for field in fields(Settings)
    if field.name
    not in {
        "pace",
        "keep_days",
        "clock_ahead_s",
        "media_url",
        "web_url",
        "replicate",
        "max_active_jobs",
        "requests_per_minute",
        "veo_quota_per_minute",
    }
}


def test_complete_environment_is_read_and_empty_urls_mean_googles() -> None:
    settings = Settings.from_env({**COMPLETE, "PROMPTREEL_PACE": "0.05"})

    assert (settings.project, settings.pace, settings.media_url) == ("x", 0.05, "")


def test_missing_and_wrong_settings_are_all_named_at_once() -> None:
    with pytest.raises(Broken) as told:
        Settings.from_env({**COMPLETE, "PROMPTREEL_PROJECT": "", "PROMPTREEL_PACE": "2", "PROMPTREEL_KEEP_DAYS": "-1"})

    for name in ("PROMPTREEL_PROJECT", "PROMPTREEL_PACE", "PROMPTREEL_KEEP_DAYS"):
        assert name in told.value.message


def test_error_quotes_no_value_when_settings_are_wrong() -> None:
    with pytest.raises(Broken) as raised:
        Settings.from_env({**COMPLETE, "PROMPTREEL_PACE": "a-secret"})

    assert "a-secret" not in f"{raised.value} {raised.value.__cause__}"


def test_deployment_sets_exactly_what_settings_read() -> None:
    text = CONFIG.read_text().replace("{max_active_jobs}", "5").replace("{requests_per_minute}", "70")
    services = json.loads(text.replace("{veo_quota_per_minute}", "40"))
    known = {f"PROMPTREEL_{field.name.upper()}" for field in fields(Settings)}

    assert {*services["env"], *services["replicate_env"], *services["local_env"]} <= known
    settings = Settings.from_env(services["env"])
    assert (settings.pace, settings.max_active_jobs, settings.requests_per_minute) == (1.0, 5, 70)
    assert settings.veo_quota_per_minute == 40
    assert Settings.from_env(services["env"]).replicate is False
    assert Settings.from_env(services["env"] | services["replicate_env"]).replicate is True
