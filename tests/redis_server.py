"""A Redis of Debian, for the tests that need a real one."""

import shutil
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest
from headless_airflow import free_port


@contextmanager
def run_redis(folder, *arguments):
    """Run a Redis that keeps nothing, on a port of its own; skip the test where there is none."""
    pytest.importorskip("redis", reason="the package's extra redis is not installed")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no Redis: on Debian, `apt-get install redis-server`")
    port = free_port()
    options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no")
    server = subprocess.Popen(  # noqa: S603  # Debian's own
        [program, *options, "--dir", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in server.stdout:
            if "eady to accept connections" in line:
                break
        else:
            raise RuntimeError("redis-server ended at once")
        yield Redis(port, server)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


class Redis:
    """
    A running Redis.

    :ivar port: On 127.0.0.1.
    """

    def __init__(self, port, server):
        self.port, self.server = port, server

    def connection(self, **fields):
        """Return an Airflow connection to it."""
        return {"conn_type": "redis", "host": "127.0.0.1", "port": self.port, **fields}

    def client(self, **options):
        import redis  # noqa: PLC0415  # an extra of the package

        return redis.Redis(port=self.port, decode_responses=True, **options)

    @contextmanager
    def hanging(self):
        """Let it accept connections, and answer nothing."""
        self.server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.server.send_signal(signal.SIGCONT)

    def stop(self):
        self.server.kill()
        self.server.wait()


def await_expiry(client, key, seconds):
    """Wait until a key is gone."""
    deadline = time.monotonic() + seconds
    while client.exists(key):
        assert time.monotonic() < deadline, f"{key} does not expire"
        time.sleep(0.02)
