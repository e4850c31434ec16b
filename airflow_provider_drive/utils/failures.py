"""
Raise this package's errors as Airflow's exceptions too.

For an error that is not retryable Airflow needs an ``AirflowFailException``, and callers need the class of
:mod:`airflow_provider_drive.exceptions`: the error becomes an instance of both.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_drive.exceptions import DriveCopyTimeoutError, DriveCopyUnknownError, DriveError

if TYPE_CHECKING:
    from collections.abc import Iterator

_RESUMED = (DriveCopyTimeoutError, DriveCopyUnknownError)
"""Errors after which a retry looks at the same copy again, if it has the state of the try before."""


@contextmanager
def fail_on_permanent_errors(*, remembers: bool = False) -> Iterator[None]:
    """
    Fail the task without further retries on errors that are not retryable.

    :param remembers: Whether a retry resumes from stored state. It then finds a copy whose outcome was
        unknown, or that was not complete in time, without requesting another: Airflow's retries, or the
        task's ``retry_policy``, decide about :class:`DriveCopyUnknownError` and
        :class:`DriveCopyTimeoutError`. Default is ``False``.
    """
    try:
        yield
    except DriveError as error:
        if not error.retryable and not (remembers and isinstance(error, _RESUMED)):
            also_as(error, AirflowFailException)
        raise


def also_as(error: DriveError, kind: type[Exception]) -> DriveError:
    """Make the error an instance of one of Airflow's exceptions too, and return it."""
    if not isinstance(error, kind):
        error.__class__ = _combine_classes(type(error), kind)  # type: ignore[arg-type]  # classes are hashable
    return error


@cache  # one class for each pair, so that `except` finds it
def _combine_classes(ours: type[DriveError], airflows: type[Exception]) -> type[DriveError]:
    return type(ours.__name__, (ours, airflows), {"__module__": ours.__module__, "__doc__": ours.__doc__})
