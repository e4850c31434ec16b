"""A proxy as companies have them: it may want a password, and it ends TLS with an authority of its own."""

import asyncio
import base64
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import trustme

REFUSALS = {
    407: "Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=proxy",
    502: "Bad Gateway",
}


class Proxy:
    """
    An HTTP proxy on this machine that reads along.

    :param ca_file: What it verifies the hosts with that it connects to.
    :param names: The names of hosts that it has certificates for.
    :param leads_to: The one host and port that it connects to, whatever it is asked for. Default is that one.
    :ivar ca: Its own authority, for clients to trust.
    :ivar asked: The hosts and ports that it was asked to connect to, in order.
    :ivar credentials: The user and password that it wants, as ``user:password``; None wants none.
    :ivar refusal: The status that it answers all with, if any.
    :ivar hangs: Whether it takes connections and says nothing.
    """

    def __init__(self, ca_file, names=("localhost",), leads_to=None):
        self.ca = trustme.CA()
        self.asked = []
        self.credentials = self.refusal = None
        self.hangs = False
        self._serving = set()
        self._ca_file = ca_file
        self._outward = ssl.create_default_context(cafile=ca_file)
        self._inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names).configure_cert(self._inward)
        self._leads_to = leads_to
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self):
        self._thread.start()
        opening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result()
        self.url = f"http://localhost:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url_for(self, credentials):
        """Give its URL with a user and password, percent-encoded as URLs have them."""
        return self.url.replace("://", f"://{credentials}@")

    def bundle(self, folder):
        """Write what verifies both who goes through it and who goes past it, and give its path."""
        path = Path(folder, "bundle.pem")
        path.write_bytes(self.ca.cert_pem.bytes() + Path(self._ca_file).read_bytes())
        return str(path)

    async def _end(self):
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        self._serving.add(asyncio.current_task())  # the loop holds none: one could be collected as it waits
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.splitlines()[0].split()
            self.asked.append(target)
            if self.hangs:
                await asyncio.sleep(60)
            status = self.refusal or (405 if method != "CONNECT" else 200 if self._knows(head) else 407)
            writer.write(f"HTTP/1.1 {status} {REFUSALS.get(status, 'OK')}\r\n\r\n".encode())
            if status == 200:
                await writer.start_tls(self._inward)
                host, _, port = (self._leads_to or target).rpartition(":")
                far_reader, far_writer = await asyncio.open_connection(host, int(port), ssl=self._outward)
                await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        writer.close()

    def _knows(self, head):
        wanted = base64.b64encode((self.credentials or "").encode()).decode()
        return self.credentials is None or f"proxy-authorization: basic {wanted}".lower() in head.lower()


async def _pass_on(reader, writer):
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
