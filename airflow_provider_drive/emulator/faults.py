"""Faults: what goes wrong with which requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {
    *("refuse", "status", "drop_before", "drop_after", "delay", "truncate"),
    *("garbage", "html", "redirect", "huge", "nested"),
}
_DEFAULT_STATUS = {"refuse": 503, "status": 503, "html": 200, "redirect": 302}


@dataclass
class Fault:
    """
    A fault of the next requests that match.

    :param method: HTTP method. Default is any.
    :param path: Regular expression that is searched for in the decoded path, without the query.
    :param kind: What happens: ``refuse`` (an error of Graph with ``status`` and ``code``; of Entra ID, if the
        request is for a token and the ``code`` is one like ``AADSTS53003``), ``status`` (a status without a
        body), ``drop_before`` (the connection is cut, without effect), ``drop_after`` (the connection is cut
        after the effect), ``delay`` (the response comes ``seconds`` after the effect), ``truncate`` (half of
        the response), ``garbage`` (bytes that are not JSON), ``html``, ``redirect`` (to ``location``),
        ``huge`` (more than 32 MiB of JSON), ``nested`` (JSON that is too deep to parse).
    :param times: Number of requests that the fault applies to.
    :param after: Number of matching requests before the first of them.
    :param status: HTTP status. Has no effect for ``drop_before``, ``drop_after``, ``delay`` and ``truncate``.
    :param code: Error code of ``refuse``. Default is that of the status.
    :param message: Error message of ``refuse``.
    :param inner: Code in ``innerError`` of ``refuse``.
    :param retry_after: Value of the header ``Retry-After``: seconds or an HTTP date.
    :param seconds: Duration of ``delay``.
    :param location: Target of ``redirect``.
    :param effect: Whether the request has its effect in spite of the fault. With ``drop_after``, ``delay``
        and ``truncate`` it always has.
    :param where: ``graph``, ``monitor``, ``token`` or ``file``. Default is any.
    :param act: Called after the effect, if there is one, and before the response is sent: for anything else
        that is to happen at this moment, such as killing the client's process.
    """

    method: str | None = None
    path: str = ""
    kind: str = "refuse"
    times: int = 1
    after: int = 0
    status: int | None = None
    code: str | None = None
    message: str = "The emulator was asked to refuse this."
    inner: str | None = None
    retry_after: float | str | None = None
    seconds: float = 0.0
    location: str = ""
    effect: bool = False
    where: str | None = None
    act: Callable[[], None] | None = None

    @property
    def http_status(self) -> int:
        """The status, or the default of the kind."""
        return self.status or _DEFAULT_STATUS.get(self.kind, 200)

    @property
    def has_effect(self) -> bool:
        """Whether the request has its effect in spite of the fault."""
        return self.effect or self.kind in {"drop_after", "delay", "truncate"}

    def matches(self, method: str, path: str, where: str) -> bool:
        """Whether the fault applies to a request."""
        return (
            self.times > 0
            and self.method in {None, method}
            and self.where in {None, where}
            and re.search(self.path, path) is not None
        )


def pop_fault(faults: list[Fault], method: str, path: str, where: str) -> Fault | None:
    """Return the first fault that applies to a request, and count it. A fault that is used up is removed."""
    for fault in faults:
        if not fault.matches(method, path, where):
            continue
        if fault.after > 0:
            fault.after -= 1
            continue
        fault.times -= 1
        if fault.times == 0:
            faults.remove(fault)
        return fault
    return None
