"""Hands documents of OneDrive and SharePoint over to object storage: thousands of them in one task."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.transfers.base import TransferOperator
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.manifest import Manifest
    from airflow_provider_drive.operators.base import Template
    from airflow_provider_drive.transfers.hand_over import HandOver
    from airflow_provider_drive.transfers.report import Outcome, TransferReport
    from airflow_provider_drive.transfers.selection import Document

_FILTERS = (
    *("pattern", "exclude", "modified_before", "modified_after", "created_before", "created_after"),
    *("min_size", "max_size"),
)
AFTER = ("keep", "move", "delete")


class DriveToObjectStorageOperator(TransferOperator):
    """
    Write documents to Airflow's object storage, and compare each with what Graph says.

    A file has its name only when it is whole: size and quickXorHash of the bytes that were written are those
    of the document. A document that changes while it is read is read again; a download that breaks goes on
    where it broke. A document that fails does not stop the others. A retry does not read again what is there.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-get-content

    :param source: Address of the folder whose documents are handed over. (templated)
    :param items: Documents, instead of a ``source``: an address, a list of them, or what
        :class:`~airflow_provider_drive.operators.list.DriveListOperator` returned. (templated)
    :param destination: A URL of Airflow's object storage, the folder to write to:
        ``s3://conn@bucket/raw/{{ run_id }}``. (templated)
    :param pattern: Glob, or list of globs: a document's path below the folder must match one of them
        (``**/*.csv``). Default is any. (templated)
    :param exclude: Glob, or list of globs: a document's path must match none of them. Default is none.
        (templated)
    :param modified_before: Only documents last changed before this: a time, or a duration (``P7Y``: more
        than seven years ago). (templated)
    :param modified_after: Only documents last changed at or after this. (templated)
    :param created_before: Only documents created before this. (templated)
    :param created_after: Only documents created at or after this. (templated)
    :param min_size: Only documents of at least this many bytes. (templated)
    :param max_size: Only documents of at most this many bytes. (templated)
    :param keep_structure: Keep the documents' paths below the folder. Default is ``True``; else all go to the
        destination itself. (templated)
    :param on_existing: What to do if a file has the name: ``skip`` (one with the same size and hash counts as
        handed over, any other fails), ``replace`` (one with the same size and hash stays) or ``fail``.
        Default is ``skip``. (templated)
    :param after: What to do with the originals of documents that were proven whole, if they have not changed
        since: ``keep``, ``move`` or ``delete`` (to the recycle bin). Default is ``keep``. (templated)
    :param after_destination: Address of the folder that originals are moved to. They keep their paths below
        it. (templated)
    :param max_failures: How many documents may fail before the task fails, at its end. Default is ``0``.
        (templated)
    :param manifest: Where to write a line of JSON for each document: a URL of Airflow's object storage
        (``s3://conn@bucket/{{ run_id }}.jsonl``), or a drive address with a path. It is written before
        originals are moved or deleted. (templated)
    :param dry_run: Write nothing, and report what would be done. Its template field is ``is_dry_run``, since
        ``dry_run`` is a method of Airflow's operators. Default is ``False``. (templated)
    :param parallel: How many documents are read at the same time. Default is ``8``. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: A summary: the counts ``copied``, ``there``, ``failed``, ``planned``, ``gone``, ``deleted`` and
        ``moved``; ``bytes``, ``seconds``, ``requests``, ``resource_units``, ``throttled_seconds``, at most a
        hundred ``failures``, and at most a thousand ``files``, each with ``uri``, ``path``, ``size``,
        ``eTag`` and ``quickXorHash``. It is also the XCom ``summary``, which is there even if the task fails.
    :raises DriveTransferError: If more than ``max_failures`` documents failed.
    :raises DriveArgumentError: If a parameter is invalid, or two do not go together.
    """

    template_fields: Sequence[str] = (
        *("source", "items", "destination", *_FILTERS, "keep_structure", "on_existing", "after"),
        *("after_destination", "max_failures", "manifest", "is_dry_run", "parallel", "drive_conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = dict.fromkeys(
        ("source", "items", "after_destination"), "json"
    )
    boolean_fields: ClassVar[Sequence[str]] = ("keep_structure", "is_dry_run")
    lineage_inputs: ClassVar[Sequence[str]] = ("source", "items")
    lineage_outputs: ClassVar[Sequence[str]] = ("destination",)

    def __init__(
        self,
        *,
        source: Any = None,
        items: Any = None,
        destination: str | Template,
        pattern: str | Sequence[str] | Template | None = None,
        exclude: str | Sequence[str] | Template | None = None,
        modified_before: Any = None,
        modified_after: Any = None,
        created_before: Any = None,
        created_after: Any = None,
        min_size: int | Template | None = None,
        max_size: int | Template | None = None,
        keep_structure: bool | Template = True,
        on_existing: Literal["skip", "replace", "fail"] | Template = "skip",
        after: Literal["keep", "move", "delete"] | Template = "keep",
        after_destination: Any = None,
        max_failures: int | Template = 0,
        manifest: Any = None,
        dry_run: bool | Template = False,
        parallel: int | Template = 8,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.items = items
        self.destination = destination
        self.pattern = pattern
        self.exclude = exclude
        self.modified_before = modified_before
        self.modified_after = modified_after
        self.created_before = created_before
        self.created_after = created_after
        self.min_size = min_size
        self.max_size = max_size
        self.keep_structure = keep_structure
        self.on_existing = on_existing
        self.after = after
        self.after_destination = after_destination
        self.max_failures = max_failures
        self.manifest = manifest
        self.is_dry_run = dry_run
        self.parallel = parallel

    def execute(self, context: Context) -> dict[str, Any]:
        """Hand the documents over, or go on with what an earlier try has left."""
        from airflow_provider_drive.manifest import describe_run
        from airflow_provider_drive.summary import Totals
        from airflow_provider_drive.transfers.report import TransferReport

        self._read_parameters()
        with fail_on_permanent_errors():
            run = None if self.is_dry_run else describe_run(context)
            report = TransferReport(run, "keep" if self.is_dry_run else self.after)
            totals = Totals(time.time(), self._client.now())
            with closing(report):
                return self._hand_over(context, report, totals)

    def _read_parameters(self) -> None:
        from airflow_provider_drive.protocol.wire import validation
        from airflow_provider_drive.transfers.hand_over import EXISTING

        super()._read_parameters()
        with fail_on_permanent_errors():
            validation.check_globs("pattern", self.pattern)
            validation.check_globs("exclude", self.exclude)
            validation.check_choice("on_existing", self.on_existing, EXISTING)
            validation.check_choice("after", self.after, AFTER)
            if (self.source is None) == (self.items is None):
                raise DriveArgumentError("Give either a source or items.")
            if (self.after == "move") != (self.after_destination is not None):
                raise DriveArgumentError("after_destination is needed with after='move', and only then.")
            if self.items is not None:
                self.items = validation.read_items(self.items)

    def _hand_over(self, context: Context, report: TransferReport, totals: Any) -> dict[str, Any]:
        from airflow_provider_drive.manifest import describe_run
        from airflow_provider_drive.transfers.hand_over import HandOver
        from airflow_provider_drive.transfers.storage import Storage

        storage = Storage(self.destination, describe_run(context), is_checked=self.after != "keep")
        manifest = self._open_manifest(context)
        what = "items" if self.source is None else self._client.describe(self.source, follow=True)
        verb = "Planning to hand over" if self.is_dry_run else "Handing over"
        with self._logged(f"{verb} {what} to {storage.url}") as run:
            is_retry = context["ti"].try_number > 1
            hand_over = HandOver(self._client, storage, self.on_existing, is_retry=is_retry)
            if manifest is not None:
                self._check_manifest(manifest)
            do = partial(self._plan, hand_over, storage.uri) if self.is_dry_run else hand_over.write
            self._run_all(report, self._documents(report, totals.counted_from), do)
            if not self.is_dry_run and self.after != "keep":
                self._clear_originals(report, manifest)
            return self._conclude(context, report, manifest, totals, run)

    def _outlet_extra(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Return what the events of the outlets hold: the destination is not in a drive."""
        from airflow_provider_drive.protocol.wire.uris import uri_of_storage
        from airflow_provider_drive.summary import outlet_extra

        return {**outlet_extra(summary, None), "destination": uri_of_storage(self.destination)}

    def _check_manifest(self, manifest: Manifest) -> None:
        """Refuse a manifest that the next run would hand over, or that is another task's."""
        from airflow_provider_drive.protocol.items.lookup import find_ancestors, find_nearest
        from airflow_provider_drive.protocol.wire.addresses import same_item

        if manifest.address is not None and self.source is not None:
            source = self._client.resolve(self.source)
            nearest, _ = self._client.run(find_nearest(manifest.address))
            above = self._client.run(find_ancestors(nearest))
            if any(same_item(folder, source) for folder in above):
                raise DriveArgumentError(
                    f"The manifest {self.manifest} is in the source: the next run would hand it over. Use a "
                    "folder outside the source."
                )
        manifest.claim()

    def _documents(self, report: TransferReport, now: float) -> Iterator[Document]:
        """Read the documents that are selected, and report those that cannot be handed over."""
        from airflow_provider_drive.protocol.items.filters import read_selection
        from airflow_provider_drive.protocol.items.lookup import get_folder
        from airflow_provider_drive.transfers.selection import Selector, read_candidates

        selection = read_selection(now, **{name: getattr(self, name) for name in _FILTERS})
        selector = Selector(self._client, selection, keep_structure=self.keep_structure)
        folder = (
            None if self.source is None else self._client.run(get_folder(self._client.address(self.source)))
        )
        self._keep_places(source=None if folder is None else folder.web_url)
        for documents in selector.read(read_candidates(self._client, folder, self.items)):
            yield from documents
        for outcome in selector.take_outcomes():
            report.add(outcome)

    @staticmethod
    def _plan(hand_over: HandOver, uri: Any, document: Document) -> Outcome:
        """Return what would come of a document."""
        from airflow_provider_drive.transfers.report import Outcome
        from airflow_provider_drive.transfers.storage import StoredFile

        path, item = document.path, document.item
        stored = StoredFile(uri(path), item.size or 0)
        return hand_over.look_up(document) or Outcome("planned", path, item, stored)

    def _clear_originals(self, report: TransferReport, manifest: Manifest | None) -> None:
        """Move or delete the originals of what was proven. The manifest is written before, for a retry."""
        from airflow_provider_drive.protocol.items.lookup import find_items
        from airflow_provider_drive.transfers.originals import delete_originals, move_originals

        if manifest is not None:
            report.merge_earlier(manifest.lines(), lambda refs: self._client.run(find_items(refs)))
            manifest.write(report.content)
        if self.after == "move":
            kept = move_originals(self._client, report.pending(), self.after_destination)
        else:
            kept = delete_originals(self._client, report.pending())
        report.record_originals(kept)
