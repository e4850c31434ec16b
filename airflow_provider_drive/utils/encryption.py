"""
Encrypt monitor URLs, which are secrets, before they are stored in Airflow's database.

The deployment's Fernet key is used, if it has one. Airflow stores trigger arguments, ``next_kwargs`` and
XComs unencrypted.
"""

from __future__ import annotations

from contextlib import suppress

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.fernet import get_fernet


def encrypt_url(monitor_url: str) -> str:
    """Return the URL encrypted. It is returned unchanged without a Fernet key, or if already encrypted."""
    fernet = get_fernet() if "://" in monitor_url else None
    if fernet is None:
        return monitor_url
    return str(fernet.encrypt(monitor_url.encode(errors="surrogatepass")).decode())


def decrypt_url(encrypted: str) -> str:
    """
    Return the decrypted URL; a URL that is not encrypted is returned unchanged.

    :raises DriveArgumentError: If it is encrypted with another key, or is not a URL.
    """
    if _is_url(encrypted):
        return encrypted
    fernet, url = get_fernet(), ""
    with suppress(Exception):  # cryptography's exceptions may quote their input
        url = fernet.decrypt(encrypted.encode()).decode() if fernet else ""
    if not _is_url(url):
        raise DriveArgumentError(
            "Cannot read the monitor URL: it is neither a URL nor encrypted with this deployment's Fernet "
            "key. Check that core.fernet_key has not changed and is the same for workers and triggerer, and "
            "that the XCom it comes from exists."
        )
    return url


def _is_url(text: str) -> bool:
    return "://" in text and text.isascii() and text.isprintable()
