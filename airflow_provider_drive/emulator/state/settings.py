"""Settings of the tenant, which tests and programs may change."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.state.directory import guid
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.faults import Fault
    from airflow_provider_drive.emulator.messages import Request


class TenantSettings:
    """How the tenant behaves. Set any of the attributes; :meth:`Tenant.reset` restores the defaults."""

    setting_names: frozenset[str] = frozenset()

    def _restore_defaults(self) -> None:
        before = set(vars(self))
        self._restore_service_defaults()
        self._restore_limits()
        self._restore_login_defaults()
        self.setting_names = self.setting_names or frozenset(vars(self).keys() - before)

    def _restore_service_defaults(self) -> None:
        self.copies = CopyBehaviour()
        self.next_copies: deque[CopyBehaviour] = deque()
        self.faults: list[Fault] = []
        self.witness: Callable[[Request], Fault | None] | None = None  # sees each request, may return a fault
        self.monitor_base: str | None = None  # another https://host:port for monitor URLs
        self.file_base: str | None = None  # another https://host:port for upload and download URLs
        self.next_link_base: str | None = None  # another https://host:port for next and delta links
        self.clock_offset = 0.0  # seconds by which Graph's clock is ahead of this machine's
        self.rewrites_office = False  # SharePoint changes the copies of Office files
        self.office_growth = 18  # bytes by which they grow; up to 11,264 were observed
        self.resync_code = "resyncChangesApplyDifferences"  # or resyncChangesUploadDifferences, with a 410
        self.hashes_of_empty_files = True  # False: SharePoint computes none for them
        # whether each retention label forbids to delete an item
        self.retention_labels = {"Retain": True, "Review": False}
        self.fresh_folder_404 = 0  # number of copies into a new folder that answer 404
        self.stale_status = 412  # or 409: https://github.com/OneDrive/onedrive-api-docs/issues/1414
        self.move_answers_202 = False  # also for moves within a drive
        self.move_honours_conflict = True  # conflictBehavior in the query of a PATCH is not documented
        self.atomic_moves = True  # False: a PATCH that fails because of its parent has renamed the item
        self.empty_created = False  # the response to a new folder has no body, as onedrive-go observed

    def _restore_limits(self) -> None:
        self.page_size = 200  # https://learn.microsoft.com/graph/api/driveitem-list-children
        self.longest_page = 1_000  # with $top: https://github.com/OneDrive/onedrive-api-docs/issues/319
        self.repeats_items = 0  # number of items of the previous page that each later page begins with
        self.most_items = 30_000  # https://learn.microsoft.com/graph/api/driveitem-copy
        self.budget: int | None = None  # resource units in a window
        self.budget_window = 60.0  # in seconds
        self.tells_retry_after = True  # False: iss-429-without-retry-after

    def _restore_login_defaults(self) -> None:
        self.token_lifetime = 3600.0  # in seconds
        self.token_base: str | None = None  # another https://host:port for the authority's endpoints
        # in the claims of tokens, and consented to by users; Graph does not check them
        self.permissions = ["Files.ReadWrite.All", "Sites.Read.All"]
        self.opaque_tokens = False  # tokens have no claims, like those of personal accounts
        self.expired_secrets: set[str] = set()
        self.system_identity: str | None = guid("system identity")  # client ids of managed identities
        self.user_identities = dict.fromkeys(  # by client id, object id and resource id
            (guid("user identity"), guid("identity object"), f"/subscriptions/{guid('subscription')}/drive"),
            guid("user identity"),
        )
        self.refresh_tokens_once = False  # by default, Entra's refresh tokens stay valid after use
        self.device_looks = 1  # number of polls until the user of a device has signed in
        self.device_declines = False
        self.device_interval = 5.0  # in seconds
        self.device_lifetime = 900.0  # in seconds
