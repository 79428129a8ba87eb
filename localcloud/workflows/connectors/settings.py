"""``connector_params``: how long a connector call may take, how it polls, which scopes its token has."""

from dataclasses import dataclass

from localcloud.workflows.faults import type_fault, value_fault
from localcloud.workflows.program.attempts import Backoff
from localcloud.workflows.values import Value, is_number, type_name

DEFAULT_TIMEOUT_S = 1800.0
_DEFAULT_POLLING: dict[str, Value] = {"initial_delay": 1.0, "multiplier": 1.25, "max_delay": 60.0}
_KNOWN = {"timeout", "polling_policy", "skip_polling", "scopes"}


@dataclass(frozen=True, slots=True)
class Settings:
    timeout_s: float
    polling: Backoff
    skip_polling: bool
    scopes: Value  # None, a string or a list of strings: as an ``auth`` block has them

    @classmethod
    def of(cls, given: Value) -> "Settings":
        """Raises: Raised, a TypeError or ValueError for what the reference does not allow."""
        params = _map("connector_params", given)
        unknown = sorted(str(name) for name in params if name not in _KNOWN)
        if unknown:
            raise value_fault(f"connector_params does not know {', '.join(unknown)}")
        policy = {**_DEFAULT_POLLING, **_map("polling_policy", params.get("polling_policy"))}
        skip = params.get("skip_polling", False)
        if type(skip) is not bool:
            raise type_fault(f"skip_polling must be a boolean, not {type_name(skip)}")
        polling = Backoff(*(_positive(name, policy[name]) for name in ("initial_delay", "max_delay", "multiplier")))
        return cls(_positive("timeout", params.get("timeout", DEFAULT_TIMEOUT_S)), polling, skip, params.get("scopes"))


def _map(name: str, value: Value) -> dict[str, Value]:
    if value is None:
        return {}
    if type(value) is not dict:
        raise type_fault(f"{name} must be a map, not {type_name(value)}")
    return dict(value)


def _positive(name: str, value: Value) -> float:
    if not is_number(value):
        raise type_fault(f"{name} must be a number, not {type_name(value)}")
    if value <= 0:
        raise value_fault(f"{name} must be positive, not {value}")
    return float(value)
