"""Everything a workflow may call or name without defining it."""

from localcloud.workflows.stdlib import data, experimental, helpers, requests, retry, system, text
from localcloud.workflows.stdlib.functions import Function
from localcloud.workflows.values import Value

FUNCTIONS: dict[str, Function] = {
    name: function
    for module in (data, experimental, helpers, requests, retry, system, text)
    for name, function in module.namespace.functions.items()
}

CONSTANTS: dict[str, Value] = {**FUNCTIONS, **retry.CONSTANTS}
"""What a dotted name means when nothing is called: a policy, or the function itself, to be used as a predicate."""
