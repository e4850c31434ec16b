"""Documents that can be recognised wherever they are: each has a number that nothing else has."""

import re

from airflow_provider_drive.emulator.state.content import Content

_NUMBER = re.compile(rb"ocument (\d+)\.")
"""The service may change the first byte, and append some."""


def new_content(number):
    """Return content of which only the number is unlike that of any other: all have the same size."""
    return Content(b"Document %06d." % number)


def number_of(item):
    """Return the number of the document that a file holds."""
    return int(_NUMBER.search(item.content.data)[1])


def numbers_in(item):
    """Return the number of each document by its path below an item; that of a file has an empty path."""
    if not item.is_folder:
        return {"": number_of(item)}
    return {
        f"{name}/{path}".rstrip("/"): number
        for name, child in item.children.items()
        for path, number in numbers_in(child).items()
    }


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
