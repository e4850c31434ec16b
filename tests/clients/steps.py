"""What every client's script has in common. It runs in the environment of the client."""

import json
import os
import sys
import time
import traceback


class Steps:
    """
    The steps of a client, each with its outcome: "ok", or the error.

    :ivar given: What the test gives to the script: ids, names and credentials.
    """

    def __init__(self):
        self.given = json.loads(os.environ["CLIENT"])
        self._outcomes = {}

    def __call__(self, name):
        """Decorate a function that is one step, and run it."""

        def run(function):
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - every error is an outcome
                self._outcomes[name] = f"{type(error).__name__}: {error}"
                traceback.print_exc(file=sys.stderr)
                return None
            self._outcomes[name] = "ok"
            return result

        return run

    def end(self):
        """Print the outcomes for the test, and end the process: some clients leave threads running."""
        print(json.dumps(self._outcomes), flush=True)  # noqa: T201 - the test reads it
        os._exit(0)


def wait_until(condition, seconds=20.0):
    """Wait until a condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)
