"""
What tasks and hooks have read and written, for Airflow's hook lineage and for OpenLineage.

Lineage is a by-product: no fault of it fails a task, no request is sent for it, and OpenLineage is imported
only when its provider asks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.uris import (
    child_uri,
    dataset_name,
    folder_uri,
    is_by_ids,
    uri_from_url,
    uri_of_address,
    uri_of_item,
    uri_of_storage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.protocol.move import Move
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob

    Started = CopyJob | Move | ArchiveState

_T = TypeVar("_T")
MAX_DOCUMENTS = 20
"""Documents that a hook reports one by one; of further ones it reports the folders. Airflow keeps 100."""
_SUMMARY = (
    *("copied", "there", "failed", "planned", "gone", "deleted", "moved", "bytes", "seconds", "requests"),
    *("resource_units", "throttled_seconds", "paced_seconds", "manifest"),
)
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lineage:
    """
    What was read and written.

    :param inputs: URIs of documents and folders; None is left out.
    :param outputs: Likewise.
    :param documents: How many documents were written.
    :param size: Their bytes.
    :param change: What became of the output, if it was not written: it got a new name, or was deleted.
    :param summary: The summary of an archive or a transfer.
    """

    inputs: tuple[str | None, ...] = ()
    outputs: tuple[str | None, ...] = ()
    documents: int | None = None
    size: int | None = None
    change: Literal["RENAME", "DROP"] | None = None
    summary: Mapping[str, Any] | None = None


def lineage_of_copy(job: CopyJob, made: Mapping[str, Any] | None = None) -> Lineage:
    """
    Return the lineage of a copy.

    :param made: The driveItem of the copy; None if it is only requested.
    """
    folder = uri_from_url(job.destination_url)
    name = None if job.children_only else (made or {}).get("name") or job.name
    output = uri_of_json(made) if made else None
    if folder and (output is None or is_by_ids(output)):
        output = child_uri(folder, name) if name else folder
    copied = job.snapshot
    is_file = copied is not None and copied.kind == "file"
    size = (made or {}).get("size") or (copied.size if copied else None)
    return Lineage((uri_of_source(job),), (output,), documents=1 if is_file else None, size=size)


def lineage_of_move(started: Started | None, item: Mapping[str, Any]) -> Lineage:
    """
    Return the lineage of a move.

    :param started: The move, or the copy of it to another drive; None if nothing was moved.
    :param item: The driveItem that it is now.
    """
    before, now = uri_of_source(started), uri_of_json(item)
    return Lineage((before,), (now,), change="RENAME" if before and before != now else None)


def lineage_of_deletion(address: Any, deleted: Mapping[str, str]) -> Lineage:
    """
    Return the lineage of a deletion.

    :param deleted: The ids of the item.
    """
    uri = uri_of_address(address) or uri_of_item(None, ItemRef(deleted["driveId"], deleted["id"]))
    return Lineage(outputs=(uri,), change="DROP")


def uri_of_source(started: Started | None) -> str | None:
    """Return the URI of what is copied or moved. Of an archive, the ids are not known."""
    return uri_of_item(started.source_url, getattr(started, "source", None)) if started else None


def uri_of_json(item: Mapping[str, Any]) -> str | None:
    """Return the URI of a driveItem."""
    parent = item.get("parentReference") or {}
    is_known = parent.get("driveId") and item.get("id")
    return uri_of_item(item.get("webUrl"), ItemRef(parent["driveId"], item["id"]) if is_known else None)


def without_faults(find: Callable[[], _T]) -> _T | None:
    """Return what a function returns. A fault is logged at DEBUG: whatever lineage is, the task goes on."""
    try:
        return find()
    except Exception:  # noqa: BLE001  # it is other people's code that is called
        _log.debug("Lineage was not reported.", exc_info=True)
        return None


class HookLineage:
    """
    What a hook reports to Airflow's collector of lineage.

    https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/lineage.html

    :param hook: The hook, which the collector counts by.
    """

    def __init__(self, hook: Any) -> None:
        self._hook = hook
        self._documents: set[str] = set()

    def report(self, lineage: Callable[[], Lineage]) -> Lineage | None:
        """
        Report what was read and written.

        :param lineage: Returns it.
        :return: It; None if it is not known.
        """
        found = without_faults(lineage)
        if found is not None:
            for uri in filter(None, found.inputs):
                without_faults(partial(self._add, "add_input_asset", uri))
            for uri in filter(None, found.outputs):
                without_faults(partial(self._add, "add_output_asset", uri))
        return found

    def _add(self, method: str, uri: str) -> None:
        from airflow.providers.common.compat.lineage import hook  # noqa: PLC0415  # slow to import

        collector: Any = hook.get_hook_lineage_collector()  # type: ignore[no-untyped-call]  # Airflow has no types there
        getattr(collector, method)(context=self._hook, uri=self._limited(uri))

    def _limited(self, uri: str) -> str:
        """Return a document's URI; after many documents, its folder's."""
        if len(self._documents) < MAX_DOCUMENTS:
            self._documents.add(uri)
        return uri if uri in self._documents else folder_uri(uri)


def lineage_of_parameters(operator: Any, urls: Mapping[str, str | None] = _NOTHING) -> Lineage:
    """
    Return what an operator's parameters say, without a request: those that are URLs.

    :param urls: What is known of some of them by now: where a browser shows the item. Default is nothing.
    """

    def uris(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            uri for name in names for uri in _uris(urls.get(name)) or _uris(getattr(operator, name, None))
        )

    return (
        without_faults(lambda: Lineage(uris(operator.lineage_inputs), uris(operator.lineage_outputs)))
        or Lineage()
    )


def lineage_of_started(operator: Any, started: Started) -> Lineage:
    """Return where an operator reads, and an archive writes."""
    if hasattr(started, "source"):
        return Lineage((uri_of_source(started),))
    urls = {"source": started.source_url, "destination": started.destination_url}
    return lineage_of_parameters(operator, urls)


def lineage_of_summary(places: Lineage, summary: Mapping[str, Any]) -> Lineage:
    """
    Return the lineage of an archive or a transfer.

    :param places: Where it reads and writes.
    :param summary: Its summary; that of a dry run has a plan, and nothing was written.
    """
    outputs = () if "plan" in summary else places.outputs
    copied, size = summary["copied"], summary["bytes"]
    return replace(places, outputs=outputs, documents=copied, size=size, summary=summary)


def _uris(value: Any) -> list[str]:
    """Return the URI in the value of a parameter; of a list of documents, those of their folders."""
    if isinstance(value, str) and "{{" in value:
        return []  # it is not rendered yet
    if not isinstance(value, list):
        uri = uri_of_address(value) or uri_of_storage(value)
        return [uri] if uri else []
    documents = filter(None, map(uri_of_address, value))
    return list(islice(dict.fromkeys(map(folder_uri, documents)), MAX_DOCUMENTS))


def as_openlineage(lineage: Callable[[], Lineage]) -> Any:
    """
    Return ``OperatorLineage``, or None if OpenLineage cannot take it.

    :param lineage: Returns what was read and written.
    """
    return without_faults(lambda: _convert(lineage()))


def _convert(lineage: Lineage) -> Any:
    from airflow.providers.common.compat.openlineage.facet import Dataset, OutputDataset  # noqa: PLC0415  # only with OpenLineage
    from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415  # likewise

    outputs = [OutputDataset(*name) for name in _names(lineage.outputs)]
    inputs = [Dataset(*name) for name in _names(lineage.inputs)]
    if len(outputs) == 1:
        outputs[0].outputFacets = _statistics(lineage)
        outputs[0].facets = _change(lineage, inputs)
    return OperatorLineage(inputs=inputs, outputs=outputs, run_facets=_summary(lineage))


def _names(uris: Iterable[str | None]) -> list[tuple[str, str]]:
    return [dataset_name(uri) for uri in dict.fromkeys(filter(None, uris))]


def _without_secrets(place: str | None) -> str | None:
    """Return where a manifest is: an address, or a URL without what may log in there."""
    is_url = place is not None and "://" in place
    return uri_of_address(place) or uri_of_storage(place) if is_url else place


def _statistics(lineage: Lineage) -> dict[str, Any]:
    from airflow.providers.common.compat.openlineage.facet import OutputStatisticsOutputDatasetFacet  # noqa: PLC0415  # only with OpenLineage

    if lineage.documents is None and lineage.size is None:
        return {}
    facet = OutputStatisticsOutputDatasetFacet(fileCount=lineage.documents, size=lineage.size)
    return {"outputStatistics": facet}


def _change(lineage: Lineage, inputs: list[Any]) -> dict[str, Any]:
    from airflow.providers.common.compat.openlineage import facet  # noqa: PLC0415  # only with OpenLineage

    if lineage.change is None:
        return {}
    previous = inputs[0] if inputs else None
    before = previous and facet.PreviousIdentifier(name=previous.name, namespace=previous.namespace)
    change = facet.LifecycleStateChange(lineage.change)
    return {"lifecycleStateChange": facet.LifecycleStateChangeDatasetFacet(change, before)}


def _summary(lineage: Lineage) -> dict[str, Any]:
    """Return the summary as a run facet: https://openlineage.io/docs/spec/facets/custom-facets."""
    import attrs  # noqa: PLC0415  # OpenLineage's facets are classes of attrs
    from airflow.providers.common.compat.openlineage.facet import RunFacet  # noqa: PLC0415  # only with OpenLineage

    if lineage.summary is None:
        return {}
    told = {name: lineage.summary[name] for name in _SUMMARY if name in lineage.summary}
    told["manifest"] = _without_secrets(told.get("manifest"))
    facet = attrs.make_class("DriveSummaryRunFacet", [*told], bases=(RunFacet,))
    return {"drive_summary": facet(**told)}
