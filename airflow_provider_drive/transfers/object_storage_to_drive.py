"""Uploads files of object storage to OneDrive and SharePoint: thousands of them in one task."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_drive.exceptions import DriveArgumentError, DriveRequestError
from airflow_provider_drive.transfers.base import TransferOperator
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.operators.base import Template
    from airflow_provider_drive.transfers.report import UploadReport
    from airflow_provider_drive.transfers.storage import Storage
    from airflow_provider_drive.transfers.upload import Upload


class ObjectStorageToDriveOperator(TransferOperator):
    """
    Upload files of Airflow's object storage, and compare what has arrived with what was sent.

    Small files take one request. Larger ones go to an upload session in pieces: it goes on after a break
    and, on Airflow 3.3, in a retry. A file that fails does not stop the others. A retry does not send again
    what is there.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-createuploadsession

    :param source: A URL of Airflow's object storage, of a folder or a file: ``s3://conn@bucket/report``.
        (templated)
    :param destination: Address of the folder to upload to. (templated)
    :param pattern: Glob, or list of globs: a file's path below the source must match one of them
        (``**/*.csv``). Default is any. (templated)
    :param exclude: Glob, or list of globs: a file's path must match none of them. Default is none.
        (templated)
    :param keep_structure: Keep the files' paths below the source. Default is ``True``; else all go to the
        destination itself. (templated)
    :param conflict_behavior: What to do if a name is taken: ``fail``, ``replace`` (the file gets a new
        version; one with the same content stays), ``rename``, or ``skip``: a file with the same content
        counts as uploaded, any other fails. Default is ``fail``. (templated)
    :param create_destination: Create the missing folders of the destination. Default is ``True``. (templated)
    :param max_failures: How many files may fail before the task fails, at its end. Default is ``0``.
        (templated)
    :param manifest: Where to write a line of JSON for each file: a URL of Airflow's object storage, or a
        drive address with a path. (templated)
    :param parallel: How many files are uploaded at the same time. Default is ``4``. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: A summary: the counts ``copied``, ``there`` and ``failed``; ``bytes``, ``seconds``, ``requests``,
        ``resource_units``, ``throttled_seconds``, at most a hundred ``failures``, and at most a thousand
        ``files``, each with ``uri``, ``path``, ``size``, ``eTag`` and ``quickXorHash``, and with ``driveId``,
        ``id`` and ``name``: each is an address for the other operators. It is also the XCom ``summary``,
        which is there even if the task fails.
    :raises DriveTransferError: If more than ``max_failures`` files failed.
    :raises DriveArgumentError: If a parameter is invalid.
    """

    template_fields: Sequence[str] = (
        *("source", "destination", "pattern", "exclude", "keep_structure", "conflict_behavior"),
        *("create_destination", "max_failures", "manifest", "parallel", "drive_conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"destination": "json"}
    boolean_fields: ClassVar[Sequence[str]] = ("keep_structure", "create_destination")
    lineage_inputs: ClassVar[Sequence[str]] = ("source",)
    lineage_outputs: ClassVar[Sequence[str]] = ("destination",)

    def __init__(
        self,
        *,
        source: str | Template,
        destination: Any,
        pattern: str | Sequence[str] | Template | None = None,
        exclude: str | Sequence[str] | Template | None = None,
        keep_structure: bool | Template = True,
        conflict_behavior: Literal["fail", "replace", "rename", "skip"] | Template = "fail",
        create_destination: bool | Template = True,
        max_failures: int | Template = 0,
        manifest: Any = None,
        parallel: int | Template = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.destination = destination
        self.pattern = pattern
        self.exclude = exclude
        self.keep_structure = keep_structure
        self.conflict_behavior = conflict_behavior
        self.create_destination = create_destination
        self.max_failures = max_failures
        self.manifest = manifest
        self.parallel = parallel

    def execute(self, context: Context) -> dict[str, Any]:
        """Upload the files, or go on with what an earlier try has left."""
        from airflow_provider_drive.manifest import describe_run
        from airflow_provider_drive.summary import Totals
        from airflow_provider_drive.transfers.report import UploadReport
        from airflow_provider_drive.transfers.storage import Storage

        self._read_parameters()
        with fail_on_permanent_errors(), closing(UploadReport(describe_run(context))) as report:
            storage, manifest = Storage(self.source), self._open_manifest(context)
            totals = Totals(time.time(), self._client.now())
            where = self._client.describe(self.destination, follow=True)
            with self._logged(f"Uploading {storage.url} to {where}") as run:
                if manifest is not None:
                    manifest.claim()
                self._run_all(report, self._uploads(report, storage), self._uploader(context, storage).upload)
                return self._conclude(context, report, manifest, totals, run)

    def _read_parameters(self) -> None:
        from airflow_provider_drive.protocol.wire import validation
        from airflow_provider_drive.protocol.wire.copy_job import COPY_BEHAVIORS

        super()._read_parameters()
        with fail_on_permanent_errors():
            validation.check_globs("pattern", self.pattern)
            validation.check_globs("exclude", self.exclude)
            validation.check_choice("conflict_behavior", self.conflict_behavior, COPY_BEHAVIORS)

    def _uploader(self, context: Context, storage: Storage) -> Any:
        from airflow_provider_drive.transfers.upload import Sessions, Uploader
        from airflow_provider_drive.utils.task_state import TaskState

        sessions = Sessions(TaskState(context, self.source, self.destination, self.conflict_behavior))
        is_retry = context["ti"].try_number > 1
        return Uploader(self._client, storage, sessions, self.conflict_behavior, is_retry=is_retry)

    def _uploads(self, report: UploadReport, storage: Storage) -> Iterator[Upload]:
        """Read the files that are selected, and make their folders."""
        from airflow_provider_drive.protocol.items.filters import read_selection
        from airflow_provider_drive.protocol.wire.addresses import ItemRef
        from airflow_provider_drive.protocol.wire.items import DriveItem
        from airflow_provider_drive.transfers.folders import Folders
        from airflow_provider_drive.transfers.report import Outcome
        from airflow_provider_drive.transfers.storage import StoredFile
        from airflow_provider_drive.transfers.upload import Upload

        selection = read_selection(0.0, pattern=self.pattern, exclude=self.exclude)
        folders = Folders(self._client, self.destination, create=self.create_destination)
        self._keep_places(destination=folders.url)
        for path, size in storage.list_files():
            above, _, name = path.rpartition("/")
            item = DriveItem(ItemRef("", ""), name, kind="file", size=size)
            if not selection.takes(path, item):
                continue
            stored = StoredFile(storage.uri(path), size)
            try:
                folder = folders.get(above if self.keep_structure else "")
            except (DriveArgumentError, DriveRequestError) as error:
                report.add(Outcome("failed", path, item, stored, reason=str(error)))
            else:
                yield Upload(path, stored, folder, name)
