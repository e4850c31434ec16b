"""One connection to Microsoft Graph: raw requests, and the test of the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.hooks.client import DriveClient
from airflow_provider_drive.lineage import HookLineage
from airflow_provider_drive.protocol.connection_test import test_connection_flow
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.token_claims import read_claims

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from airflow_provider_drive.protocol.flow import Response

DEFAULT_CONN_ID = "drive_default"


class GraphHook(BaseHook):
    """
    Send requests to Microsoft Graph.

    :param drive_conn_id: The connection, of type ``microsoft_drive`` or ``msgraph``.
        Default is ``drive_default``.
    """

    def __init__(self, drive_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drive_conn_id = drive_conn_id
        self._client = DriveClient(drive_conn_id, self.get_connection, self.log)
        self._lineage = HookLineage(self)

    def request(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """
        Send any request to Graph, with the token, with retries, and with the errors of this package.

        :param method: HTTP method. After a lost answer or a 5xx, only GET and DELETE are sent again; after
            throttling, all are.
        :param path: Below the version root, percent-encoded, with its query: ``/me/drive``.
        :param json: The JSON body. Default is none.
        :param headers: More headers. Default is none.
        :return: Graph's answer, with ``status``, ``headers``, ``body`` and ``json()``.
        :raises DriveRequestError: If Graph refused.
        """
        path = path if path.startswith("/") else f"/{path}"
        request = Request(method.upper(), path, f"{method.upper()} {path}", json=json, headers=headers or {})

        def read(response: Response) -> Response:
            if not response.ok:
                raise error_from_response(response, request.action, request.trace)
            return response

        return self._client.run(send_with_retries(request, read))

    def get_conn(self) -> requests.Session:
        """Return a ``requests`` session that logs in at Graph only, and keeps to the rate limit."""
        from airflow_provider_drive.auth import GraphAuth, login  # noqa: PLC0415  # MSAL is slow to import
        from airflow_provider_drive.network import open_session  # noqa: PLC0415  # so is requests

        client, settings = self._client, self._client.settings
        session = open_session(settings)
        session.auth = GraphAuth(
            settings.hosts, login(settings), client.keep_secret, client.session.wait_for_rate_limit
        )
        session.hooks["response"].append(client.session.record_foreign)
        return session

    def test_connection(self) -> tuple[bool, str]:
        """
        Log in, read a drive, and read the token's permissions.

        :return: Whether copies and moves can succeed; and who logged in where, which drive was read, and
            which permissions are granted and missing; or which field of the connection to change.
        """
        from airflow_provider_drive.auth import login  # noqa: PLC0415  # MSAL is slow to import

        try:
            settings = self._client.settings
            token = login(settings).token()
            self._client.keep_secret(token)
            flow = test_connection_flow(read_claims(token), settings.tenant_id, settings.hosts.cloud)
            is_fine, told = self._client.run(flow)
            return is_fine, " ".join([told, *settings.warnings])
        except DriveError as error:
            return False, str(error)

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's fields. Airflow 3.2 and newer reads the provider's metadata instead."""
        from airflow_provider_drive.hooks.form import form_widgets  # noqa: PLC0415  # only for the form

        return form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the layout of the form's standard fields, for Airflow before 3.2."""
        from airflow_provider_drive.hooks.form import field_behaviour  # noqa: PLC0415  # only for the form

        return field_behaviour()
