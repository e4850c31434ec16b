"""
Decide what to do next about a copy, from what is known of it.

Single copies and archives ask the same function. docs/concepts/crash-safety.md has the same rows. ``SUBMIT``
is the only way to send a request again whose answer was lost. A request that had no effect is sent again
elsewhere: throttled or not sent (``protocol/retry.py``), 404 for a new folder (``post_copy``), a taken free
name (``copy_item``), a failed copy of an earlier try (``_resume``), refused in a batch (``InFlightCopies``).

An item is the copy if Graph told its id, if it has a name that nobody else can have, or if it has exactly the
content. A name, an age and about the same size never make it the copy.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple

MonitorWord = Literal["none", "running", "completed", "failed", "conflict", "timeout", "unknown"]


class Found(Enum):
    """What a search has found."""

    UNSEEN = "the destination could not be searched"
    NOTHING = "nothing has the copy's id or name"
    OURS = "the copy is there and complete"
    FILLING = "the copy is there, but incomplete"
    OTHER = "an item has the name that is not the copy, or cannot be identified as it"
    ELSEWHERE = "the item that Graph called the copy is in another place"
    SEVERAL = "several items may be the copy"


class Decision(Enum):
    """What to do next."""

    ARRIVED = "the copy has arrived"
    WAIT = "look again later"
    SUBMIT = "send the request again: it cannot make a second copy"
    CONFLICT = "the name belongs to another item"
    FAILED = "Graph could not make the copy"
    INCOMPLETE = "Graph reports the copy as completed, but it is incomplete"
    MISPLACED = "Graph put the copy elsewhere"
    TIMED_OUT = "the copy was not done at the deadline"
    UNKNOWN = "the outcome of the copy is unknown"


class Evidence(NamedTuple):
    """
    What is known of a copy.

    :param monitor: What its monitor has said; ``none`` if there is no monitor to ask.
    :param found: What the last search has found.
    :param is_accepted: Graph has said that it makes the copy.
    :param lost: Requests whose answer was lost, so that each may have made the copy.
    :param may_search: Whether there is time left to search.
    :param may_submit: A second request cannot make a second copy, and there is a try left.
    :param may_come_again: Another request for the copy may still be running. It is refused as long as the
        copy keeps its temporary name.
    """

    monitor: MonitorWord
    found: Found
    is_accepted: bool = False
    lost: int = 0
    may_search: bool = True
    may_submit: bool = False
    may_come_again: bool = False


def decide(evidence: Evidence) -> Decision:  # noqa: PLR0911  # a table of rules, in their order
    """Decide what to do next about a copy."""
    monitor, found = evidence.monitor, evidence.found
    if found is Found.OURS:
        return Decision.WAIT if evidence.may_come_again else Decision.ARRIVED
    if found is Found.ELSEWHERE:
        return Decision.MISPLACED
    if monitor == "failed":
        return Decision.FAILED
    if monitor == "timeout":
        return Decision.TIMED_OUT
    if monitor == "conflict":
        return _decide_conflict(evidence)
    if monitor == "running" or (evidence.may_search and found is not Found.OTHER):
        return Decision.WAIT
    if found is Found.FILLING:
        return Decision.INCOMPLETE if monitor == "completed" else Decision.UNKNOWN
    if monitor == "completed" or evidence.is_accepted:
        return Decision.WAIT if evidence.may_search else Decision.UNKNOWN
    if found is Found.OTHER:
        return Decision.CONFLICT
    return Decision.SUBMIT if found is Found.NOTHING and evidence.may_submit else Decision.UNKNOWN


def _decide_conflict(evidence: Evidence) -> Decision:
    """
    Decide what a taken name means: a request that was refused made nothing.

    Only if the answer to an earlier request was lost may the item with the name be its work. An archive
    looks at that item, so it waits until it is to be seen.
    """
    may_be_ours = evidence.lost and evidence.found is not Found.OTHER
    if evidence.may_search and (may_be_ours or evidence.found is Found.UNSEEN):
        return Decision.WAIT
    return Decision.CONFLICT
