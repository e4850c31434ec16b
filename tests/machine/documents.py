"""Documents that can be recognised wherever they are: each has a number that nothing else has."""

import re

from airflow_provider_drive.emulator.state.content import Content

_NUMBER = re.compile(rb"ocument (\d+)\.")
"""The service may change the first byte, and append some."""


def new_content(number):
    """Return content of which only the number is unlike that of any other: all have the same size."""
    return Content(b"Document %06d." % number)


def number_of(item):
    """Return the number of the document that a file holds; 0 if it is a manifest."""
    found = _NUMBER.search(item.content.data)
    return int(found[1]) if found else 0


def numbers_in(item):
    """Return the number of each document by its path below an item; that of a file has an empty path."""
    if not item.is_folder:
        return {"": number_of(item)}
    return {
        f"{name}/{path}".rstrip("/"): number
        for name, child in item.children.items()
        for path, number in numbers_in(child).items()
        if number
    }


def is_document(item):
    """Whether an archive takes an item as one document: a file that is in no package, or a package."""
    is_part = any("package" in folder.facets for folder in item.ancestors())
    return not is_part and (not item.is_folder or "package" in item.facets)


def documents_in(folder):
    """Return the documents below a folder by their paths, as an archive takes them."""
    found = {each.path.removeprefix(f"{folder.path}/"): each for each in folder.walk() if each is not folder}
    return {path: item for path, item in found.items() if is_document(item)}


def put_package(drive, path, simulation):
    """Put a OneNote notebook there: a folder that Graph calls a package."""
    parent, _, name = path.rpartition("/")
    package = drive.add(drive.mkdir(parent), name, None, {"package": {"type": "oneNote"}})
    for each in ("one.one", "two.one"):
        drive.add(package, each, simulation.content())
    return package


def is_live(item):
    """Whether an item is in its drive, and not in the recycle bin."""
    return item.drive.items.get(item.id) is item


def live_numbers(tenant):
    """Return the numbers of all documents in all drives."""
    return {
        number_of(item)
        for drive in tenant.drives.values()
        for item in drive.items.values()
        if not item.is_folder
    }
