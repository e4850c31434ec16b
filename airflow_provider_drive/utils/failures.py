"""
How an error of ours becomes one that Airflow acts upon.

An error that no retry can heal has to be an ``AirflowFailException`` for Airflow, and the class of
:mod:`airflow_provider_drive.exceptions` for everybody else: so it becomes both.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_drive.exceptions import DriveCopyUnknownError, DriveError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def fail_on_permanent_errors(*, remembers: bool = False) -> Iterator[None]:
    """
    Fail the task at once, without burning its retries, for what no retry can heal.

    :param remembers: A retry knows what was begun: so it may find a copy that nobody could see before.
    """
    try:
        yield
    except DriveError as error:
        if not error.retryable and not (remembers and isinstance(error, DriveCopyUnknownError)):
            also_as(error, AirflowFailException)
        raise


def also_as(error: DriveError, kind: type[Exception]) -> DriveError:
    """Return the error, which is one of Airflow's as well from now on."""
    if not isinstance(error, kind):
        error.__class__ = _joint(type(error), kind)  # type: ignore[arg-type]  # classes are hashable
    return error


@cache  # one class for each pair, so that `except` finds it
def _joint(ours: type[DriveError], airflows: type[Exception]) -> type[DriveError]:
    return type(ours.__name__, (ours, airflows), {"__module__": ours.__module__, "__doc__": ours.__doc__})
