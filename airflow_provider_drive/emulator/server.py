"""The HTTPS server: uvicorn in a thread, with its own certificate authority."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import trustme
import uvicorn

from airflow_provider_drive.emulator.app import App
from airflow_provider_drive.emulator.state.tenant import Tenant

if TYPE_CHECKING:
    from types import TracebackType

_HOSTS = ("localhost", "127.0.0.1")


class Emulator:
    """
    A server on this machine that emulates Microsoft Graph's drives.

    :param port: TCP port. Default is ``0``: any free port.
    :param ca_dir: Folder that keeps the certificate authority between starts. Default is a temporary folder.
    """

    def __init__(self, port: int = 0, *, ca_dir: str | Path | None = None) -> None:
        self.tenant = Tenant()
        self.port = port
        self._file_port = 0
        self._temporary = None if ca_dir else tempfile.TemporaryDirectory(prefix="drive-emulator-")
        self._ca_dir = Path(ca_dir or self._temporary.name).resolve()  # type: ignore[union-attr] # one of the two exists
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The URL of the server. 127.0.0.1 works as well as localhost."""
        return f"https://localhost:{self.port}"

    @property
    def ca_file(self) -> str:
        """The path of the certificate authority's certificate, which clients must trust."""
        return str(self._ca_dir / "ca.pem")

    def connection(self, **extra: Any) -> dict[str, Any]:
        """
        Return an Airflow connection to the emulator, as a mapping that can be written as JSON.

        :param extra: Extras to add or replace; None removes one.
        """
        tenant = self.tenant
        extras = {
            "tenant_id": tenant.tenant_id,
            "authority": self.url,
            "verify": self.ca_file,
            "allowed_hosts": [f"localhost:{self._file_port}"],  # upload and download URLs are there
            "resource_units_per_minute": 1_000_000,  # the tenant has no budget by default
            **extra,
        }
        return {
            "conn_type": "microsoft_drive",
            "host": self.url,
            "login": tenant.client_id,
            "password": tenant.client_secret,
            "extra": {key: value for key, value in extras.items() if value is not None},
        }

    def reset(self) -> None:
        """Restore the initial state: empty drives, default settings, no faults, an empty journal."""
        self.tenant.reset()

    def start(self) -> Self:
        """
        Start the server, and return when it accepts connections.

        :raises OSError: If the port is in use.
        """
        listeners = [socket.create_server(("127.0.0.1", self.port)), socket.create_server(("127.0.0.1", 0))]
        self.port, self._file_port = (listener.getsockname()[1] for listener in listeners)
        self.tenant.base_url, self.tenant.file_url = self.url, f"https://localhost:{self._file_port}"
        config = uvicorn.Config(
            App(self.tenant),
            lifespan="off",
            log_level="critical",  # the App logs errors
            access_log=False,
            server_header=False,
            date_header=False,  # the tenant has a clock of its own
            proxy_headers=False,  # it would wrap `send`, which the App uses to cut connections
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = self._tls()  # only the newest uvicorn accepts it as an argument
        self._server = uvicorn.Server(config)
        arguments = {"sockets": listeners}
        self._thread = threading.Thread(
            target=self._server.run, kwargs=arguments, name="drive-emulator", daemon=True
        )
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("The emulator could not start: uvicorn ended at once.")
            time.sleep(0.001)
        return self

    def stop(self) -> None:
        """Stop the server. Requests in progress are not completed."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority().issue_cert(*_HOSTS).configure_cert(context)
        return context

    def _authority(self) -> trustme.CA:
        key, certificate = self._ca_dir / "ca.key", self._ca_dir / "ca.pem"
        if key.exists() and certificate.exists():
            return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
        self._ca_dir.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(certificate)
        key.touch(mode=0o600)
        key.write_bytes(authority.private_key_pem.bytes())
        return authority
