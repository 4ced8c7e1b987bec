"""How thoroughly the properties are tried: 500 examples each, the same ones in every run.

``PROPERTY_EXAMPLES=20000`` tries more of them, other ones every time.
"""

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = os.environ.get("PROPERTY_EXAMPLES")

thorough = settings(
    max_examples=int(_EXAMPLES or 500),
    derandomize=_EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
