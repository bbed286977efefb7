"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# The same examples each time, so that a run says something about the code and not about luck; and no
# deadlines, which would say something about the machine.
settings.register_profile("deterministic", derandomize=True, deadline=None)
settings.load_profile("deterministic")
