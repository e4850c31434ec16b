"""The tenant: its drives, jobs and tokens, and the journal of requests."""

from __future__ import annotations

import datetime as dt
import heapq
import re
import secrets
import threading
import time
import warnings
from collections import deque
from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.state import credentials, directory
from airflow_provider_drive.emulator.state.credentials import Grant, Token
from airflow_provider_drive.emulator.state.directory import guid
from airflow_provider_drive.emulator.state.errors import BudgetExceededError, DriveNotFoundError
from airflow_provider_drive.emulator.state.seed import Seed
from airflow_provider_drive.emulator.state.settings import TenantSettings

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.state.calls import Call
    from airflow_provider_drive.emulator.state.credentials import Device
    from airflow_provider_drive.emulator.state.directory import Owner
    from airflow_provider_drive.emulator.state.drives import Drive, Upload
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.jobs import CopyBehaviour, Job
    from airflow_provider_drive.emulator.state.subscriptions import Subscription

JOURNAL_LIMIT = 200_000
"""Requests that the journal has at most."""


class Tenant(TenantSettings):
    """A tenant and everything in it. Its settings are the attributes of :class:`TenantSettings`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.tenant_id = guid("tenant")
        self.domain = "contoso.onmicrosoft.com"
        self.client_id = guid("application")
        self.client_secret = "Emu8Q~" + guid("secret").replace("-", "~")  # in the form of Entra's secrets
        self.identity_header = guid("managed identity")
        self.refresh_token = "0.AXoA-" + guid("refresh token").replace("-", "")
        self.consumer_refresh_token = "M.C5" + guid("consumer's refresh token").replace("-", "!")
        self.base_url = ""
        self.file_url = ""  # of uploads and downloads, which are on SharePoint's host and not on Graph's
        self.tokens: dict[str, Token] = {}
        self.reset()

    def reset(self) -> None:
        """Restore empty drives and default settings, and clear the journal. Access tokens stay valid."""
        with self.lock:
            self._restore_defaults()
            self._clear()
            self._fill()

    def _clear(self) -> None:
        self.journal: list[Call] = []
        self.dropped_calls = 0
        self.jobs: list[Job] = []
        self.jobs_by_id: dict[str, Job] = {}
        self.certificates: list[bytes] = []
        self.subjects: dict[str, bytes] = {}
        self.federations: dict[tuple[str, str], bytes] = {}
        self.devices: dict[str, Device] = {}
        self.uploads: dict[str, Upload] = {}
        self.links: dict[str, Item] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.fresh_folders: dict[str, int] = {}
        self.tokens_issued = 0
        self.units_spent = 0
        self._charges: deque[tuple[float, int]] = deque()
        self._scheduled: list[tuple[float, int, Job]] = []

    def _fill(self) -> None:
        seed = Seed(self)
        self.drives, self.sites, self.groups = seed.drives, seed.sites, seed.groups
        self.users, self.me, self.consumer = seed.users, seed.me, seed.consumer
        self._drives_by_id = {drive.id.lower(): drive for drive in self.drives.values()}
        self.grants = {self.refresh_token: Grant(self.me), self.consumer_refresh_token: Grant(self.consumer)}

    # For tests and programs: look at the tenant

    def drive(self, key: str) -> Drive:
        """Return a drive by its short name or its id."""
        return self.drives[key] if key in self.drives else self.find_drive(key)

    def tree(self, drive: Drive | str) -> dict[str, int | None]:
        """Return the size of each file in a drive by its path, and None for each folder."""
        return (self.drive(drive) if isinstance(drive, str) else drive).tree()

    def calls(self, method: str | None = None, path: str = "", where: str | None = None) -> list[Call]:
        """
        Return the requests that the emulator received; it warns if the journal has lost the first ones.

        :param method: HTTP method. Default is any.
        :param path: Regular expression that is searched for in the decoded path.
        :param where: ``graph``, ``monitor``, ``token`` or ``file``. Default is any.
        """
        if self.dropped_calls:
            message = f"The journal does not have the first {self.dropped_calls} requests any more."
            warnings.warn(message, stacklevel=2)
        return [
            call
            for call in list(self.journal)
            if method in {None, call.method} and where in {None, call.where} and re.search(path, call.path)
        ]

    def copies_made(self, source_id: str) -> int:
        """Count the completed copies of an item."""
        with self.lock:
            self.finish_due_jobs()
            copies = [job for job in self.jobs if job.kind == "copy" and job.state == "completed"]
            return sum(job.source_id == source_id for job in copies)

    # For tests and programs: change the tenant

    def drift(self, item: Item) -> None:
        """Change the eTag as services do by themselves: https://github.com/OneDrive/onedrive-api-docs/issues/308."""
        with self.lock:
            item.metadata_version += 1

    def drift_after_reads(self, item: Item, reads: int = 1, *, each: bool = False) -> None:
        """Change the eTag after this number of reads: once, or on each read from then on."""
        item.drifts, item.drifts_on = reads, each

    def share(self, item: Item) -> str:
        """Create a sharing link, and return its URL."""
        host = "1drv.ms" if item.drive.is_personal else directory.HOST
        url = f"https://{host}/:{'f' if item.is_folder else 'b'}:/s/{secrets.token_urlsafe(24)}"
        self.links[url] = item
        return url

    def revoke_tokens(self) -> None:
        """Revoke all access tokens."""
        with self.lock:
            self.tokens.clear()

    def register_certificate(self, pem: bytes | str) -> None:
        """Let the application log in with this certificate."""
        self.certificates.append(pem.encode() if isinstance(pem, str) else pem)

    def trust_name(self, subject: str, issuer_pem: bytes) -> None:
        """Let the application log in with any certificate of this common name that this authority issued."""
        self.subjects[subject] = issuer_pem

    def trust_issuer(self, issuer: str, subject: str, public_key_pem: bytes) -> None:
        """Let the application log in with tokens of another issuer: a federated identity credential."""
        self.federations[issuer, subject] = public_key_pem

    # Tokens

    def issue_token(
        self,
        lifetime: float | None = None,
        *,
        delegated: bool = False,
        user: Owner | None = None,
        permissions: list[str] | None = None,
        app: str | None = None,
        audience: str = "",
    ) -> str:
        """
        Issue an access token.

        :param lifetime: In seconds. Default is :attr:`token_lifetime`.
        :param delegated: Issue it for a signed-in user: :attr:`me`, if ``user`` is not given.
        :param user: The signed-in user. By default, the token is the application's own.
        :param permissions: Permissions in its claims. Default is :attr:`permissions`.
        :param app: Client id of the application or the managed identity. Default is :attr:`client_id`.
        :param audience: URL or id of the service that it is for. Default is Graph.
        """
        with self.lock:
            user = user or (self.me if delegated else None)
            expires = time.time() + (self.token_lifetime if lifetime is None else lifetime)
            permissions = self.permissions if permissions is None else permissions
            if self.opaque_tokens or (user and user.drive.is_personal):
                text = credentials.opaque_access_token()
            else:
                claims = {
                    "aud": audience or "https://graph.microsoft.com",
                    "exp": int(expires),
                    "appid": app or self.client_id,
                    "app_displayname": "Archivist",
                    "tid": self.tenant_id,
                }
                text = credentials.access_token(claims, user, permissions)
            self.tokens[text] = Token(expires, user, audience)
            self.tokens_issued += 1
            return text

    def issue_refresh_token(self, user: Owner) -> str:
        """Issue a refresh token."""
        with self.lock:
            text = f"0.AXoA-{secrets.token_urlsafe(48)}"
            self.grants[text] = Grant(user)
            return text

    # For the services

    def find_drive(self, drive_id: str) -> Drive:
        """
        Return the drive of this id, ignoring case: https://github.com/OneDrive/onedrive-api-docs/issues/1890.

        :raises DriveNotFoundError: If there is none.
        """
        drive = self._drives_by_id.get(str(drive_id).lower())
        if drive is None:
            raise DriveNotFoundError(drive_id)
        return drive

    def next_copy_behaviour(self) -> CopyBehaviour:
        """Take the behaviour that is queued for the next copy, or the default."""
        return self.next_copies.popleft() if self.next_copies else self.copies

    def start_job(self, job: Job) -> Job:
        """Start a job. If it takes no time, it ends at once."""
        self.jobs.append(job)
        self.jobs_by_id[job.id] = job
        job.start()
        if job.behaviour.location != "item" and (job.behaviour.seconds or job.behaviour.looks):
            heapq.heappush(self._scheduled, (job.due, len(self.jobs), job))
        else:
            job.end()
        return job

    def notify(self, drive: Drive) -> None:
        """Notify the subscribers of a drive about a change."""
        for subscription in list(self.subscriptions.values()):
            if subscription.drive is drive:
                subscription.notify(self)

    def now(self) -> dt.datetime:
        """Return the time of the service's clock, in UTC."""
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.clock_offset)

    def finish_due_jobs(self) -> None:
        """End all jobs that are due and do not wait for polls."""
        while self._scheduled and self._scheduled[0][0] <= time.time():
            job = heapq.heappop(self._scheduled)[2]
            if job.is_running and not job.waits_for_polls:
                job.end()

    def charge(self, units: int) -> None:
        """
        Charge resource units. Requests beyond the budget count as well.

        :raises BudgetExceededError: If the window contains more units than the budget.
        """
        self.units_spent += units
        if self.budget is None:
            return
        now = time.time()
        self._charges.append((now, units))
        while self._charges and self._charges[0][0] <= now - self.budget_window:
            self._charges.popleft()
        if sum(charged for _, charged in self._charges) > self.budget:
            wait = max(1, round(self._charges[0][0] + self.budget_window - now))
            raise BudgetExceededError(wait if self.tells_retry_after else None)

    def record_call(self, call: Call) -> None:
        """Append a request to the journal. Of a very long journal, the older half is dropped, and counted."""
        self.journal.append(call)
        if len(self.journal) > JOURNAL_LIMIT:
            del self.journal[: JOURNAL_LIMIT // 2]
            self.dropped_calls += JOURNAL_LIMIT // 2
