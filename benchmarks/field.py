"""Who runs in a benchmark: each in a process of its own, with the same copies to make."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from transport.proxy import Proxy

from airflow_provider_drive.emulator import CopyBehaviour

HERE = Path(__file__).parent / "contenders"
PEERS = ".venv-peers/bin/python"
FIXED_HOSTS = "graph.microsoft.com", "login.microsoftonline.com"  # msgraphfs has them in its source
UNLIMITED = 1_000_000
TOGETHER = 100
"""Documents that a peer has under way at the same time; ours decides by itself."""


@dataclass
class Result:
    """What one run took, for each document."""

    documents: int
    seconds: float
    requests: float
    units: float
    polls: float
    refused: float
    delay: float | None
    copies: int


class Field:
    """
    A tenant with a folder of documents, and an empty one that they are to go to.

    :param copy_seconds: How long each copy takes.
    :param budget: Resource units a minute that the tenant gives. Default is that it does not count.
    :param one_drive: Whether both folders are in one drive. Default is that they are not.
    """

    def __init__(
        self, emulator, documents, copy_seconds, *, budget=None, ending="bin", whole=False, one_drive=False
    ):
        self.emulator, self.documents, self.budget = emulator, documents, budget
        emulator.reset()
        self.tenant = tenant = emulator.tenant
        legal = tenant.drive("legal")
        archive = legal if one_drive else tenant.drive("archive")
        self.items = [legal.put(f"in/{number:06}.{ending}", b"x%d" % number) for number in range(documents)]
        self.source, self.out = legal.find("in"), archive.mkdir("all" if whole else "all/out")
        tenant.copies = CopyBehaviour(seconds=copy_seconds)
        tenant.rewrites_office, tenant.budget = ending == "docx", budget
        self.order = {
            "items": [[item.drive.id, item.id, item.name] for item in self.items],
            "destination": [self.out.drive.id, self.out.id],
            "source_path": f"drives/{legal.id}/root:/in",
            "destination_path": f"drives/{archive.id}/root:/all/out",
            "token": tenant.issue_token(),
        }

    def ours(self, interval=15.0):
        """Run this package."""
        return self._run([sys.executable, HERE / "ours.py"], self.connection(), interval)

    def stock(self, interval=5.0):
        """Run the provider of Microsoft Azure."""
        self.spare_monitors()
        return self._run([PEERS, HERE / "stock.py"], self.connections_of_peers(), interval)

    def http(self, interval=5.0):
        """Run the HTTP provider."""
        return self._run([PEERS, HERE / "http_provider.py"], self.connections_of_peers(), interval)

    def spare_monitors(self):
        """Give monitors a host of their own, that gets no token: the stock provider shows it to any other."""
        self.tenant.monitor_base = self.emulator.url.replace("localhost", "127.0.0.1")

    def object_storage(self):
        """Run ObjectStoragePath, with a connection for each drive. A proxy leads it to the emulator."""
        names = {self.out.drive.id: "destination"} | {self.source.drive.id: "source"}  # or one for both
        given = {**self.emulator.connection(), "conn_type": "msgraph", "host": self.tenant.tenant_id}
        environment = {
            f"AIRFLOW_CONN_{name.upper()}": json.dumps({**given, "extra": {"drive_id": drive}})
            for drive, name in names.items()
        }
        urls = f"msgd://{names[self.source.drive.id]}@in", f"msgd://{names[self.out.drive.id]}@all/out"
        place = f"localhost:{self.emulator.port}"
        with (
            tempfile.TemporaryDirectory() as folder,
            Proxy(self.emulator.ca_file, FIXED_HOSTS, place) as proxy,
        ):
            environment |= {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": proxy.bundle(folder)}
            return self._run([PEERS, HERE / "object_storage.py", *urls], environment, 1.0)

    def rclone(self):
        """Run ``rclone copy`` on the server's side. It asks each monitor every second."""
        token = {"access_token": self.order["token"], "token_type": "Bearer", "refresh_token": "none"}
        with tempfile.TemporaryDirectory() as folder:
            settings = {
                "type": "onedrive",
                "tenant_url": f"{self.emulator.url}/_api",
                "drive_type": self.source.drive.drive_type,
                "token": json.dumps({**token, "expiry": "2099-01-01T00:00:00Z"}),
                "server_side_across_configs": "true",
            }
            config = Path(folder, "rclone.conf")
            text = ""
            for name, item in (("from", self.source), ("to", self.out)):
                lines = {**settings, "drive_id": item.drive.id}
                text += f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())
            config.write_text(text)
            program = shutil.which("rclone", path=Path(sys.executable).parent)
            options = [
                "--config",
                config,
                "--transfers",
                str(TOGETHER),
                "--checkers",
                "16",
                "--tpslimit",
                "0",
            ]
            environment = {"SSL_CERT_FILE": self.emulator.ca_file, "HOME": folder}
            return self._run([program, "copy", *options, "from:in", "to:all/out"], environment, 1.0)

    def connection(self):
        """Give this package the connection that it wants."""
        extra = {"resource_units_per_minute": self.budget or UNLIMITED}
        return {"AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(self.emulator.connection(**extra))}

    def connections_of_peers(self):
        """Give the stock providers the connections that they want."""
        given = self.emulator.connection()
        host = self.emulator.url.partition("//")[2]
        extra = {
            **given["extra"],
            "scopes": f"{self.emulator.url}/.default",
            "allowed_hosts": "localhost",
            "disable_instance_discovery": True,
        }
        graph = {**given, "conn_type": "msgraph", "host": host, "schema": "https", "extra": extra}
        return {
            "AIRFLOW_CONN_MSGRAPH_DEFAULT": json.dumps(graph),
            "AIRFLOW_CONN_HTTP_DEFAULT": json.dumps({"conn_type": "http", "host": self.emulator.url}),
            "SSL_CERT_FILE": self.emulator.ca_file,
            "REQUESTS_CA_BUNDLE": self.emulator.ca_file,
        }

    def begin(self):
        """Note nothing of what was before; return what has been spent until now."""
        self.tenant.journal.clear()
        return self.tenant.units_spent

    def there(self):
        """Count the documents that are where they are to go."""
        tree = self.tenant.tree(self.out.drive)
        return sum(f"all/out/{item.name}" in tree for item in self.items)

    def _run(self, command, environment, interval):
        usage = self.begin()
        with tempfile.TemporaryDirectory() as home:
            base = {"PATH": os.environ["PATH"], "HOME": home, "AIRFLOW_HOME": home, "NO_PROXY": "localhost"}
            started = time.time()
            done = subprocess.run(  # noqa: S603  # the contenders themselves
                [str(part) for part in command],
                input=json.dumps({**self.order, "interval": interval, "together": TOGETHER}),
                capture_output=True,
                text=True,
                env=base | environment,
                check=False,
            )
            seconds = time.time() - started
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        told = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {"known": {}}
        assert self.there() == self.documents
        return self.result(told["known"], told.get("seconds", seconds), usage)

    def result(self, known, seconds, usage):
        """Tell what a run took."""
        tenant, count = self.tenant, self.documents
        on_the_wire = [call for call in tenant.journal if not call.is_batched]
        ends = {job.source.name: job.due for job in tenant.jobs}
        delays = [known[name] - end for name, end in ends.items() if name in known]
        return Result(
            documents=count,
            seconds=seconds,
            requests=len(on_the_wire) / count,
            units=(tenant.units_spent - usage) / count,
            polls=sum(call.where == "monitor" for call in on_the_wire) / count,
            refused=sum(call.status == 429 for call in tenant.journal) / max(1, len(tenant.journal)),
            delay=statistics.median(delays) if delays else None,
            copies=len(tenant.jobs),
        )
