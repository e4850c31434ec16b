"""What a task of Airflow 3.3 keeps over its tries, and how its process ends."""

import json


class StateStore(dict):
    """What Airflow 3.3 keeps of a task over its retries: JSON."""

    def set(self, key, value):
        self[key] = json.loads(json.dumps(value))


class Killed(BaseException):
    """The process ends here, and nothing in it can do anything about that."""
