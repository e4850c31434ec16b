"""Checks of all drives at the end: nothing is lost, changed by mistake or left over."""

from machine.checks import OWN_NAME, paths
from machine.documents import is_live, number_of


def check_documents(simulation, checks):
    """Check that nothing is lost, changed by mistake or left over."""
    lost = _check_owned(simulation, checks)
    return lost + _check_numbers(simulation, checks) + _check_left_over(simulation, checks)


def _check_owned(simulation, checks):
    """What people have put somewhere is there, unless a task was to move or to replace it."""
    problems = []
    sources = [order.source for order in simulation.orders if order.removes_source]
    for item, parent, name, content in simulation.owned.values():
        if any(each in sources for each in (item, *item.ancestors())):
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
    return [f"the document {number} is nowhere" for number in sorted(lost)]


def _check_left_over(simulation, checks):
    made = {item.id: item for job in simulation.tenant.jobs for item in job.made}
    known = made.keys() | simulation.owned.keys()
    everything = [item for drive in simulation.tenant.drives.values() for item in drive.items.values()]
    unknown = [item for item in everything if item.id not in known and not item.is_folder]
    problems = [f"nobody has made {path}" for path in paths(unknown)]
    if all(check.run.state == "success" for check in checks) and not any(
        check.others_acted for check in checks
    ):
        cleared = {
            key for task in simulation.tasks for run in task.runs if run.is_abandoned for key in run.made
        }
        cleared |= {key for check in checks for key in check.parts}
        left = [item for item in everything if OWN_NAME.search(item.name) and item.id not in cleared]
        problems += [f"all tasks succeeded, and there is {path}" for path in paths(left)]
    return problems


def _replacing(item, checks):
    """Return the runs that were to replace a file, by the place where it is or was last."""
    return [
        check
        for check in checks
        if check.order.behavior == "replace"
        and check.order.folder in list(item.ancestors())[: None if check.order.is_archive else 1]
        and (
            OWN_NAME.search(item.name) is not None
            or item.name.casefold() in {wanted.casefold() for wanted in check.order.names}
        )
    ]


def _was_replaced(item, checks):
    """Whether a task has put something in the place of a file, as it was to."""
    return any(
        check.run.state == "success" or check.others_acted or any(map(item.parent.child, check.order.names))
        for check in _replacing(item, checks)
    )


def _is_displaced(item, checks):
    """Whether a task that failed has not been able to give a file its name back."""
    runs = _replacing(item, checks)
    is_excused = any(check.others_acted or check.leaves_something for check in runs)
    return OWN_NAME.search(item.name) is not None and is_excused
