"""Hand-overs to S3 and back: s3fs with Airflow's Amazon provider, and moto's server."""

import json
import os
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from steps import Steps

step = Steps()
given = step.given
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
ENDPOINT = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
KEYS = {"aws_access_key_id": "somebody", "aws_secret_access_key": "something"}
os.environ |= {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(
        {
            "conn_type": "microsoft_drive",
            "login": given["client_id"],
            "password": given["secret"],
            "extra": {
                "tenant_id": given["tenant_id"],
                "authority": given["url"],
                "verify": os.environ["SSL_CERT_FILE"],
                "allowed_hosts": "localhost",
            },
        }
    ),
    "AIRFLOW_CONN_S3": json.dumps(
        {
            "conn_type": "aws",
            "login": KEYS["aws_access_key_id"],
            "password": KEYS["aws_secret_access_key"],
            "extra": {"endpoint_url": ENDPOINT, "region_name": "us-east-1"},
        }
    ),
}

from airflow_provider_drive.hooks.drive import DriveHook  # noqa: E402 - its settings first
from airflow_provider_drive.transfers import drive_to_object_storage, object_storage_to_drive  # noqa: E402 - likewise

s3 = boto3.client("s3", endpoint_url=ENDPOINT, region_name="us-east-1", **KEYS)
s3.create_bucket(Bucket="raw")
LEGAL = f"drives/{given['legal']}/root:"
FILES = {"a 100% #1.txt": b"a" * 1000, "sub/empty.txt": b"", "sub/large.bin": os.urandom(1000) * 12_000}


class TaskInstance:
    """What the operators use of a task instance."""

    map_index, try_number, max_tries = -1, 1, 0
    task_id, dag_id, run_id = "task", "dag", "run"

    def xcom_push(self, key, value):
        json.dumps(value)

    def xcom_pull(self, **_):
        return None


def run(kind, **parameters):
    return kind(task_id="task", **parameters).execute({"ti": TaskInstance()})


def hand_over(**parameters):
    operator = drive_to_object_storage.DriveToObjectStorageOperator
    return run(operator, **{"source": f"{LEGAL}/In", "destination": "s3://s3@raw/out"} | parameters)


def stored(prefix="out/"):
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="raw", Prefix=prefix).get("Contents", [])]
    contents = {key: s3.get_object(Bucket="raw", Key=key)["Body"].read() for key in keys}
    return {key.removeprefix(prefix): content for key, content in contents.items()}


@step("hand documents over")
def _():
    for path, content in FILES.items():
        DriveHook().write_file(f"{LEGAL}/In/{path}", content)
    summary = hand_over()
    assert (summary["copied"], stored()) == (3, FILES), summary


@step("no upload is left open")
def _():
    assert not s3.list_multipart_uploads(Bucket="raw").get("Uploads")


@step("a second run finds all there")
def _():
    summary = hand_over()
    assert (summary["there"], summary["copied"]) == (3, 0), summary


@step("another content is not replaced, and its original stays")
def _():
    s3.put_object(Bucket="raw", Key="out/sub/empty.txt", Body=b"of another")
    summary = hand_over(after="delete", max_failures=1)
    assert (summary["there"], summary["failed"], summary["deleted"]) == (2, 1, 2), summary
    assert stored()["sub/empty.txt"] == b"of another"
    assert [item["path"] for item in DriveHook().iter_items(f"{LEGAL}/In")] == ["sub/empty.txt"]


@step("upload the files")
def _():
    operator = object_storage_to_drive.ObjectStorageToDriveOperator
    summary = run(operator, source="s3://s3@raw/out", destination=f"{LEGAL}/Back")
    assert summary["copied"] == 3, summary
    with Path("large").open("wb+") as file:
        DriveHook().read_file(f"{LEGAL}/Back/sub/large.bin", file)
    assert Path("large").read_bytes() == FILES["sub/large.bin"]


server.stop()
step.end()
