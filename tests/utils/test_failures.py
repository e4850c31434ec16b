"""Errors that are not retryable fail the task at once, and keep their class."""

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_drive.exceptions import DriveAddressError, DriveItemNotFoundError, DriveRequestError
from airflow_provider_drive.utils.failures import also_as, fail_on_permanent_errors


def test_a_permanent_error_fails_the_task_and_keeps_its_class_and_attributes():
    error = DriveRequestError("wrong", status=400, code="invalidRequest", request_id="r", retryable=False)
    with pytest.raises(AirflowFailException) as raised, fail_on_permanent_errors():
        raise error
    assert raised.value is error
    assert isinstance(error, DriveRequestError)
    assert type(error).__name__ == "DriveRequestError"
    assert type(error).__module__ == "airflow_provider_drive.exceptions"
    assert (str(error), error.status, error.code, error.request_id) == ("wrong", 400, "invalidRequest", "r")


def test_a_retryable_error_is_raised_unchanged():
    with pytest.raises(DriveItemNotFoundError) as raised, fail_on_permanent_errors():
        raise DriveItemNotFoundError("gone")
    assert not isinstance(raised.value, AirflowFailException)


def test_exceptions_of_other_packages_are_raised_unchanged():
    with pytest.raises(KeyError) as raised, fail_on_permanent_errors():
        raise KeyError("x")
    assert not isinstance(raised.value, AirflowFailException)


def test_a_block_without_errors_completes():
    with fail_on_permanent_errors():
        pass


def test_the_combined_class_is_created_once():
    one, other = (
        also_as(DriveAddressError("a"), AirflowFailException),
        also_as(DriveAddressError("b"), AirflowFailException),
    )
    assert type(one) is type(other)
    assert also_as(one, AirflowFailException) is one
    assert isinstance(one, ValueError)
