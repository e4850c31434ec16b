"""The emulator in a thread: uvicorn with TLS by a throw-away certificate authority."""

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
    A Graph drive server on this machine.

    :param port: TCP port; with ``0``, the default, any that is free.
    :param ca_dir: Folder which keeps the certificate authority from one start to the next. Default is a
        temporary one.
    """

    def __init__(self, port: int = 0, *, ca_dir: str | Path | None = None) -> None:
        self.tenant = Tenant()
        self.port = port
        self._temporary = None if ca_dir else tempfile.TemporaryDirectory(prefix="drive-emulator-")
        self._ca_dir = Path(ca_dir or self._temporary.name)  # type: ignore[union-attr] # one of them is there
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens; 127.0.0.1 will do as well as localhost."""
        return f"https://localhost:{self.port}"

    @property
    def ca_file(self) -> str:
        """The path of the authority's certificate, for clients to trust."""
        return str(self._ca_dir / "ca.pem")

    def connection(self, **extra: Any) -> dict[str, Any]:
        """
        Give an Airflow connection to the emulator, as a mapping that can be JSON.

        :param extra: More extras, or others; None takes one away.
        """
        tenant = self.tenant
        extras = {
            "tenant_id": tenant.tenant_id,
            "authority": self.url,
            "verify": self.ca_file,
            "resource_units_per_minute": 1_000_000,  # this tenant has no budget, unless it is given one
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
        """Go back to the seed; the journal and the faults are emptied."""
        self.tenant.reset()

    def start(self) -> Self:
        """
        Serve, and come back when the port answers.

        :raises OSError: If the port is taken.
        """
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self.tenant.base_url = self.url
        config = uvicorn.Config(
            App(self.tenant),
            lifespan="off",
            log_level="critical",  # the App logs what goes wrong
            access_log=False,
            server_header=False,
            proxy_headers=False,  # it wraps `send`, by which connections are cut
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = self._tls()  # only the newest uvicorn takes one as an argument
        self._server = uvicorn.Server(config)
        arguments = {"sockets": [listener]}
        self._thread = threading.Thread(
            target=self._server.run, kwargs=arguments, name="drive-emulator", daemon=True
        )
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("The emulator could not start.")
            time.sleep(0.001)
        return self

    def stop(self) -> None:
        """Stop serving."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = self._server.force_exit = True  # waits for nobody
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
