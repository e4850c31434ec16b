"""
What a hand-over takes, beside what else a Dag could use: time, CPU, memory, requests and resource units.

The emulator, moto's S3 server and each contender are processes of their own. Without the peers' environment,
only what needs none of it runs, to the disk.
"""

import json
import multiprocessing
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from transport.proxy import Proxy

from airflow_provider_drive.emulator import Emulator
from airflow_provider_drive.emulator.graph.serializers import download_url

SMALL = 200_000
PARALLEL = 8
ROUNDS = 2
"""How often the first two run, in turns: the best counts. The others run once."""
PATIENCE = 600
"""Seconds until S3 has answered. moto takes long to put a gigabyte of parts together."""
CONTENDER = Path(__file__).parent / "contenders" / "hand_over.py"
PEERS = Path(".venv-peers/bin/python")
FIXED_HOSTS = "graph.microsoft.com", "login.microsoftonline.com"  # msgraphfs has them in its source
BUCKET = "raw"
KEYS = {"aws_access_key_id": "benchmark", "aws_secret_access_key": "benchmark"}
NAMES = {
    "bare": "aiohttp, nothing checked",
    "ours": "DriveToObjectStorageOperator",
    "loop": "a loop with requests, one by one",
    "msgraphfs": "ObjectStoragePath (msgraphfs)",
    "rclone": "rclone copy",
}
HEADER = ("", "to", "documents", "MB/s", "share of aiohttp", "CPU", "memory grown", "requests", "units")


def serve(megabytes, documents, pipe):
    """Run a tenant with one large document and many small ones, and tell what it is asked for."""
    with Emulator() as emulator:
        drive = emulator.tenant.drive("legal")
        drive.put("Large/large.bin", size=megabytes << 20)
        for number in range(documents):
            drive.put(f"Small/{number:06}.bin", os.urandom(1_000) * (SMALL // 1_000))
        found = {
            name: [(item.name, download_url(item), item.content.size) for item in drive.children(name)]
            for name in ("Large", "Small")
        }
        told = {"drive": drive.id, "type": drive.drive_type, "tenant": emulator.tenant.tenant_id}
        told["documents"] = found
        told |= {"port": emulator.port, "url": emulator.url, "ca_file": emulator.ca_file}
        told["connection"] = emulator.connection(resource_units_per_minute=1_000_000)
        told["token"] = emulator.tenant.issue_token()
        pipe.send(told)
        tenant, units = emulator.tenant, 0
        while pipe.recv():
            spent, units = tenant.units_spent - units, tenant.units_spent
            pipe.send((sum(not call.is_batched for call in tenant.journal), spent))
            tenant.journal.clear()


class Match:
    """
    Documents in a drive, and contenders that hand them over.

    :param told: What :func:`serve` tells.
    :param ask: Returns the requests and resource units since it was called last.
    :param s3: The address of an S3 server; None if there is none.
    """

    def __init__(self, told, ask, s3, folder):
        self.told, self.ask, self.s3, self.folder = told, ask, s3, folder
        self.python = PEERS if PEERS.exists() else Path(sys.executable)

    def run(self, name, source, store):
        """Let a contender hand a folder over, and return its figures."""
        out = self._new_place(store)
        self.ask()
        if name == "rclone":
            figures = self._rclone(source, store, out)
        else:
            figures = self._contender(name, source, store, out)
        requests, units = self.ask()
        self._check(source, store, out)
        return {**figures, "requests": requests, "units": units}

    def _new_place(self, store):
        if store == "S3":
            requests.post(f"{self.s3}/moto-api/reset", timeout=60).raise_for_status()
            requests.put(f"{self.s3}/{BUCKET}", timeout=60).raise_for_status()
            return f"{BUCKET}/out"
        place = self.folder / secrets.token_hex(4)
        place.mkdir()
        return str(place)

    def _check(self, source, store, out):
        """Hold a contender to it that each document is there, with its size; then make room."""
        wanted = {name: size for name, _, size in self.told["documents"][source]}
        if store == "S3":
            found = dict(self._list())
        else:
            found = {path.name: path.stat().st_size for path in Path(out).iterdir()}
            shutil.rmtree(out)
        assert found == wanted, f"{len(found)} of {len(wanted)} documents"

    def _list(self):
        token = None
        while token != "":
            asked = {"list-type": "2", **({"continuation-token": token} if token else {})}
            page = requests.get(f"{self.s3}/{BUCKET}", params=asked, timeout=60).text
            for key, size in re.findall(r"<Key>(.+?)</Key>.*?<Size>(\d+)</Size>", page, re.DOTALL):
                yield key.rpartition("/")[2], int(size)
            token = (re.findall("<NextContinuationToken>(.+?)<", page) or [""])[0]

    def _contender(self, name, source, store, out):
        told = self.told
        order = {
            "urls": [each[:2] for each in told["documents"][source]],
            "source": f"drives/{told['drive']}/root:/{source}",
            "children": f"{told['url']}/v1.0/drives/{told['drive']}/root:/{source}:/children",
            "path": f"msgd://msgd@{source}",
            "destination": f"s3://s3@{out}" if store == "S3" else f"file://{out}",
            "out": out,
            "s3": {**KEYS, "endpoint_url": self.s3, "region_name": "us-east-1"} if store == "S3" else None,
            "parallel": PARALLEL,
            "patience": PATIENCE,
            "ca_file": told["ca_file"],
            "token": told["token"],
        }
        with ExitStack() as stack:
            home = stack.enter_context(tempfile.TemporaryDirectory())
            environment = {"HOME": home, "AIRFLOW_HOME": home, **self._connections()}
            if name == "msgraphfs":
                place = f"localhost:{told['port']}"
                proxy = stack.enter_context(Proxy(told["ca_file"], FIXED_HOSTS, place))
                environment |= {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": proxy.bundle(home)}
            done = subprocess.run(  # noqa: S603  # the contenders themselves
                [str(self.python), CONTENDER, name],
                input=json.dumps(order),
                capture_output=True,
                text=True,
                env={"PATH": os.environ["PATH"], "NO_PROXY": "localhost", **environment},
                check=False,
            )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return json.loads(done.stdout.splitlines()[-1])

    def _connections(self):
        given = self.told["connection"]
        s3 = {"endpoint_url": self.s3, "region_name": "us-east-1"}
        s3["config_kwargs"] = {"read_timeout": PATIENCE}
        graph = {"conn_type": "msgraph", "host": self.told["tenant"]}
        graph["extra"] = {"drive_id": self.told["drive"]}
        keys = {"login": KEYS["aws_access_key_id"], "password": KEYS["aws_secret_access_key"]}
        connections = {
            "DRIVE_DEFAULT": given,
            "S3": {"conn_type": "aws", **keys, "extra": s3},
            "MSGD": {**given, **graph},
        }
        return {f"AIRFLOW_CONN_{name}": json.dumps(fields) for name, fields in connections.items()}

    def _rclone(self, source, store, out):
        token = {"access_token": self.told["token"], "token_type": "Bearer", "refresh_token": "none"}
        drive = {
            "type": "onedrive",
            "tenant_url": f"{self.told['url']}/_api",
            "drive_type": self.told["type"],
            "drive_id": self.told["drive"],
            "token": json.dumps({**token, "expiry": "2099-01-01T00:00:00Z"}),
        }
        s3 = {"type": "s3", "provider": "Other", "endpoint": self.s3, "region": "us-east-1"}
        s3 |= {"access_key_id": KEYS["aws_access_key_id"], "secret_access_key": KEYS["aws_secret_access_key"]}
        with tempfile.TemporaryDirectory() as home:
            config = Path(home, "rclone.conf")
            sections = {"od": drive, "s3": s3}
            config.write_text(
                "".join(
                    f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())
                    for name, lines in sections.items()
                )
            )
            program = shutil.which("rclone", path=Path(sys.executable).parent)
            target = f"s3:{out}" if store == "S3" else out
            options = ["--config", config, "--transfers", str(PARALLEL), "--timeout", f"{PATIENCE}s"]
            environment = {"SSL_CERT_FILE": self.told["ca_file"], "HOME": home, "PATH": os.environ["PATH"]}
            started = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603  # rclone itself
                [program, "copy", *options, f"od:{source}", target],
                env=environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            message = process.stderr.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(message[-3000:])
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "grown": used.ru_maxrss / 1024}


@contextmanager
def s3_server():
    """Run moto's server, which speaks S3 and keeps what it is given in memory."""
    if not PEERS.exists():
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603  # moto itself
        [PEERS.with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while process.poll() is None:
            try:
                requests.get(f"{url}/moto-api/", timeout=60)
                break
            except requests.ConnectionError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


@contextmanager
def service(megabytes, documents):
    """Run :func:`serve` in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(megabytes, documents, there), daemon=True
    )
    process.start()

    def ask():
        here.send("how many")
        return here.recv()

    try:
        yield here.recv(), ask
    finally:
        process.terminate()
        process.join()


def main(megabytes, documents):
    """Measure, print a line for each run, and return the rows."""
    rows = []
    with ExitStack() as stack:
        told, ask = stack.enter_context(service(megabytes, documents))
        s3 = stack.enter_context(s3_server())
        match = Match(told, ask, s3, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        names = NAMES if s3 else ("bare", "ours", "loop")
        for source in ("Large", "Small"):
            sizes = [size for _, _, size in told["documents"][source]]
            for store in ("S3", "disk") if s3 else ("disk",):
                best = _measure(match, names, source, store)
                rows += [[NAMES[name], store, *_row(best[name], best["bare"], sizes)] for name in names]
    return rows


def _measure(match, names, source, store):
    best = {}
    for number in range(ROUNDS):
        for name in names:
            if number and name not in {"bare", "ours"}:
                continue
            try:
                figures = match.run(name, source, store)
            except RuntimeError as error:
                print(source, store, name, error, flush=True)
                best[name] = None
                continue
            print(source, store, name, figures, flush=True)
            known = best.setdefault(name, figures)
            best[name] = {
                **figures,
                **{key: min(known[key], figures[key]) for key in ("seconds", "cpu")},
                "grown": max(known["grown"], figures["grown"]),
            }
    return best


def _row(figures, bare, sizes):
    count, size = len(sizes), sum(sizes)
    each = f"{SMALL // 1000} kB" if sizes[0] == SMALL else f"{size >> 20} MiB"
    if figures is None:
        return [f"{count:,} of {each}", "failed", *[""] * (len(HEADER) - 4)]
    return [
        f"{count:,} of {each}",
        f"{size / 1e6 / figures['seconds']:.0f}",
        f"{bare['seconds'] / figures['seconds']:.2f}",
        f"{figures['cpu']:.2f} s",
        f"{figures['grown']:.0f} MiB",
        f"{figures['requests'] / count:.2f}",
        f"{figures['units'] / count:.3f}",
    ]


if __name__ == "__main__":
    print(*main(int(sys.argv[1]), int(sys.argv[2])), sep="\n")
