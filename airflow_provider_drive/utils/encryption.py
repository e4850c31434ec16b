"""
What crosses Airflow's database is read by others: a monitor URL goes through it encrypted.

With the deployment's Fernet key, where it has one. Airflow itself stores trigger arguments, ``next_kwargs``
and XComs in clear.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_drive.exceptions import DriveArgumentError


def encrypt_url(monitor_url: str) -> str:
    """Return the URL encrypted, or as it is where the deployment has no Fernet key. Sealed once is sealed."""
    fernet = _fernet() if "://" in monitor_url else None
    if fernet is None:
        return monitor_url
    return str(fernet.encrypt(monitor_url.encode(errors="surrogatepass")).decode())


def decrypt_url(sealed: str) -> str:
    """
    Return the URL in clear, whether it comes encrypted or not.

    :raises DriveArgumentError: If it was encrypted with another key, or is no URL.
    """
    if _is_url(sealed):
        return sealed
    fernet, url = _fernet(), ""
    with suppress(Exception):  # whatever cryptography raises would quote what it was given
        url = fernet.decrypt(sealed.encode()).decode() if fernet else ""
    if not _is_url(url):
        raise DriveArgumentError(
            "Cannot read the monitor URL: it is neither a URL nor encrypted with this deployment's Fernet "
            "key. Check that core.fernet_key has not changed and is the same for workers and triggerer, and "
            "that the XCom it comes from exists."
        )
    return url


def _is_url(text: str) -> bool:
    return "://" in text and text.isascii() and text.isprintable()


def _fernet() -> Any:
    """Return what encrypts with the deployment's key, or None if it has no key that works."""
    try:
        from airflow.sdk.crypto import get_fernet  # noqa: PLC0415  # cryptography is paid for when it is needed
    except ImportError:  # before Airflow 3.2
        from airflow.models.crypto import get_fernet  # noqa: PLC0415  # as above
    try:
        fernet = get_fernet()
    except AirflowException:
        return None
    return fernet if fernet.is_encrypted else None
