"""Faults, queued as data: what goes wrong on the way, and how often."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT_STATUS = {"refuse": 503, "status": 503, "html": 200, "redirect": 302}


@dataclass
class Fault:
    """
    Something that goes wrong with the next requests of a kind.

    :param method: HTTP method; None for any.
    :param path: Regular expression, searched for in the decoded path without its query.
    :param kind: What happens: ``refuse`` (an error of Graph's with ``status`` and ``code``; of the
        authority's with a ``code`` like ``AADSTS53003``, if it is asked), ``status`` (a bare status),
        ``drop_before`` (the connection is cut, and nothing has happened), ``drop_after`` (cut after the
        effect), ``delay`` (the effect at once, the answer after ``seconds``), ``truncate`` (the answer's
        first half), ``garbage`` (bytes that are no JSON), ``html``, ``redirect`` (to ``location``), ``huge``
        (over 32 MiB of JSON), ``nested`` (JSON too deep to read).
    :param times: How many requests it spoils.
    :param after: Let so many matching requests pass first.
    :param status: HTTP status of every kind but the drops, ``delay`` and ``truncate``.
    :param effect: Let the request have its effect although it is answered like this. ``drop_after``,
        ``delay`` and ``truncate`` always do.
    :param retry_after: The header's value, in seconds or an HTTP date.
    :param where: ``graph``, ``monitor`` or ``token``; None for anywhere.
    :param act: Called when the effect is there, if there is one, and before the answer leaves: whatever else
        goes wrong at this instant, such as the end of the client's process.
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
        """The status asked for, or the kind's own."""
        return self.status or _DEFAULT_STATUS.get(self.kind, 200)

    @property
    def has_effect(self) -> bool:
        """Whether the request is carried out all the same."""
        return self.effect or self.kind in {"drop_after", "delay", "truncate"}

    def matches(self, method: str, path: str, where: str) -> bool:
        """Whether it is about this request."""
        return (
            self.times > 0
            and self.method in {None, method}
            and self.where in {None, where}
            and re.search(self.path, path) is not None
        )


def pop_fault(faults: list[Fault], method: str, path: str, where: str) -> Fault | None:
    """Use up one turn of the first fault that is about this request."""
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
