"""Valid input for each target: recorded answers, and what this package itself writes."""

import json
from pathlib import Path

from foreign.targets import APART, MONITOR

RECORDED = Path(__file__).parents[1] / "recorded"
DISCOVERY = "https://login.microsoftonline.com/contoso.com"
ITEM = {
    "id": "i",
    "name": "a",
    "eTag": '"{i},1"',
    "size": 7,
    "createdDateTime": "2026-09-21T14:13:20Z",
    "parentReference": {"driveId": "d", "id": "f", "driveType": "documentLibrary"},
    "file": {"hashes": {"quickXorHash": "hash="}},
}
FOLDER = {**ITEM, "id": "f", "folder": {"childCount": 1}, "file": None}
JOB = {
    "monitor_url": MONITOR,
    "source": {"driveId": "d", "id": "i"},
    "destination": {"driveId": "d", "id": "f"},
    "name": "plan.docx",
    "conflict_behavior": "fail",
    "submitted_at": "2026-11-22T02:00:00.000Z",
    "children_only": False,
    "temporary_name": None,
    "kind": "file",
    "size": 48213,
    "quickXorHash": "hash=",
    "resource_id": None,
}
EXTRA = {
    "tenant_id": "contoso.com",
    "cloud": "usgov",
    "authority": "https://login.contoso.example",
    "verify": "false",
    "proxies": "{'https': 'http://proxy:3128'}",
    "allowed_hosts": "files.example.com:8443, 127.0.0.1",
    "timeout": "7.5",
    "scopes": ["a"],
    "user_agent_company": "Contoso",
    "private_key": "-----BEGIN PRIVATE KEY-----",
}


def said(body=None, status=200, **headers):
    """Return an answer in the form that the targets read."""
    head = [str(status), *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\n".join(head).encode() + b"\n\n" + (b"" if body is None else json.dumps(body).encode())


def recorded():
    """Yield each recorded answer."""
    for path in sorted(RECORDED.glob("*.json")):
        message = json.loads(path.read_text())
        whole = isinstance(message, dict) and "body" in message
        status = str(message.get("status", 200)).split()[-1 if not whole else 0] if whole else "200"
        headers = message.get("headers", {}) if whole else {}
        yield said(message["body"] if whole else message, status if status.isdigit() else 200, **headers)


def page(*entries, **more):
    return said({"value": list(entries), **more})


def part(number, status, body=None):
    """Return the answer to one request of a batch."""
    return {"id": str(number), "status": status, "headers": {"Retry-After": "7"}, "body": body}


NEXT = {"@odata.nextLink": "https://graph.microsoft.com/v1.0/drives/d/items/f/children?$skiptoken=x"}
DONE = said({"status": "completed", "resourceId": "i"})
ACCEPTED = said(None, 202, location=MONITOR, date="Mon, 21 Sep 2026 14:13:20 GMT")
ANSWERS = [
    *recorded(),
    DONE,
    ACCEPTED,
    said({"error": {"code": "c", "innerError": {"code": "d", "request-id": "r"}}}, 429, retry_after="17"),
    said(None, 503, retry_after="Mon, 21 Sep 2026 14:13:20 GMT", date="Mon, 21 Sep 2026 14:13:10 GMT"),
    said({"status": "failed", "error": {"details": [{"code": "nameAlreadyExists"}]}}, 303),
    said(None, 303, location="https://contoso.sharepoint.com/_api/v2.0/drives/d/items/i"),
    said(ITEM),
    page(ITEM, FOLDER),
]
WHOLE = {**ITEM, "size": 10_485_765}
OPENED = said({"uploadUrl": MONITOR, "expirationDateTime": "2026-09-22T14:13:20Z"})
LINE = {
    "path": "a/plan.pdf",
    "outcome": "copied",
    "source": {"driveId": "d", "id": "i", "name": "plan.pdf", "size": 5},
    "shown": True,
    "run": "run",
}
FATES = ("deleted", "to be deleted", "kept", "kept: it had no eTag")
_METADATA = {
    "token_endpoint": f"{DISCOVERY}/oauth2/v2.0/token",
    "authorization_endpoint": f"{DISCOVERY}/oauth2/v2.0/authorize",
    "issuer": f"{DISCOVERY}/v2.0",
}
_TOKEN = {"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": "ey.ey.x"}
_DENIED = {"error": "invalid_client", "error_description": "AADSTS7000215", "error_codes": [7000215]}
SEEDS = {
    **dict.fromkeys(("item", "status", "error", "wait"), ANSWERS),
    "event": [
        json.dumps({"status": "completed", "resource_id": "i", "drive_id": "d"}).encode(),
        json.dumps({"status": "failed", "code": "c", "message": "m", "details": [{}]}).encode(),
    ],
    "job": [json.dumps(JOB).encode(), json.dumps({**JOB, "monitor_url": "gAAAA"}).encode()],
    "task_state": [
        json.dumps({"copy": JOB}).encode(),
        json.dumps(
            {"move": {"drive_id": "d", "item": ITEM, "folder": {"driveId": "d", "id": "f"}, "proven": True}}
        ).encode(),
    ],
    "extra": [b"graph.microsoft.com\nhttps\n" + json.dumps(EXTRA).encode(), b"\n\n{}"],
    "address": [
        b"sites/contoso.sharepoint.com:/sites/Legal:/drives/Contracts/root:/2026/plan.docx",
        b"https://contoso.sharepoint.com/sites/Legal/Shared%20Documents/plan.docx",
        b"/users/ann@contoso.com/drive/special/documents:/a/b:",
        json.dumps({"remoteItem": {"driveId": "d", "id": "i"}}).encode(),
        json.dumps(ITEM).encode(),
    ],
    "name": ["plan €.docx".encode(), b".."],
    "tag": [b'"{046F},1"', b"*"],
    "url": [
        MONITOR.encode(),
        b"[::1]:443\nhttps://[::1]/x",
        b"files.example.com\nhttps://files.example.com:8443/x",
    ],
    "sealed": [MONITOR.encode(), b"gAAAAABn"],
    "text": [
        MONITOR.encode(),
        b"see https://ann:pw@contoso.sharepoint.com/x?y=z, and",
        b"2026-09-21T14:13:20Z",
    ],
    "token": [
        said(_METADATA) + APART + said(_TOKEN),
        said(_METADATA) + APART + said(_DENIED, 401),
        said(_METADATA) + APART + said(_TOKEN | {"client_info": "e30", "id_token": "e30.e30.e30"}),
    ],
    "listing": [page(ITEM, **NEXT) + APART + page(FOLDER)],
    "tree": [page(ITEM, {**FOLDER, "id": "g"}, **NEXT) + APART + page(ITEM) + APART + page(ITEM, FOLDER)],
    "batch": [
        said({"responses": [part(2, 204), part(0, 200, ITEM), part(1, 200, FOLDER)]}),
        said({"responses": [part(1, 429), part(2, 424), part(0, 200, ITEM)]}) + APART + said(FOLDER),
        said(None, 401) + APART + said({"responses": [part(0, 200, ITEM), part(1, 404, "bm8=")]}),
    ],
    "library": [page({"id": "b!x", "name": "Contracts"}) + APART + said(ITEM)],
    "copy": [
        APART.join([said(ITEM), said(FOLDER), ACCEPTED, DONE, said({**ITEM, "name": "b"})]),
        APART.join([said(ITEM), said(FOLDER), said(None, 504), said(FOLDER), page(ITEM, FOLDER)]),
    ],
    "move": [APART.join([said(ITEM), said({**ITEM, "name": "b"})])],
    "upload": [
        APART.join([OPENED, said({"nextExpectedRanges": ["5242880-"]}, 202), said(WHOLE)]),
        APART.join([OPENED, said(None, 416), said({"nextExpectedRanges": ["5242880-"]}, 200), said(WHOLE)]),
    ],
    "download": [
        said(ITEM)
        + APART
        + said(None, 302, location=MONITOR)
        + APART
        + b"206\ncontent-range: bytes 0-2/3\n\nabc"
        + APART
        + said(ITEM),
    ],
    "manifest": [
        b"\n".join(json.dumps({**LINE, "original": original}).encode() for original in FATES),
        json.dumps({**LINE, "run": "another"}).encode(),
    ],
    "monitor": [said({"status": "inProgress", "percentageComplete": 5}) + APART + DONE],
}
