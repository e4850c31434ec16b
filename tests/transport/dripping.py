"""A server that never stops answering, a byte at a time."""

import socket
import ssl
import threading
from contextlib import suppress

import trustme

SECONDS = 0.02
"""Between two bytes."""


class DrippingServer:
    """
    Answers on this machine, first at once, then by drips.

    :param quick: What it sends at once, when it has been asked.
    :param drips: The byte that it then sends again and again.
    :param tls: Whether it speaks TLS. Without it, it drips before it is asked anything.
    :ivar url: Its URL.
    :ivar ca_file: What verifies its certificate.
    """

    def __init__(self, folder, quick=b"", drips=b"x", *, tls=True):
        self._quick, self._drips = quick, drips
        self._tls = self._context(folder) if tls else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self.ca_file = str(folder / "dripping.pem")

    def __enter__(self):
        threading.Thread(target=self._accept, name="dripping", daemon=True).start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._listener.close()

    def _context(self, folder):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "dripping.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        return context

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with suppress(OSError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                connection.recv(65_536)
                connection.sendall(self._quick)
                while not self._ended.wait(SECONDS):
                    connection.sendall(self._drips)
