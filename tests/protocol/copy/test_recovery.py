"""What is decided about a copy, row by row: the same rows as the table of docs/concepts/crash-safety.md."""

import itertools
from pathlib import Path

import pytest

from airflow_provider_drive.protocol.copy.recovery import Decision, Evidence, Found, decide

ROWS = [
    # the copy is known to be there
    (Evidence(monitor="completed", found=Found.OURS, is_accepted=True), Decision.ARRIVED),
    (Evidence(monitor="running", found=Found.OURS, is_accepted=True), Decision.ARRIVED),
    (Evidence(monitor="unknown", found=Found.OURS, is_accepted=True), Decision.ARRIVED),
    (Evidence(monitor="none", found=Found.OURS, lost=1), Decision.ARRIVED),
    (Evidence(monitor="conflict", found=Found.OURS, lost=1), Decision.ARRIVED),
    # another request for it may be running
    (
        Evidence(monitor="completed", found=Found.OURS, is_accepted=True, lost=1, may_come_again=True),
        Decision.WAIT,
    ),
    (Evidence(monitor="none", found=Found.OURS, lost=2, may_come_again=True), Decision.WAIT),
    # it is known to be somewhere else
    (Evidence(monitor="completed", found=Found.ELSEWHERE, is_accepted=True), Decision.MISPLACED),
    (
        Evidence(monitor="completed", found=Found.ELSEWHERE, is_accepted=True, may_search=False),
        Decision.MISPLACED,
    ),
    # its monitor says how it ended
    (Evidence(monitor="failed", found=Found.NOTHING, is_accepted=True), Decision.FAILED),
    (Evidence(monitor="timeout", found=Found.NOTHING, is_accepted=True), Decision.TIMED_OUT),
    (Evidence(monitor="running", found=Found.NOTHING, is_accepted=True, may_search=False), Decision.WAIT),
    # Graph calls it completed
    (Evidence(monitor="completed", found=Found.NOTHING, is_accepted=True), Decision.WAIT),
    (
        Evidence(monitor="completed", found=Found.NOTHING, is_accepted=True, may_search=False),
        Decision.UNKNOWN,
    ),
    (Evidence(monitor="completed", found=Found.FILLING, is_accepted=True), Decision.WAIT),
    (
        Evidence(monitor="completed", found=Found.FILLING, is_accepted=True, may_search=False),
        Decision.INCOMPLETE,
    ),
    # accepted, and no monitor knows it: never requested again
    (Evidence(monitor="unknown", found=Found.NOTHING, is_accepted=True), Decision.WAIT),
    (
        Evidence(monitor="unknown", found=Found.NOTHING, is_accepted=True, may_search=False, may_submit=True),
        Decision.UNKNOWN,
    ),
    (Evidence(monitor="none", found=Found.OTHER, is_accepted=True, may_search=False), Decision.UNKNOWN),
    (Evidence(monitor="none", found=Found.FILLING, is_accepted=True, may_search=False), Decision.UNKNOWN),
    # the answer to the request was lost
    (Evidence(monitor="none", found=Found.NOTHING, lost=1), Decision.WAIT),
    (
        Evidence(monitor="none", found=Found.NOTHING, lost=1, may_search=False, may_submit=True),
        Decision.SUBMIT,
    ),
    (Evidence(monitor="none", found=Found.NOTHING, lost=1, may_search=False), Decision.UNKNOWN),
    (Evidence(monitor="none", found=Found.OTHER, lost=1, may_submit=True), Decision.CONFLICT),
    (
        Evidence(monitor="none", found=Found.SEVERAL, lost=1, may_search=False, may_submit=True),
        Decision.UNKNOWN,
    ),
    (
        Evidence(monitor="none", found=Found.UNSEEN, lost=1, may_search=False, may_submit=True),
        Decision.UNKNOWN,
    ),
    (
        Evidence(monitor="none", found=Found.FILLING, lost=1, may_search=False, may_submit=True),
        Decision.UNKNOWN,
    ),
    # refused for the name: a refused request made nothing
    (Evidence(monitor="conflict", found=Found.NOTHING), Decision.CONFLICT),
    (Evidence(monitor="conflict", found=Found.FILLING), Decision.CONFLICT),
    (Evidence(monitor="conflict", found=Found.OTHER, lost=1), Decision.CONFLICT),
    (Evidence(monitor="conflict", found=Found.NOTHING, lost=1), Decision.WAIT),
    (Evidence(monitor="conflict", found=Found.FILLING, lost=1), Decision.WAIT),
    (Evidence(monitor="conflict", found=Found.FILLING, lost=1, may_search=False), Decision.CONFLICT),
]
MONITORS = ("none", "running", "completed", "failed", "conflict", "timeout", "unknown")
ALL = [
    Evidence(monitor, found, is_accepted, lost, may_search, may_submit)
    for monitor, found, is_accepted, lost, may_search, may_submit in itertools.product(
        MONITORS, Found, (False, True), (0, 1), (False, True), (False, True)
    )
]


def render(rows):
    """Return the table as docs/concepts/crash-safety.md has it."""
    told = ["| monitor | request | the destination shows | search | decision |", "|---|---|---|---|---|"]
    for evidence, decision in rows:
        request = (
            "accepted" if evidence.is_accepted else "its answer was lost" if evidence.lost else "refused"
        )
        if evidence.may_come_again:
            request += ", and another for the same temporary name may be running"
        search = "goes on" if evidence.may_search else "over"
        if evidence.may_submit:
            search += "; may repeat"
        told.append(
            f"| {evidence.monitor} | {request} | {evidence.found.value} | {search} | {decision.value} |"
        )
    return "\n".join(told)


def test_the_page_has_the_same_rows():
    page = Path(__file__).parents[3] / "docs" / "concepts" / "crash-safety.md"
    assert render(ROWS) in page.read_text()


@pytest.mark.parametrize(("evidence", "decision"), ROWS)
def test_each_row_of_the_table_leads_to_its_decision(evidence, decision):
    assert decide(evidence) is decision


def test_nothing_that_graph_has_accepted_is_requested_again():
    assert not [each for each in ALL if each.is_accepted and decide(each) is Decision.SUBMIT]


def test_a_request_is_repeated_only_if_it_cannot_make_a_second_copy():
    assert all(each.may_submit for each in ALL if decide(each) is Decision.SUBMIT)


def test_only_an_item_that_is_known_to_be_the_copy_is_called_arrived():
    assert {each.found for each in ALL if decide(each) is Decision.ARRIVED} == {Found.OURS}


def test_the_search_goes_on_only_while_there_is_time_or_the_monitor_says_running():
    waiting = [each for each in ALL if decide(each) is Decision.WAIT and not each.may_search]
    assert {each.monitor for each in waiting} == {"running"}
