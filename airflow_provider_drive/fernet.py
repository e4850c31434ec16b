"""The deployment's Fernet key."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowException


def get_fernet() -> Any:
    """Return the deployment's Fernet, or None if it has no valid key."""
    try:
        from airflow.sdk.crypto import get_fernet as get  # noqa: PLC0415  # slow import of cryptography
    except ImportError:  # before Airflow 3.2
        from airflow.models.crypto import get_fernet as get  # noqa: PLC0415  # as above
    try:
        fernet = get()
    except AirflowException:
        return None
    return fernet if fernet.is_encrypted else None
