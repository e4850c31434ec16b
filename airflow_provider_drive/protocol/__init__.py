"""
Every rule of Graph's drives. Does no I/O, and knows neither Airflow nor an HTTP library.

What hooks, operators, sensors and triggers use of it is found here, and loaded when it is first used: Airflow
parses Dag files again and again, and they need none of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.addresses import Address as Address
    from airflow_provider_drive.protocol.addresses import ItemRef as ItemRef
    from airflow_provider_drive.protocol.addresses import LibraryAddress as LibraryAddress
    from airflow_provider_drive.protocol.addresses import PathAddress as PathAddress
    from airflow_provider_drive.protocol.addresses import check_path as check_path
    from airflow_provider_drive.protocol.addresses import parse_address as parse_address
    from airflow_provider_drive.protocol.archiving import ArchiveOrder as ArchiveOrder
    from airflow_provider_drive.protocol.archiving import archive as archive
    from airflow_provider_drive.protocol.archiving import cost_of_archive as cost_of_archive
    from airflow_provider_drive.protocol.archiving import delete_originals as delete_originals
    from airflow_provider_drive.protocol.arriving import check_copy as check_copy
    from airflow_provider_drive.protocol.arriving import conclude as conclude
    from airflow_provider_drive.protocol.arriving import finish_copy as finish_copy
    from airflow_provider_drive.protocol.arriving import wait_for_copy as wait_for_copy
    from airflow_provider_drive.protocol.arriving import watch_job as watch_job
    from airflow_provider_drive.protocol.copies import CopyJob as CopyJob
    from airflow_provider_drive.protocol.copies import CopyStatus as CopyStatus
    from airflow_provider_drive.protocol.copies import read_copy_job as read_copy_job
    from airflow_provider_drive.protocol.copies import read_event as read_event
    from airflow_provider_drive.protocol.copies import secrets_of as secrets_of
    from airflow_provider_drive.protocol.copying import CopyOrder as CopyOrder
    from airflow_provider_drive.protocol.copying import copy_item as copy_item
    from airflow_provider_drive.protocol.errors import error_of as error_of
    from airflow_provider_drive.protocol.files import check_file as check_file
    from airflow_provider_drive.protocol.files import read_file as read_file
    from airflow_provider_drive.protocol.files import write_file as write_file
    from airflow_provider_drive.protocol.finding import ensure_folder as ensure_folder
    from airflow_provider_drive.protocol.finding import find_items as find_items
    from airflow_provider_drive.protocol.finding import get_folder as get_folder
    from airflow_provider_drive.protocol.finding import get_item as get_item
    from airflow_provider_drive.protocol.finding import list_children as list_children
    from airflow_provider_drive.protocol.hosts import Hosts as Hosts
    from airflow_provider_drive.protocol.items import check_count as check_count
    from airflow_provider_drive.protocol.items import check_seconds as check_seconds
    from airflow_provider_drive.protocol.items import check_tag as check_tag
    from airflow_provider_drive.protocol.listing import Listing as Listing
    from airflow_provider_drive.protocol.messages import Flow as Flow
    from airflow_provider_drive.protocol.messages import Request as Request
    from airflow_provider_drive.protocol.messages import Response as Response
    from airflow_provider_drive.protocol.moving import Move as Move
    from airflow_provider_drive.protocol.moving import MoveOrder as MoveOrder
    from airflow_provider_drive.protocol.moving import move_item as move_item
    from airflow_provider_drive.protocol.moving import read_move as read_move
    from airflow_provider_drive.protocol.pending import Outcome as Outcome
    from airflow_provider_drive.protocol.permissions import read_claims as read_claims
    from airflow_provider_drive.protocol.retries import ask as ask
    from airflow_provider_drive.protocol.selecting import read_selection as read_selection
    from airflow_provider_drive.protocol.standing import Standing as Standing
    from airflow_provider_drive.protocol.standing import read_end_event as read_end_event
    from airflow_provider_drive.protocol.standing import read_standing as read_standing
    from airflow_provider_drive.protocol.trying import try_connection as try_connection
    from airflow_provider_drive.protocol.updating import delete_item as delete_item
    from airflow_provider_drive.protocol.watching import look_at_copy as look_at_copy
    from airflow_provider_drive.protocol.watching import watch_copy as watch_copy

_NAMES = {
    "archiving": ("ArchiveOrder", "archive", "cost_of_archive", "delete_originals"),
    "addresses": ("Address", "ItemRef", "LibraryAddress", "PathAddress", "check_path", "parse_address"),
    "arriving": ("check_copy", "conclude", "finish_copy", "wait_for_copy", "watch_job"),
    "copies": ("CopyJob", "CopyStatus", "read_copy_job", "read_event", "secrets_of"),
    "copying": ("CopyOrder", "copy_item"),
    "errors": ("error_of",),
    "files": ("check_file", "read_file", "write_file"),
    "finding": ("ensure_folder", "find_items", "get_folder", "get_item", "list_children"),
    "hosts": ("Hosts",),
    "items": ("check_count", "check_seconds", "check_tag"),
    "listing": ("Listing",),
    "messages": ("Flow", "Request", "Response"),
    "moving": ("Move", "MoveOrder", "move_item", "read_move"),
    "permissions": ("read_claims",),
    "pending": ("Outcome",),
    "retries": ("ask",),
    "selecting": ("read_selection",),
    "standing": ("Standing", "read_end_event", "read_standing"),
    "trying": ("try_connection",),
    "updating": ("delete_item",),
    "watching": ("look_at_copy", "watch_copy"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for: https://peps.python.org/pep-0562/."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
