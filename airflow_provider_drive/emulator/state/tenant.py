"""The tenant: all state of the emulator, and what steers it. Knows no HTTP."""

from __future__ import annotations

import heapq
import re
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.state import directory
from airflow_provider_drive.emulator.state.directory import Grant, Owner, Site, Token, guid
from airflow_provider_drive.emulator.state.drives import Drive
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.faults import Fault
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.directory import Device
    from airflow_provider_drive.emulator.state.drives import Item
    from airflow_provider_drive.emulator.state.jobs import Job

_JOURNAL_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request that came, and what became of it.

    :param raw_path: As it was on the wire; ``path`` is decoded. Both without the query.
    :param status: HTTP status of the response, 0 if the connection was cut instead.
    :param headers: Names in lower case. The value of ``authorization`` is only its scheme.
    :param units: Resource units: https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
    :param where: ``graph``, ``monitor``, ``token`` or ``file`` (up- and downloads).
    :param is_batched: It came inside a ``$batch``.
    :param client: Host and port that it came from.
    """

    time: float
    method: str
    path: str
    raw_path: str
    query: str
    status: int
    authorized: bool
    host: str
    headers: dict[str, str]
    body: bytes
    units: int
    where: str
    is_batched: bool = False
    client: tuple[str, int] | None = None


@dataclass
class Upload:
    """An upload session: https://learn.microsoft.com/graph/api/driveitem-createuploadsession."""

    folder: Item
    name: str
    conflict: str
    info: dict[str, Any]
    size: int = 0
    received: bytearray = dataclass_field(default_factory=bytearray)


class Tenant:
    """
    A tenant with its drives, and how it is to behave.

    Set any attribute of :meth:`_default_steering` to steer it; :meth:`reset` sets them back.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.tenant_id = guid("tenant")
        self.domain = "contoso.onmicrosoft.com"
        self.client_id = guid("application")
        self.client_secret = "Emu8Q~" + guid("secret").replace(
            "-", "~"
        )  # looks like one of Entra's, and is none
        self.identity_header = guid("managed identity")
        self.refresh_token = "0.AXoA-" + guid("refresh token").replace("-", "")
        self.consumer_refresh_token = "M.C5" + guid("consumer's refresh token").replace("-", "!")
        self.base_url = ""
        self.tokens: dict[str, Token] = {}
        self.reset()

    def reset(self) -> None:
        """Go back to the seed, with nothing queued and nothing noted. Tokens stay good."""
        with self.lock:
            self._default_steering()
            self._clear()
            self._seed()

    def _default_steering(self) -> None:
        self.copies = CopyBehaviour()
        self.next_copies: deque[CopyBehaviour] = deque()
        self.faults: list[Fault] = []
        self.witness: Callable[[Request], Fault | None] | None = None  # sees each request first, may spoil it
        self.monitor_base: str | None = None  # another https://host:port for monitor URLs
        self.file_base: str | None = None  # likewise, for the URLs that bytes go to and come from
        self.next_link_base: str | None = None  # another https://host:port for next and delta links
        self.page_size = 200  # https://learn.microsoft.com/graph/api/driveitem-list-children
        self.longest_page = 1_000  # with $top: https://github.com/OneDrive/onedrive-api-docs/issues/319
        self.most_items = 30_000  # https://learn.microsoft.com/graph/api/driveitem-copy
        self.rewrites_office = False  # SharePoint changes the copies of Office files
        self.fresh_folder_404 = 0  # so many copies into a new folder fail to see it
        self.stale_status = 412  # or 409: https://github.com/OneDrive/onedrive-api-docs/issues/1414
        self.move_answers_202 = False  # for moves in one drive too
        self.move_honours_conflict = True  # conflictBehavior in the query of a PATCH, which is not documented
        self.atomic_moves = True  # False: a PATCH that fails for its parent has renamed the item
        self.empty_created = False  # a new folder is answered with an empty body, as onedrive-go saw
        self.budget: int | None = None  # resource units in a window
        self.budget_window = 60.0
        self.tells_retry_after = True  # iss-429-without-retry-after
        self.token_lifetime = 3600.0
        self.token_base: str | None = None  # another https://host:port for the authority's endpoints
        self.permissions = [
            "Files.ReadWrite.All",
            "Sites.Read.All",
        ]  # what tokens tell, and users have consented to; Graph refuses nothing for it
        self.opaque_tokens = False  # those of personal accounts tell nothing
        self.expired_secrets: set[str] = set()
        self.system_identity: str | None = guid("system identity")  # client ids of managed identities
        self.user_identities = dict.fromkeys(  # by client id, object id and resource id
            (guid("user identity"), guid("identity object"), f"/subscriptions/{guid('subscription')}/drive"),
            guid("user identity"),
        )
        self.refresh_tokens_once = False  # Entra's stay good when they were used
        self.device_looks = 1  # so many looks until the user of a device has signed in
        self.device_declines = False
        self.device_interval = 5.0
        self.device_lifetime = 900.0

    def _clear(self) -> None:
        self.journal: list[Call] = []
        self.jobs: list[Job] = []
        self.jobs_by_id: dict[str, Job] = {}
        self.certificates: list[bytes] = []
        self.subjects: dict[str, bytes] = {}
        self.federations: dict[tuple[str, str], bytes] = {}
        self.devices: dict[str, Device] = {}
        self.uploads: dict[str, Upload] = {}
        self.links: dict[str, Item] = {}
        self.fresh_folders: dict[str, int] = {}
        self.tokens_issued = 0
        self.units_spent = 0
        self._charges: deque[tuple[float, int]] = deque()
        self._scheduled: list[tuple[float, int, Job]] = []

    # The seed

    def _seed(self) -> None:
        self.drives: dict[str, Drive] = {}
        self._by_drive_id: dict[str, Drive] = {}
        self.sites = [
            self._site("/sites/Legal", "Legal", {"legal": "Documents", "contracts": "Contracts"}),
            self._site("/sites/Archive", "Archive", {"archive": "Documents"}),
            self._site("/sites/Team", "Team", {"group": "Documents"}),
            self._site("", "Communication site", {"root": "Documents"}),
        ]
        adele = self._my_drive("business", "adele", "Adele Vance")
        megan = self._my_drive("megan", "megan", "Megan Bowen")
        private = {"user": {"displayName": "User Two", "id": "4f62a7105c03556e"}}  # gnome-me-drives-personal
        url = "https://onedrive.live.com/?cid=4f62a7105c03556e"
        self._add_drive(
            "personal",
            Drive("4f62a7105c03556e", "personal", "OneDrive", url, private, self.lock, self.finish_due_jobs),
        )
        self.me = adele
        self.users = [
            adele,
            megan,
            Owner("user", "4f62a7105c03556e", "User Two", "user2@outlook.example", self.drives["personal"]),
        ]
        self.consumer = self.users[-1]
        self.grants = {self.refresh_token: Grant(self.me), self.consumer_refresh_token: Grant(self.consumer)}
        self.groups = [Owner("group", guid("group"), "Team", "team@contoso.com", self.drives["group"])]

    def _site(self, path: str, name: str, libraries: dict[str, str]) -> Site:
        site = Site(path, name, guid(f"{name} collection"), guid(f"{name} web"))
        for key, library in libraries.items():
            segment = "Shared%20Documents" if library == "Documents" else library
            owner = {"group": {"displayName": f"{name} Owners", "id": guid(f"{name} owners")}}
            url = directory.library_url(path, segment)
            drive_id = directory.business_drive_id(key)
            drive = Drive(
                drive_id, "documentLibrary", library, url, owner, self.lock, self.finish_due_jobs, site
            )
            site.drives.append(self._add_drive(key, drive))
        return site

    def _my_drive(self, key: str, user: str, name: str) -> Owner:
        address = f"{user}@contoso.com"
        owner = {"user": {"displayName": name, "id": guid(user), "email": address}}
        drive_id, url = directory.business_drive_id(key), directory.my_url(f"{user}_contoso_com")
        drive = Drive(drive_id, "business", "OneDrive", url, owner, self.lock, self.finish_due_jobs)
        return Owner("user", guid(user), name, address, self._add_drive(key, drive))

    def _add_drive(self, key: str, drive: Drive) -> Drive:
        self.drives[key] = self._by_drive_id[drive.id.lower()] = drive
        return drive

    # What tests and programs ask for

    def drive(self, key: str) -> Drive:
        """Give a drive by its short name or its id."""
        return self.drives[key] if key in self.drives else self.find_drive(key)

    def tree(self, drive: Drive | str) -> dict[str, int | None]:
        """Give the size of each file of a drive by its path, and None for each folder."""
        return (self.drive(drive) if isinstance(drive, str) else drive).tree()

    def calls(self, method: str | None = None, path: str = "", where: str | None = None) -> list[Call]:
        """Give the requests that came: by method, by a regular expression for the path, by door."""
        return [
            call
            for call in list(self.journal)
            if method in {None, call.method} and where in {None, call.where} and re.search(path, call.path)
        ]

    def copies_made(self, source_id: str) -> int:
        """Count the copies of an item that were finished."""
        with self.lock:
            self.finish_due_jobs()
            copies = [job for job in self.jobs if job.kind == "copy" and job.state == "completed"]
            return sum(job.source_id == source_id for job in copies)

    def drift(self, item: Item) -> None:
        """Let the eTag move by itself, as services do: https://github.com/OneDrive/onedrive-api-docs/issues/308."""
        with self.lock:
            item.metadata_version += 1

    def drift_after_reads(self, item: Item, reads: int = 1, *, each: bool = False) -> None:
        """Let the eTag move after so many reads from now, or after each read from then on."""
        item.drifts, item.drifts_on = reads, each

    def share(self, item: Item) -> str:
        """Make a sharing link."""
        host = "1drv.ms" if item.drive.is_personal else directory.HOST
        url = f"https://{host}/:{'f' if item.is_folder else 'b'}:/s/{secrets.token_urlsafe(24)}"
        self.links[url] = item
        return url

    def revoke_tokens(self) -> None:
        """Let no token that was issued be good any more."""
        with self.lock:
            self.tokens.clear()

    def register_certificate(self, pem: bytes | str) -> None:
        """Let the application sign in with this certificate."""
        self.certificates.append(pem.encode() if isinstance(pem, str) else pem)

    def trust_name(self, subject: str, issuer_pem: bytes) -> None:
        """Let the application sign in with any certificate of this common name that this authority signed."""
        self.subjects[subject] = issuer_pem

    def trust_issuer(self, issuer: str, subject: str, public_key_pem: bytes) -> None:
        """Let the application sign in with what another issuer signed: a federated credential."""
        self.federations[issuer, subject] = public_key_pem

    # What the doors ask for

    def issue_token(
        self,
        lifetime: float | None = None,
        *,
        delegated: bool = False,
        user: Owner | None = None,
        permissions: list[str] | None = None,
        app: str | None = None,
    ) -> str:
        """
        Issue an access token.

        :param lifetime: In seconds. Default is :attr:`token_lifetime`.
        :param delegated: Whether a user has signed in: :attr:`me`, if ``user`` is not given.
        :param user: Who has signed in. Default is nobody: it is an application's token.
        :param permissions: Those that the token tells. Default is :attr:`permissions`.
        :param app: Client id of the application or the identity. Default is :attr:`client_id`.
        """
        with self.lock:
            user = user or (self.me if delegated else None)
            lifetime = self.token_lifetime if lifetime is None else lifetime
            expires = time.time() + lifetime
            text = "Ew" + secrets.token_urlsafe(96)
            if not (self.opaque_tokens or (user and user.drive.is_personal)):
                claims = {
                    "aud": "https://graph.microsoft.com",
                    "exp": int(expires),
                    "appid": app or self.client_id,
                    "app_displayname": "Archivist",
                    "tid": self.tenant_id,
                }
                permissions = self.permissions if permissions is None else permissions
                text = directory.encode_jwt({**claims, **directory.user_claims(user, permissions)})
            self.tokens[text] = Token(expires, user)
            self.tokens_issued += 1
            return text

    def issue_refresh_token(self, user: Owner) -> str:
        """Issue a refresh token."""
        with self.lock:
            text = f"0.AXoA-{secrets.token_urlsafe(48)}"
            self.grants[text] = Grant(user)
            return text

    def check_token(self, authorization: str) -> Token:
        """Refuse a token that is missing, unknown or too old: ``op-401-invalid-token``."""
        scheme, _, text = authorization.partition(" ")
        token = self.tokens.get(text.strip())
        if not text or scheme.lower() != "bearer":
            raise errors.unauthenticated("Access token is empty.")
        if token is None:
            dots = "there are no dots (.)" if "." not in text else "its signature is invalid"
            raise errors.unauthenticated(f"IDX14100: JWT is not well formed, {dots}.")
        if token.is_expired:
            raise errors.unauthenticated("Lifetime validation failed, the token is expired.")
        return token

    def find_drive(self, drive_id: str) -> Drive:
        """Drive ids come back in other case: https://github.com/OneDrive/onedrive-api-docs/issues/1890."""
        drive = self._by_drive_id.get(str(drive_id).lower())
        if drive is None:
            raise errors.drive_not_found()
        return drive

    def find_url(self, url: str) -> Item | None:
        """Find what a sharing link or a browser's URL shows."""
        if url in self.links:
            return self.links[url]
        if found := re.search(r"sourcedoc=(?:%7B|\{)([0-9A-Fa-f-]{36})", url):
            items = (item for drive in self.drives.values() for item in drive.items.values())
            return next((item for item in items if item.guid == found[1].upper()), None)
        plain = unquote(url.partition("?")[0]).rstrip("/")
        for drive in self.drives.values():
            root = unquote(drive.web_url)
            if plain == root or plain.startswith(f"{root}/"):
                return drive.find(plain[len(root) :])
        return None

    def next_copy_behaviour(self) -> CopyBehaviour:
        """Take what was queued for the next copy, or the default."""
        return self.next_copies.popleft() if self.next_copies else self.copies

    def start_job(self, job: Job) -> Job:
        """Take a job on, and do at once what takes no time."""
        self.jobs.append(job)
        self.jobs_by_id[job.id] = job
        job.start()
        if job.behaviour.location == "item":
            job.end()
        elif job.behaviour.seconds or job.behaviour.looks:
            heapq.heappush(self._scheduled, (job.due, len(self.jobs), job))
        else:
            job.end()
        return job

    def finish_due_jobs(self) -> None:
        """End the jobs whose time has come and which wait for no look."""
        while self._scheduled and self._scheduled[0][0] <= time.time():
            job = heapq.heappop(self._scheduled)[2]
            if job.is_running and not job.waits_for_polls:
                job.end()

    def charge(self, units: int) -> None:
        """Charge resource units, and refuse what goes beyond the budget. What is refused counts too."""
        self.units_spent += units
        if self.budget is None:
            return
        now = time.time()
        self._charges.append((now, units))
        while self._charges and self._charges[0][0] <= now - self.budget_window:
            self._charges.popleft()
        if sum(spent for _, spent in self._charges) > self.budget:
            wait = max(1, round(self._charges[0][0] + self.budget_window - now))
            raise errors.throttled(wait if self.tells_retry_after else None)

    def record_call(self, call: Call) -> None:
        """Write a call down; of a very long journal the oldest half is dropped."""
        self.journal.append(call)
        if len(self.journal) > _JOURNAL_LIMIT:
            del self.journal[: _JOURNAL_LIMIT // 2]
