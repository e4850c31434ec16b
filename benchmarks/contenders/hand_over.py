"""Hands documents over in one of several ways, and tells the seconds, the CPU and how memory has grown."""

import asyncio
import json
import logging
import resource
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

PIECE = 256 << 10
PART = 5 << 20
IMPORTED = "auth", "auth.application", "hooks.client", "manifest", "transfers.hand_over", "transport.blocking"


def bare(order):
    """Download with aiohttp from URLs that are known, and check nothing."""
    import aiohttp

    async def fetch(session, slots, write, name, url):
        async with slots, session.get(url) as response:
            await write(name, response.content.iter_chunked(PIECE))

    async def fetch_all():
        context, slots = (
            ssl.create_default_context(cafile=order["ca_file"]),
            asyncio.Semaphore(order["parallel"]),
        )
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session, Writer(order) as write:
            await asyncio.gather(*(fetch(session, slots, write, *each) for each in order["urls"]))

    return lambda: asyncio.run(fetch_all())


class Writer:
    """Writes an answer's chunks to the disk, or to S3 with aiobotocore."""

    def __init__(self, order):
        self.out, self.s3, self.patience = order["out"], order["s3"], order["patience"]

    async def __aenter__(self):
        if not self.s3:
            return self.to_disk
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        config = AioConfig(max_pool_connections=50, read_timeout=self.patience)
        self.opening = get_session().create_client("s3", config=config, **self.s3)
        self.client = await self.opening.__aenter__()
        self.bucket, _, self.folder = self.out.partition("/")
        return self.to_s3

    async def __aexit__(self, *details):
        if self.s3:
            await self.opening.__aexit__(*details)

    async def to_disk(self, name, chunks):
        with Path(self.out, name).open("wb") as file:  # noqa: ASYNC230  # as in the examples of aiohttp
            async for chunk in chunks:
                file.write(chunk)

    async def to_s3(self, name, chunks):
        place = {"Bucket": self.bucket, "Key": f"{self.folder}/{name}"}
        buffer, parts, upload = bytearray(), [], None
        async for chunk in chunks:
            buffer += chunk
            if len(buffer) >= PART:
                upload = upload or await self.client.create_multipart_upload(**place)
                parts.append(await self.part(place, upload, len(parts) + 1, bytes(buffer)))
                buffer.clear()
        if upload is None:
            await self.client.put_object(**place, Body=bytes(buffer))
            return
        if buffer:
            parts.append(await self.part(place, upload, len(parts) + 1, bytes(buffer)))
        whole = {"UploadId": upload["UploadId"], "MultipartUpload": {"Parts": parts}}
        await self.client.complete_multipart_upload(**place, **whole)

    async def part(self, place, upload, number, content):
        told = await self.client.upload_part(
            **place, UploadId=upload["UploadId"], PartNumber=number, Body=content
        )
        return {"PartNumber": number, "ETag": told["ETag"]}


def ours(order):
    """Run the operator."""
    from airflow.sdk import ObjectStoragePath

    from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator

    for name in IMPORTED:  # a task has imported them before it does anything, or does so once
        import_module(f"airflow_provider_drive.{name}")
    assert ObjectStoragePath(order["destination"]).fs  # likewise
    task = DriveToObjectStorageOperator(
        task_id="hand_over",
        source=order["source"],
        destination=order["destination"],
        parallel=order["parallel"],
    )
    ti = SimpleNamespace(try_number=1, max_tries=0, map_index=-1, xcom_push=lambda key, value: None)
    return lambda: task.execute({"ti": ti})


def loop(order):
    """Do as a task does that is written by hand: list, download and write one document after the other."""
    import requests
    from airflow.sdk import ObjectStoragePath

    out, session = ObjectStoragePath(order["destination"]), requests.Session()
    session.verify = order["ca_file"]

    def run():
        headers, url = {"Authorization": f"Bearer {order['token']}"}, order["children"]
        while url:
            page = session.get(url, headers=headers, timeout=60).json()
            for item in page["value"]:
                content = session.get(item["@microsoft.graph.downloadUrl"], timeout=60).content
                (out / item["name"]).write_bytes(content)
            url = page.get("@odata.nextLink")

    return run


def msgraphfs(order):
    """Copy with ObjectStoragePath, which takes msgraphfs for the source, in threads."""
    from airflow.sdk import ObjectStoragePath

    source, out = ObjectStoragePath(order["path"]), ObjectStoragePath(order["destination"])

    def run():
        with ThreadPoolExecutor(order["parallel"]) as pool:
            list(pool.map(lambda each: (source / each[0]).copy(out / each[0]), order["urls"]))

    return run


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    order = json.load(sys.stdin)
    run = globals()[sys.argv[1]](order)
    before, cpu, started = peak(), time.process_time(), time.perf_counter()
    run()
    told = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "grown": peak() - before,
    }
    print(json.dumps(told))
