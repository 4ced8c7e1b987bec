"""How thoroughly properties are tried: the same examples in every run, in any time; those of `thorough` 250 times.

``PROPERTY_EXAMPLES=20000`` tries as many, other ones every time.
"""

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = os.environ.get("PROPERTY_EXAMPLES")

USUAL = "usual"

settings.register_profile(
    USUAL, derandomize=_EXAMPLES is None, database=None, deadline=None, print_blob=True
)
thorough = settings(
    settings.get_profile(USUAL),
    max_examples=int(_EXAMPLES or 250),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
