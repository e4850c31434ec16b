"""What Airflow reads of this provider at start-up, in each of its processes: so no import here."""

from __future__ import annotations

from typing import Any

_PACKAGE = "airflow_provider_drive"


def _text(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


# https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
# One table for both forms: Airflow 3.2 and later read it from here, older ones through the hook's methods.
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "tenant_id": _text("Directory (tenant) ID", "The tenant's id, or one of its domains."),
    "auth_type": _text(
        "Login",
        "client_secret or certificate. Left out, it is told from what is filled in.",
        enum=["client_secret", "certificate", None],
    ),
    "certificate_path": _text(
        "Certificate path", "A PEM file with key and certificate, or a PFX file, as the workers see it."
    ),
    "private_key": _text(
        "Private key", "The text of a PEM instead of a path: the key, and the certificate.", format="password"
    ),
    "thumbprint": _text("Thumbprint", "The certificate's SHA-1 thumbprint, where only the key is given."),
    "cloud": _text(
        "Cloud",
        "global (default), usgov, dod or china.",
        enum=["global", "usgov", "dod", "china", None],
    ),
    "authority": _text("Authority", "Address that issues tokens, https://…, instead of the cloud's."),
    "scopes": _text("Scopes", "Instead of the cloud's /.default; separated by commas."),
    "verify": _text("Verify TLS", "true, false or the path of a CA bundle."),
    "proxies": _text("Proxies", 'As JSON: {"https": "http://proxy:3128"}.'),
    "allowed_hosts": _text(
        "Allowed hosts", "More hosts that monitor URLs and next links may be on, separated by commas."
    ),
    "timeout": {
        "label": "Timeout",
        "description": "Seconds for one HTTP request. Default is 30.",
        "schema": {"type": ["number", "null"]},
    },
    "user_agent_company": _text("Company in the User-Agent", "Default is Airflow."),
}

FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["port", "schema"],
    "relabeling": {
        "login": "Application (client) ID",
        "password": "Client secret",
        "host": "Graph address",
    },
    "placeholders": {
        "login": "00000000-0000-0000-0000-000000000000",
        "password": "the secret's value, or the passphrase of the certificate",
        "host": "https://graph.microsoft.com",
    },
}


def get_provider_info() -> dict[str, Any]:
    """Return what the entry point ``apache_airflow_provider`` promises."""
    integration = "Microsoft Drive"
    return {
        "package-name": "airflow-provider-drive",
        "name": "Microsoft Drive (OneDrive, SharePoint)",
        "description": "Server-side copy and move of OneDrive and SharePoint documents through Microsoft "
        "Graph.",
        "integrations": [
            {
                "integration-name": integration,
                "external-doc-url": "https://learn.microsoft.com/graph/api/resources/driveitem",
                "tags": ["service"],
            }
        ],
        "connection-types": [
            {
                "connection-type": "microsoft_drive",
                "hook-class-name": f"{_PACKAGE}.hooks.drive.DriveHook",
                "hook-name": "Microsoft Drive (OneDrive, SharePoint)",
                "ui-field-behaviour": FIELD_BEHAVIOUR,
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
        "hooks": [{"integration-name": integration, "python-modules": [f"{_PACKAGE}.hooks.drive"]}],
        "operators": [
            {
                "integration-name": integration,
                "python-modules": [f"{_PACKAGE}.operators.copy", f"{_PACKAGE}.operators.move"],
            }
        ],
        "sensors": [{"integration-name": integration, "python-modules": [f"{_PACKAGE}.sensors.copy"]}],
        "extra-links": [f"{_PACKAGE}.links.DriveSourceLink", f"{_PACKAGE}.links.DriveDestinationLink"],
        "triggers": [{"integration-name": integration, "python-modules": [f"{_PACKAGE}.triggers.copy"]}],
    }
