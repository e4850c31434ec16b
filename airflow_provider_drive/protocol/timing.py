"""Figures of the parameters and of the deferral. They stand apart since Dag files read them at each parse."""

from __future__ import annotations

COPY_TIMEOUT = 86_400.0
"""Seconds that a copy is waited for: a monitor URL was seen to live a day."""
POLL_INTERVAL = 15.0
"""Seconds between two looks at a copy, at most."""
DEFERRAL_MARGIN = 120.0
"""Seconds by which Airflow's own limit of a deferral is later than the trigger's: that one can say more."""
