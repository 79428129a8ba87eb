"""Free ports do not collide; for fixed ports a collision is an error."""

import random
import socket

import pytest

from localstack import layout
from localstack.layout import FIXED_FROM, FREE_RANGE, PortTaken, fixed_ports, free_ports

NAMES = [f"listener-{place}" for place in range(40)]


def test_free_ports_are_distinct_and_outside_the_range_of_outgoing_connections() -> None:
    chosen = free_ports(NAMES, random.Random(1))

    assert list(chosen) == NAMES
    assert len(set(chosen.values())) == len(NAMES)
    assert all(port in FREE_RANGE for port in chosen.values())


def test_free_ports_are_none_of_an_earlier_choice_when_nobody_listens_on_those_yet() -> None:
    seed = random.SystemRandom().random()
    first, second = (free_ports(NAMES, random.Random(seed)) for _ in range(2))

    assert not set(first.values()) & set(second.values())


def test_free_ports_skip_a_port_when_it_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    used = free_ports(["api"], random.Random())["api"]
    monkeypatch.setattr(layout, "FREE_RANGE", range(used - 1, used + 1))
    monkeypatch.setattr(layout, "_BLOCK", 2)
    with socket.create_server(("127.0.0.1", used)), pytest.raises(PortTaken, match="no 1 free ports"):
        free_ports(["api"], random.Random())


def test_fixed_ports_name_the_port_when_it_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    base = free_ports(["base"], random.Random())["base"]
    monkeypatch.setattr(layout, "FIXED_FROM", base)
    with socket.create_server(("127.0.0.1", base)), pytest.raises(PortTaken, match=rf"{base} \(api\)"):
        fixed_ports(["api", "vertex"])


def test_fixed_ports_count_up_when_all_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FIXED_FROM == 9400
    monkeypatch.setattr(layout, "FIXED_FROM", 21_000)
    monkeypatch.setattr(layout, "_is_free", lambda _: True)

    assert fixed_ports(["api", "vertex"]) == {"api": 21_000, "vertex": 21_001}
