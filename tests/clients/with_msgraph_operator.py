"""The steps of a user of MSGraphAsyncOperator: https://airflow.apache.org/docs/apache-airflow-providers-microsoft-azure."""

import asyncio
import json
import os

from steps import Steps

step = Steps()
given = step.given
os.environ |= {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW_CONN_MSGRAPH_DEFAULT": json.dumps(
        {
            "conn_type": "msgraph",
            "login": given["client_id"],
            "password": given["secret"],
            "extra": {
                "tenant_id": given["tenant_id"],
                "proxies": {"https": os.environ["HTTPS_PROXY"]},
                "verify": os.environ["SSL_CERT_FILE"],
            },
        }
    ),
}

from airflow.providers.microsoft.azure.operators.msgraph import MSGraphAsyncOperator  # noqa: E402 - its settings first
from airflow.sdk.exceptions import TaskDeferred  # noqa: E402 - likewise

triggerer = asyncio.new_event_loop()
LEGAL, ARCHIVE = f"drives/{given['legal']}", f"drives/{given['archive']}"


class TaskInstance:
    """What the operator uses of a task instance."""

    map_index = -1

    def __init__(self):
        self.xcoms = {}

    def xcom_push(self, key, value):
        self.xcoms[key] = value

    def xcom_pull(self, key, **_):
        return self.xcoms.get(key)


def send(url, **arguments):
    """Run the operator, and each of its triggers, as Airflow does. Return its result."""
    operator = MSGraphAsyncOperator(task_id="operator", url=url, **arguments)
    context = {"ti": TaskInstance()}
    resume, more = operator.execute, {}
    while True:
        try:
            return resume(context=context, **more)
        except TaskDeferred as deferral:
            event = triggerer.run_until_complete(anext(aiter(deferral.trigger.run())))
            resume = getattr(operator, deferral.method_name)
            more = {"event": event.payload, **(deferral.kwargs or {})}


def write(url, method="POST", **body):
    return send(url, method=method, data=body)


@step("log in, and read a drive")
def _():
    assert send(LEGAL)["driveType"] == "documentLibrary"


@step("create a folder")
def inbox():
    return write(f"{LEGAL}/root/children", name="Inbox", folder={})


@step("upload a file by its path")
def small():
    return send(f"{LEGAL}/root:/Inbox/small.txt:/content", method="PUT", data="small")


@step("list a folder, page by page")
def _():
    write(f"{LEGAL}/items/{inbox['id']}/children", name="Later", folder={})
    pages = send(f"{LEGAL}/items/{inbox['id']}/children", query_parameters={"$top": 1})
    assert sorted(item["name"] for page in pages for item in page["value"]) == ["Later", "small.txt"]


@step("download a file")
def _():
    content = send(f"{LEGAL}/items/{small['id']}/content", response_type="bytes")
    assert content in {b"small", "c21hbGw="}  # base64 if it came through an event


@step("copy a file")
def _():
    parent = {"driveId": given["archive"], "id": given["archive_root"]}
    write(f"{LEGAL}/items/{small['id']}/copy", parentReference=parent, name="copy.txt")
    names = [item["name"] for item in send(f"{ARCHIVE}/root/children")["value"]]
    assert "copy.txt" in names


@step("move and rename a file")
def _():
    moved = write(
        f"{LEGAL}/items/{small['id']}", "PATCH", name="moved.txt", parentReference={"path": "/drive/root:"}
    )
    assert moved["name"] == "moved.txt"


@step("delete a file")
def _():
    send(f"{LEGAL}/items/{small['id']}", method="DELETE")


@step("a missing item fails the task")
def _():
    try:
        send(f"{LEGAL}/items/{small['id']}")
    except Exception as error:  # noqa: BLE001 - the operator raises Airflow's own, whose module differs by version
        message = str(error)
    assert "itemNotFound" in message or "could not be found" in message, message


step.end()
