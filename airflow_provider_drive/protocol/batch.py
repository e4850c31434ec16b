"""
Several conversations with Graph in one: their requests travel together.

https://learn.microsoft.com/graph/json-batching
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_drive.exceptions import DriveConnectionError, DriveError, DriveResponseError
from airflow_provider_drive.protocol.flow import Checkpoint, Gather, Pause, Request, Response, Restore
from airflow_provider_drive.protocol.retry import is_throttled, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_drive.protocol.flow import Flow

MAX_BATCH_SIZE = 20
"""Requests in one batch, at most."""
GATHERING = 2.0
"""Seconds by which a flow that could send is held back, so that those that follow soon share its batch."""
_REFUSED, _NOT_TRIED = 429, 424
"""Of a batch that was throttled, the rest may not be tried: https://learn.microsoft.com/graph/throttling."""

_T = TypeVar("_T")
_Answers = dict[int, Response | DriveError]


def batched(
    flows: Sequence[Flow[_T]], *, clock: Callable[[], float] = time.monotonic
) -> Flow[list[_T | DriveError]]:
    """
    Run flows side by side, and send what they ask for at the same time in one request.

    Each flow receives the answer to its own request, so its own rules for retries hold: a throttled request
    is sent again when its pause is over, together with what other flows have to send by then. A request for
    an absolute URL, such as a next page, is sent alone: a batch takes only relative URLs.

    :param flows: They may send requests, pause and store; none may gather. A pause of one delays no other.
    :return: What each came to, in their order: what it has returned, or the error that it has raised.
    """
    outcomes: dict[int, _T | DriveError] = {}
    wanted: dict[int, Request] = {}
    asleep: dict[int, float] = {}
    answers: Mapping[int, Response | DriveError | None] = dict.fromkeys(range(len(flows)))
    while True:
        for number, answer in answers.items():
            asked = _tell(flows[number], answer, outcomes, number)
            while isinstance(asked, (Checkpoint, Restore)):
                asked = _tell(flows[number], (yield asked), outcomes, number)
            if isinstance(asked, Request):
                wanted[number] = asked
            elif isinstance(asked, Pause):
                asleep[number] = clock() + asked.seconds
        if len(outcomes) == len(flows):
            return [outcomes[number] for number in range(len(flows))]
        if wanted:
            answers = yield from _send({number: wanted.pop(number) for number in _next_few(wanted)})
            continue
        first = min(asleep.values())
        together = max(until for until in asleep.values() if until <= first + GATHERING)
        yield Pause(max(0.0, together - clock()))
        now = clock()
        answers = {number: None for number, until in asleep.items() if until <= now}
        asleep = {number: until for number, until in asleep.items() if number not in answers}


def _tell(flow: Flow[_T], answer: Any, outcomes: dict[int, _T | DriveError], number: int) -> Any:
    """Tell a flow what has come, and return what it wants then; or note what it came to."""
    try:
        return flow.throw(answer) if isinstance(answer, DriveError) else flow.send(answer)
    except StopIteration as end:
        outcomes[number] = end.value
    except DriveError as error:
        outcomes[number] = error
    return None


def _next_few(wanted: Mapping[int, Request]) -> list[int]:
    """Return whose requests are sent next: those who have waited longest, or one that no batch takes."""
    few = islice((number for number, request in wanted.items() if _may_travel(request)), MAX_BATCH_SIZE)
    return list(few) or list(islice(wanted, 1))


def in_batches(flows: Sequence[Flow[Any]]) -> Flow[list[Any]]:
    """Run flows side by side as :func:`batched` does, in several batches if there are so many."""
    parts = [flows[start : start + MAX_BATCH_SIZE] for start in range(0, len(flows), MAX_BATCH_SIZE)]
    if len(parts) <= 1:
        return (yield from batched(flows))
    outcomes: list[Any] = []
    for part, outcome in zip(parts, (yield Gather([batched(part) for part in parts])), strict=True):
        outcomes += [outcome] * len(part) if isinstance(outcome, DriveError) else outcome
    return outcomes


def _may_travel(request: Request) -> bool:
    """Whether a request can be part of a batch: it goes to Graph, and says so by its path alone."""
    return request.kind == "graph" and request.url.startswith("/") and not request.is_alone


def _send(requests: Mapping[int, Request]) -> Flow[_Answers]:
    """
    Send requests, in one if there are several. What refuses the whole batch refuses each of them.

    Those that are one too many come back together, after the longest time that one of them was told:
    https://learn.microsoft.com/graph/throttling#throttling-and-batching
    """
    if len(requests) == 1:
        ((number, request),) = requests.items()
        try:
            return {number: (yield request)}
        except DriveError as error:
            return {number: error}
    envelope = _envelope(requests)
    try:
        answer = yield envelope
        responses = _read(answer) if answer.ok else {str(number): answer for number in requests}
    except DriveConnectionError as error:
        return {number: DriveConnectionError(str(error), sent=error.sent) for number in requests}
    except DriveResponseError as error:
        return {number: DriveResponseError(str(error), retryable=error.retryable) for number in requests}
    refusals = {number: part for number, part in responses.items() if is_throttled(part)}
    if answer.ok and refusals:
        longest = max(refusals.values(), key=lambda part: retry_after(part) or 0.0)
        yield Pause(0.0, throttled=longest)
        wait = {name: value for name, value in longest.headers.items() if name == "retry-after"}
        responses |= {
            number: replace(part, headers={**part.headers, **wait}) for number, part in refusals.items()
        }
    nothing = "the batch was answered, but not this request of it"
    return {number: responses.get(str(number)) or DriveResponseError(nothing) for number in requests}


def _envelope(requests: Mapping[int, Request]) -> Request:
    entries = [
        {
            "id": str(number),
            "method": request.method,
            "url": request.url,
            **({"headers": headers} if (headers := {**request.headers, **_typed(request)}) else {}),
            **({} if request.json is None else {"body": request.json}),
        }
        for number, request in requests.items()
    ]
    return Request(
        "POST",
        "/$batch",
        f"send {len(requests)} requests in one, the first to {next(iter(requests.values())).action}",
        json={"requests": entries},
        refused_token=any(request.refused_token for request in requests.values()),
        parts=tuple(requests.values()),
    )


def _typed(request: Request) -> dict[str, str]:
    return {} if request.json is None else {"Content-Type": "application/json"}


def _read(answer: Response) -> dict[str, Response]:
    """Read the answers to each request, which come in any order."""
    responses = answer.mapping().get("responses")
    if not isinstance(responses, list):
        raise DriveResponseError("the answer to a batch has no responses")
    return {
        str(entry.get("id")): Response(
            _REFUSED if entry["status"] == _NOT_TRIED else entry["status"],
            _headers(entry, answer),
            _body(entry.get("body")),
        )
        for entry in responses
        if isinstance(entry, dict) and _is_status(entry.get("status"))
    }


def _is_status(value: Any) -> bool:
    return isinstance(value, int) and 100 <= value < 600


def _headers(entry: Mapping[str, Any], answer: Response) -> dict[str, str]:
    """Return an answer's own headers; its time is that of the batch."""
    own = entry.get("headers")
    named = own.items() if isinstance(own, dict) else ()
    date = {"date": answer.headers["date"]} if "date" in answer.headers else {}
    return {**date, **{str(name).lower(): str(value) for name, value in named}}


def _body(value: Any) -> bytes:
    """Return a body as it would have come alone: what is no JSON comes in base64."""
    if value is None:
        return b""
    if isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value.encode("utf-8", "replace")
    return json.dumps(value).encode()
