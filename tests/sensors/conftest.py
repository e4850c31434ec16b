"""Sensors in each mode, run as often as they want to be run again."""

import pytest
from airflows import not_on_airflow_2

try:
    from airflow.sdk.exceptions import AirflowRescheduleException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowRescheduleException

asks_the_database = not_on_airflow_2("it asks the database when a rescheduled sensor began")


@pytest.fixture(params=["deferrable", "poke", pytest.param("reschedule", marks=asks_the_database)])
def mode(request):
    if request.param == "deferrable":
        return {"deferrable": True}
    return {"deferrable": False, "mode": request.param}


@pytest.fixture
def patient(sense):
    """Run a sensor as often as it wants to be run again."""

    def run(**parameters):
        while True:
            try:
                return sense(**parameters)
            except AirflowRescheduleException:
                continue

    return run
