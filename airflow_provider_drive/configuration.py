"""
A deployment's own defaults: the section ``[drive]`` of Airflow's configuration.

Airflow 2.11 does not know the section outside its command line, so that each option is read with a fallback.
"""

from __future__ import annotations

import logging
import math
from typing import Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_drive.protocol import timing

SECTION = "drive"
_YEAR = 366 * 86_400.0
_LEAST = 0.001
_log = logging.getLogger(__name__)


def read_number(option: str, default: float, most: float, *, least: float = _LEAST, log: Any = _log) -> float:
    """
    Read a number of the section. Anything else is logged as a warning, and is the default.

    :param default: Its value if it is not set.
    :param most: The largest that it may be.
    :param least: The smallest that it may be.
    """
    text = conf.get(SECTION, option, fallback=None)
    try:
        number = float(text) if text else default
    except ValueError:
        number = math.nan
    if least <= number <= most:
        return number
    log.warning(
        "Invalid `%s` in [%s]: must be a number from %.9g to %.9g. It is %.9g.",
        *(option, SECTION, least, most, default),
    )
    return default


def read_text(option: str) -> str:
    """Read a text of the section; empty if it is not set."""
    return str(conf.get(SECTION, option, fallback="") or "")


POLL_INTERVAL = read_number("poll_interval", timing.POLL_INTERVAL, 86_400.0)
"""Seconds between two polls of a copy, at most."""
COPY_TIMEOUT = read_number("copy_timeout", timing.COPY_TIMEOUT, _YEAR)
"""Seconds that a copy may take."""
