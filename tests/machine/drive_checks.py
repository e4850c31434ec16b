"""Checks of all drives at the end: nothing is lost, changed by mistake or left over."""

from machine.checks import OWN_NAME, paths
from machine.documents import is_live, number_of

LAST_MOMENT = 1.0
"""Seconds."""


def check_documents(simulation, checks):
    """Check that nothing is lost, changed by mistake or left over."""
    lost = _check_owned(simulation, checks)
    return lost + _check_numbers(simulation, checks) + _check_left_over(simulation, checks)


def _check_owned(simulation, checks):
    """What people have put somewhere is there, unless a task was to move or to replace it."""
    problems = []
    orders = [order for order in simulation.orders if order.removes_source]
    sources = set().union(*(order.asked_ids for order in orders))
    for item, parent, name, content in simulation.owned.values():
        if any(each.id in sources for each in (item, *item.ancestors())):
            if is_live(item) and item.content is not content:
                problems.append(f"{item.path} was changed")
        elif not is_live(item):
            if not _was_replaced(item, checks):
                problems.append(f"{name} in {parent.path} was lost")
        elif (item.parent, item.name) != (parent, name):
            if not _is_displaced(item, checks):
                problems.append(f"{name} in {parent.path} is {item.path} now")
        elif item.content is not content:
            problems.append(f"{item.path} was changed")
    return problems


def _check_numbers(simulation, checks):
    """Each document that people have put somewhere, and have not discarded, is somewhere."""
    deleted = [item for drive in simulation.tenant.drives.values() for item in drive.recycle_bin]
    replaced = {number_of(item) for item in deleted if not item.is_folder and _was_replaced(item, checks)}
    lost = (
        set(range(1, simulation.next_number))
        - simulation.live_numbers()
        - simulation.people.discarded
        - replaced
    )
    return [
        f"the document {number} is nowhere"
        for number in sorted(lost)
        if not any(_was_last_moment(number, check) for check in checks)
    ]


def _was_last_moment(number, check):
    """
    Whether people have changed a container, or the copy, between the last look and the deletion after it.

    "Graph has no transaction over a folder", the documentation says: less than a second is the limit.
    """
    changes = check.simulation.changes
    removals = [each for each in changes.by_run(check.run) if each.kind == "removed"]
    return any(
        _is_container_changed(change, removal) or change.touched & check.run.made.keys()
        for removal in removals
        if number in removal.numbers and removal.at - removal.read[1] < LAST_MOMENT
        for change in changes.by_people
        if removal.read[0] < change.request <= removal.request
    )


def _is_container_changed(change, removal):
    return removal.item.is_folder and removal.item.id in change.above


def _check_left_over(simulation, checks):
    made = {item.id: item for job in simulation.tenant.jobs for item in job.made}
    known = made.keys() | simulation.owned.keys()
    everything = [item for drive in simulation.tenant.drives.values() for item in drive.items.values()]
    files = [item for item in everything if not item.is_folder and number_of(item)]
    unknown = [item for item in files if item.id not in known]
    problems = [f"nobody has made {path}" for path in paths(unknown)]
    if all(check.run.state == "success" or check.run.is_abandoned for check in checks):
        cleared = {
            key for task in simulation.tasks for run in task.runs if run.is_abandoned for key in run.made
        }
        cleared |= {key for check in checks for key in check.parts}
        cleared |= {key for check in checks if check.copies_again for key in check.run.made}
        cleared |= {key for change in simulation.changes.by_people for key in change.touched}
        asked = set().union(*(check.names for check in checks))
        left = [item for item in everything if OWN_NAME.search(item.name) and item.id not in cleared]
        left = [item for item in left if item.name.casefold() not in asked]
        left = [item for item in left if not _is_displaced(item, checks)]
        problems += [f"all tasks succeeded, and there is {path}" for path in paths(left)]
    return problems


def _replacing(item, checks):
    """Return the runs that were to replace a file, by the place where it is or was last."""
    return [
        check
        for check in checks
        if check.order.behavior == "replace"
        and check.order.folder in list(item.ancestors())[: None if check.order.is_archive else 1]
        and (OWN_NAME.search(item.name) is not None or item.name.casefold() in check.names)
    ]


def _was_replaced(item, checks):
    """Whether a task has put its document in the place of a file, as it was to, and only then deleted it."""
    return any(_has_replaced(item, check) for check in _replacing(item, checks))


def _has_replaced(item, check):
    """
    Whether it has. A container gets its name first, and then the documents below it.

    A copy that the task itself has made is only replaced with another copy of the same document.
    """
    changes = check.simulation.changes.by_run(check.run)
    placed = [change for change in changes if change.kind == "placed" and change.item is not item]
    named = {
        change.item.id
        for change in placed
        if change.name.casefold() in check.names and item.parent.id in change.above
    }
    is_temporary = item.id in check.run.made
    filled = [
        change
        for change in placed
        if change.numbers & check.numbers
        and ({change.item.id} | change.above) & named
        and (not is_temporary or number_of(item) in change.numbers)
    ]
    removals = [change for change in changes if change.kind == "removed" and change.item is item]
    return any(each.request <= removal.request for removal in removals for each in filled)


def _is_displaced(item, checks):
    """Whether a task has not been able to give a file its name back, or to delete it when it was replaced."""
    runs = [check for check in _replacing(item, checks) if item.id not in check.run.made]
    is_excused = any(
        check.is_touched(item)
        or check.leaves_something
        or check.run.is_abandoned
        or _may_keep_replaced(check)
        for check in runs
    )
    return OWN_NAME.search(item.name) is not None and is_excused


def _may_keep_replaced(check):
    """
    Whether a task may succeed though it could not delete the file that it has replaced.

    "A file that was replaced may remain" in archives and before Airflow 3.3, the documentation says.
    """
    is_documented = check.order.is_archive or not check.simulation.has_state
    return is_documented and any("at DELETE" in fault or "at POST graph" in fault for fault in check.run.met)
