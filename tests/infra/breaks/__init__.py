"""How each rule is broken, once for each thing that it says."""

from tests.infra.breaks import seen, serving

BREAKS = {**serving.BREAKS, **seen.BREAKS}
