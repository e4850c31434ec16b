"""
What it means when the authority gives no token, and which field of the connection to change.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.protocol.errors import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BY_ERROR = {
    "invalid_client": "check the connection's password (the client secret's value, not its id; it may "
    "have expired) or certificate",
    "unauthorized_client": "check the connection's login (client id) and tenant_id",
    "invalid_request": "check the connection's tenant_id and login (client id)",
    "invalid_tenant": "check the connection's tenant_id",
    "invalid_scope": "check the connection's scopes and cloud",
}


def explain_refusal(answer: Mapping[str, Any], secrets: Iterable[str]) -> str:
    """
    Say what the authority said, and what to do.

    :param answer: Its answer, as MSAL gives it.
    :param secrets: What must not be quoted, should the authority have done so.
    """
    code = str(answer.get("error", "unknown"))
    said = str(answer.get("error_description") or "the authority gave no reason")
    for secret in filter(None, secrets):
        said = said.replace(secret, "***")
    advice = _BY_ERROR.get(code, "check the connection's tenant_id, login and credentials")
    return f"No token could be had: {clean(code)}: {clean(said)} Please {advice}."
