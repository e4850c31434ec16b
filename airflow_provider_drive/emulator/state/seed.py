"""The sites, users and groups that a new tenant has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.state import directory
from airflow_provider_drive.emulator.state.directory import Owner, Site, guid
from airflow_provider_drive.emulator.state.drives import Drive

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.state.tenant import Tenant

_PERSONAL_ID = "4f62a7105c03556e"  # gnome-me-drives-personal


class Seed:
    """A new directory of a tenant, whose drives are empty."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.drives: dict[str, Drive] = {}
        self.sites = [
            self._site("/sites/Legal", "Legal", {"legal": "Documents", "contracts": "Contracts"}),
            self._site("/sites/Archive", "Archive", {"archive": "Documents"}),
            self._site("/sites/Team", "Team", {"group": "Documents"}),
            self._site("", "Communication site", {"root": "Documents"}),
        ]
        self.me = self._user("business", "adele", "Adele Vance")
        megan = self._user("megan", "megan", "Megan Bowen")
        self.consumer = self._consumer()
        self.users = [self.me, megan, self.consumer]
        self.groups = [Owner("group", guid("group"), "Team", "team@contoso.com", self.drives["group"])]

    def _site(self, path: str, name: str, libraries: dict[str, str]) -> Site:
        site = Site(path, name, guid(f"{name} collection"), guid(f"{name} web"))
        owner = {"group": {"displayName": f"{name} Owners", "id": guid(f"{name} owners")}}
        for key, library in libraries.items():
            segment = "Shared%20Documents" if library == "Documents" else library
            drive = Drive(
                directory.business_drive_id(key),
                "documentLibrary",
                library,
                directory.library_url(path, segment),
                owner,
                self._tenant,
                site,
            )
            self.drives[key] = drive
            site.drives.append(drive)
        return site

    def _user(self, key: str, user: str, name: str) -> Owner:
        address = f"{user}@contoso.com"
        owner = {"user": {"displayName": name, "id": guid(user), "email": address}}
        drive_id, url = directory.business_drive_id(key), directory.my_url(f"{user}_contoso_com")
        drive = Drive(drive_id, "business", "OneDrive", url, owner, self._tenant)
        self.drives[key] = drive
        return Owner("user", guid(user), name, address, drive)

    def _consumer(self) -> Owner:
        owner = {"user": {"displayName": "User Two", "id": _PERSONAL_ID}}
        url = f"https://onedrive.live.com/?cid={_PERSONAL_ID}"
        drive = Drive(_PERSONAL_ID, "personal", "OneDrive", url, owner, self._tenant)
        self.drives["personal"] = drive
        return Owner("user", _PERSONAL_ID, "User Two", "user2@outlook.example", drive)
