"""Which Airflow the tests run on, for what is not the same everywhere."""

from importlib.metadata import version

import pytest

AIRFLOW_2 = version("apache-airflow").startswith("2.")


def not_on_airflow_2(reason):
    """Mark a test that Airflow 2 cannot stand."""
    return pytest.mark.skipif(AIRFLOW_2, reason=reason)
