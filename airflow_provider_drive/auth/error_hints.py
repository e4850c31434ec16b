"""
Messages for failed logins and lost connections, with the field of the connection to change.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes

Microsoft may change these codes at any time: they select the advice here, and nothing else. Some are missing
on that page and known from user reports: 900023, 1002012, 700024, 9002346, those of federated credentials.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.protocol.wire.errors import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_CODE = re.compile(r"AADSTS(\d{1,9})")
_IN_JSON = re.compile(r"AADSTS\d+[^\"]*")
_TRACE = re.compile(r"Trace ID: .*", re.DOTALL)
_SIGN_IN_AGAIN = "sign in again with `airflow-drive login` and import the connection that it prints."

_AADSTS = {
    # The tenant and the app
    "90002 900023 50059 50128 90019": "This cloud has no such tenant: check the connection's tenant_id and, "
    "if the tenant is in another cloud, the connection's cloud.",
    "700016 700011 70001": "The tenant has no such app: check the connection's login (the application "
    "(client) ID, not the object ID) and tenant_id.",
    "7000112": "The app is disabled: ask an administrator to enable it, or set the connection's login to "
    "another app.",
    "50049": "Microsoft does not know this authority: check the connection's authority and cloud.",
    "90038 900382 900432": "The tenant is in another cloud: set the connection's cloud to usgov, dod, china "
    "or global.",
    "50194 90130 9001023 9002332": "This app or login does not support the tenants common, organizations "
    "and consumers: set the connection's tenant_id to the ID of your tenant.",
    "9002346": "The app is registered for personal accounts only: set the connection's tenant_id to "
    "consumers.",
    "90013 90014 900144 9002313": "The authority cannot parse the request: look for spaces or missing "
    "characters in the connection's tenant_id, login, password and refresh_token.",
    # The app's credential
    "7000215 70002": "The connection's password is not a client secret of this app: use the secret's value, "
    "not its ID, and check that the secret still exists and has not expired.",
    "7000222": "The client secret has expired: create a new one in the app registration, and put its value "
    "into the connection's password.",
    "7000218": "The app requires a credential: set the connection's password (a client secret) or "
    "certificate_path. For a user login without a credential, allow public client flows in the app "
    "registration.",
    "700025": "The app is registered as a public client, which has no credential: clear the connection's "
    "password, or change the app registration.",
    "700027 50012 50003": "The certificate is not registered with this app, has expired, or does not match "
    "the private key: check the connection's certificate_path or private_key, thumbprint and login, and "
    "upload the certificate to the app registration.",
    "700030": "The app does not trust the certificate's subject name: check the connection's "
    "certificate_path or private_key, and the app's trusted subject names.",
    "700024": "The assertion has expired or is not valid yet: check the worker's clock. With "
    "workload_identity, also check that the file in the connection's federated_token_file is renewed.",
    "70021 700211 700212 700213 7002131": "The app has no federated credential with this token's issuer, "
    "subject and audience: compare them with the app registration, and check the connection's login and "
    "federated_token_file.",
    "50027 700023": "The assertion's issuer, audience or validity period is wrong: check the connection's "
    "authority and login, and the worker's clock.",
    # The requested scope
    "70011 1002012 28002 28003 700022": "The scope is not valid: clear the connection's scopes. An app "
    "requests https://graph.microsoft.com/.default, or in other clouds the address of that cloud's Graph.",
    "500011 50001 650057": "The tenant does not know this Graph address: check the connection's scopes, "
    "cloud and host.",
    "65001 65004 90008 90094 650056": "Consent is missing: an administrator must consent to the app's "
    "permissions in the tenant given by the connection's tenant_id; a user must then sign in again.",
    # Policies
    "53000 53001 53003 50005 50131 530032": "A Conditional Access policy blocks this login: an administrator "
    "can find the policy in the sign-in log, and exclude the app or the addresses that the workers (or the "
    "connection's proxies) connect from.",
    "50002 500021 500022": "Your company's proxy blocks logins to this tenant: check the connection's "
    "tenant_id and proxies, or have the proxy's tenant restrictions changed.",
    "50105": "The app accepts assigned users only, and this user is not assigned: assign the user, or set "
    "the connection's refresh_token to that of another user.",
    # Users
    "50072 50074 50076 50078 50079": "The user must complete multi-factor authentication, which a task "
    f"cannot do: {_SIGN_IN_AGAIN} For unattended tasks, use the login of an app.",
    "70000 70008 70043 700082 700084 50089 50132 50133 50173": "The connection's refresh_token has expired, "
    f"was revoked, or belongs to another app: {_SIGN_IN_AGAIN}",
    "50014 50020 50034 51004 16003 90072": "The user does not exist in this tenant: check the connection's "
    "tenant_id (consumers for a personal account), or have the user invited.",
    "50053 50055 50057": "The user's account is locked or disabled, or its password has expired: have the "
    f"account restored, then {_SIGN_IN_AGAIN}",
    "70018 70019 70020": "The code was wrong or was entered too late: run `airflow-drive login` again.",
    # The network
    "1002016": "Microsoft does not accept this TLS version: the proxy in the connection's proxies must "
    "support TLS 1.2, or the worker needs a newer OpenSSL.",
    "50033 50196 90006 90012 90024 90033 90055": "Microsoft's authority is busy, or received too many "
    "requests: try later.",
}
AADSTS = {int(code): advice for codes, advice in _AADSTS.items() for code in codes.split()}
"""Advice for each Entra error code that a login of this package can meet."""

_ADVICE_BY_ERROR = {
    "invalid_scope": AADSTS[70011],
    "invalid_grant": AADSTS[70000],
    "temporarily_unavailable": AADSTS[90033],
    "interaction_required": AADSTS[50076],
    "expired_token": AADSTS[70020],
    "authorization_declined": AADSTS[65004],
}
_ADVICE_BY_AUTH_TYPE = {
    "client_secret": "Check the connection's tenant_id, login and password.",
    "certificate": "Check the connection's tenant_id and login, its certificate_path or private_key, and the "
    "passphrase in its password.",
    "workload_identity": "Check the connection's tenant_id, login and federated_token_file.",
    "refresh_token": "Check the connection's tenant_id, login and refresh_token.",
    "managed_identity": "Check that this machine has a managed identity. The connection's login is the "
    "client ID of a user-assigned identity, or empty for the system-assigned one. On other machines, choose "
    "another auth_type.",
}

_TLS = (
    "If your company's proxy inspects TLS, set the connection's verify to the path of the company's CA "
    "bundle. Set it to false only for testing."
)
_PROXY = "Check the connection's proxies, or HTTPS_PROXY if the connection sets none."
_PROXY_LOGIN = "The proxy requires a login: use http://user:password@host:port in the connection's proxies."
_DNS = (
    "Check the connection's host, authority and cloud. If only a proxy can resolve the name, set the "
    "connection's proxies."
)
_TIMEOUT = (
    "Check the network and the connection's proxies. If the service is only slow, raise the connection's "
    "timeout."
)
_NETWORK = (
    "Check the network. If the internet is reachable only through a proxy, check the connection's proxies."
)


def explain_auth_error(answer: Mapping[str, Any], secrets: Iterable[str], kind: str = "") -> str:
    """
    Return the message for an error that the authority returned: its words, and what to do.

    :param answer: The authority's answer, as MSAL returns it.
    :param secrets: Values to mask if the authority quotes them.
    :param kind: The ``auth_type``, for advice on errors without a known code.
    """
    error = str(answer.get("error", "unknown"))
    description = str(answer.get("error_description") or "the authority gave no reason")
    description = description if _CODE.search(description) else f"{error}: {description}"
    return _compose_message(description, secrets, _ADVICE_BY_ERROR.get(error) or _advise_on_auth_type(kind))


def explain_msal_exception(error: BaseException, secrets: Iterable[str], kind: str = "") -> str:
    """
    Return the message for an exception that MSAL raised, for example when a tenant is not found.

    :param error: The exception. The authority's words may be in one of its causes.
    :param secrets: As for :func:`explain_auth_error`.
    :param kind: As for :func:`explain_auth_error`.
    """
    causes = [str(cause) for cause in _iterate_causes(error)]
    description = next((found[0] for text in causes if (found := _IN_JSON.search(text))), causes[0])
    return _compose_message(description, secrets, _advise_on_auth_type(kind))


def explain_no_answer(error: BaseException, place: str, kind: str = "") -> str:
    """
    Return the message for a token request that got no answer.

    :param error: The exception of the HTTP library.
    :param place: The address the request was sent to.
    :param kind: As for :func:`explain_auth_error`.
    """
    reason, advice = explain_connection_error(error)
    advice = _ADVICE_BY_AUTH_TYPE[kind] if kind == "managed_identity" else advice
    return f"Could not get a token: no answer from {place} ({reason}). {advice}"


def explain_connection_error(error: BaseException) -> tuple[str, str]:
    """
    Return why a connection failed, and what to do.

    The reason is the system's message or the name of the exception's class. The HTTP library's message is not
    used: it quotes the URL, which may be a secret.

    :param error: The exception of the HTTP library. It is identified by class names, so that neither requests
        nor aiohttp is imported here.
    :return: The reason and the advice.
    """
    reason, names, codes = type(error).__name__, [], set()
    for cause in _iterate_causes(error):
        names.append(type(cause).__name__)
        codes.add(getattr(cause, "status", None))
        if verify_message := getattr(cause, "verify_message", ""):  # of ssl.SSLCertVerificationError
            return verify_message, _TLS
        if isinstance(cause, OSError) and (message := cause.strerror or _find_proxy_status(cause)):
            reason = message
        if isinstance(cause, socket.gaierror):
            names.append("DNS")
    names_text = " ".join(names)
    if "Proxy" in names_text:
        return reason, _PROXY_LOGIN if 407 in codes or " 407" in reason else _PROXY
    if "DNS" in names_text or "NameResolution" in names_text:
        return reason, _DNS
    return reason, _TIMEOUT if "Timeout" in names_text else _NETWORK


def _compose_message(description: str, secrets: Iterable[str], otherwise: str) -> str:
    """Join the authority's words, the advice, and last the trace ids that Microsoft support asks for."""
    for secret in filter(None, secrets):
        description = description.replace(secret, "***")
    codes = (int(code) for code in _CODE.findall(description))
    advice = next((AADSTS[code] for code in codes if code in AADSTS), otherwise)
    trace = _TRACE.search(description)
    description = clean(description[: trace.start()] if trace else description)
    end = "" if description.endswith((".", "…")) else "."
    return f"Could not get a token: {description}{end} {advice}" + (f" ({clean(trace[0])})" if trace else "")


def _find_proxy_status(error: OSError) -> str:
    """Return a proxy's refusal, whose status the standard library gives only in the message."""
    found = re.search(r"Tunnel connection failed: (\d{3}[ \w-]*)", str(error))
    return f"the proxy answered {found[1].strip()}" if found else ""


def _advise_on_auth_type(kind: str) -> str:
    return _ADVICE_BY_AUTH_TYPE.get(kind, "Check the connection's tenant_id, login and credentials.")


def _iterate_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, whichever attribute the libraries keep them in."""
    cause: Any = error
    for _ in range(10):
        if not isinstance(cause, BaseException):
            return
        yield cause
        inner = cause.__cause__ or cause.__context__ or getattr(cause, "reason", None)
        cause = inner or next((arg for arg in cause.args if isinstance(arg, BaseException)), None)
