"""Subscriptions: https://learn.microsoft.com/graph/api/resources/subscription."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import secrets
import urllib.request
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow_provider_drive.emulator.graph import addressing, errors
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.expressions import select
from airflow_provider_drive.emulator.graph.pages import page
from airflow_provider_drive.emulator.graph.requests import authenticate, json_body, read_time
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.items import Item
from airflow_provider_drive.emulator.state.subscriptions import Subscription

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.tenant import Tenant

_LONGEST, _SHORTEST = dt.timedelta(minutes=42_300), dt.timedelta(minutes=45)
_TIMEOUT = 5.0  # seconds
_MAX_CLIENT_STATE = 128


def create_subscription(tenant: Tenant, request: Request, _: None) -> Response:
    """https://learn.microsoft.com/graph/api/subscription-post-subscriptions: the URL must echo a token."""
    body = json_body(request)
    if body.get("changeType") != "updated":
        raise invalid_request("Drives support the changeType 'updated' only.")
    if len(str(body.get("clientState") or "")) > _MAX_CLIENT_STATE:
        raise invalid_request("The clientState has more than 128 characters.")
    url = str(body.get("notificationUrl"))
    _check_is_loopback(url)
    drive = _drive_of(tenant, request, str(body.get("resource")))
    expires = _expiry(tenant, body)
    _validate(url)
    subscription = Subscription(drive, body, expires, _send)
    tenant.subscriptions[subscription.id] = subscription
    return Response(201, _subscription_json(subscription))


def list_subscriptions(tenant: Tenant, request: Request, _: None) -> Response:
    """https://learn.microsoft.com/graph/api/subscription-list."""
    subscriptions = list(tenant.subscriptions.values())
    return Response(
        body=page(tenant, request, subscriptions, lambda each: select(request, _subscription_json(each)))
    )


def get_subscription(tenant: Tenant, request: Request, _: None) -> Response:
    """https://learn.microsoft.com/graph/api/subscription-get."""
    return Response(body=_subscription_json(_find(tenant, request)))


def renew_subscription(tenant: Tenant, request: Request, _: None) -> Response:
    """https://learn.microsoft.com/graph/api/subscription-update."""
    subscription = _find(tenant, request)
    subscription.expires = _expiry(tenant, json_body(request))
    return Response(body=_subscription_json(subscription))


def delete_subscription(tenant: Tenant, request: Request, _: None) -> Response:
    """https://learn.microsoft.com/graph/api/subscription-delete."""
    del tenant.subscriptions[_find(tenant, request).id]
    return Response(204)


def _find(tenant: Tenant, request: Request) -> Subscription:
    subscription = tenant.subscriptions.get(request.id_in_path)
    if subscription is None or subscription.expires <= tenant.now():
        raise errors.subscription_not_found()
    return subscription


def _drive_of(tenant: Tenant, request: Request, resource: str) -> Drive:
    """Return the drive of a resource: ``drives/{id}/root``, or any folder of a personal drive."""
    path = f"/v1.0/{resource.strip('/')}"
    subject = addressing.resolve(tenant, path, authenticate(tenant, request)).subject
    if not isinstance(subject, Item) or not (subject.parent is None or subject.drive.is_personal):
        raise invalid_request("The resource is not the root of a drive.")
    return subject.drive


def _expiry(tenant: Tenant, body: dict[str, Any]) -> dt.datetime:
    """Return when a subscription expires: at least in 45 minutes, at most in 42,300."""
    expires, now = read_time(body.get("expirationDateTime", ""), "expirationDateTime"), tenant.now()
    if not now < expires <= now + _LONGEST:
        raise invalid_request("The expirationDateTime is in the past, or more than 42,300 minutes ahead.")
    return max(expires, now + _SHORTEST)


def _check_is_loopback(url: str) -> None:
    """Refuse URLs of other machines. Graph needs HTTPS; on this machine, HTTP is allowed too."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        host = "localhost" if ipaddress.ip_address(host).is_loopback else host
    if parts.scheme not in {"http", "https"} or host != "localhost":
        raise invalid_request("The emulator sends notifications to loopback addresses only.")


def _validate(url: str) -> None:
    token = secrets.token_urlsafe(32)
    separator = "&" if urlsplit(url).query else "?"
    try:
        echo = _post(f"{url}{separator}validationToken={quote(token)}", b"", "text/plain")
    except (OSError, HTTPException, ValueError):  # no answer, no HTTP, or an invalid URL
        echo = b""
    if echo.decode(errors="replace") != token:
        message = "Subscription validation request failed. The notification endpoint must echo the token."
        raise GraphError(400, "ValidationError", message)


def _send(subscription: Subscription) -> None:
    properties = subscription.properties
    body = {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": subscription.expires.isoformat(),
        "clientState": properties.get("clientState"),
        "changeType": "updated",
        "resource": properties["resource"],
        "tenantId": subscription.drive.tenant.tenant_id,
        "resourceData": None,
    }
    content = json.dumps({"value": [body]}).encode()
    with contextlib.suppress(OSError, HTTPException):  # Graph would retry for hours
        _post(properties["notificationUrl"], content, "application/json")


def _post(url: str, body: bytes, content_type: str) -> bytes:
    headers = {"Content-Type": content_type}
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - a loopback address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_TIMEOUT) as response:
        echo: bytes = response.read()
    return echo


def _subscription_json(subscription: Subscription) -> dict[str, Any]:
    names = ("changeType", "notificationUrl", "resource", "clientState", "lifecycleNotificationUrl")
    body = {name: subscription.properties.get(name) for name in names}
    return {
        "id": subscription.id,
        **body,
        "expirationDateTime": subscription.expires.isoformat(),
        "applicationId": subscription.drive.tenant.client_id,
    }
