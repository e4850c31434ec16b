"""The provider's metadata. Each Airflow process reads it at start-up, so this module imports nothing."""

from __future__ import annotations

from typing import Any

_PACKAGE = "airflow_provider_drive"
_DOCUMENTATION = "https://airflow-provider-drive.readthedocs.io/en/stable/"

LOGIN = "Login"
NETWORK = "Cloud and network"


def _field(section: str, label: str, description: str, **schema: Any) -> dict[str, Any]:
    schema = {"type": ["string", "null"], "section": section, **schema}
    return {"label": label, "description": description, "schema": schema}


def _choice(section: str, label: str, description: str, unset: str, *values: str) -> dict[str, Any]:
    return _field(section, label, description, enum=[None, *values], values_display={"null": unset})


_ASSETS = {
    "schemes": ["msdrive"],
    "handler": f"{_PACKAGE}.assets.sanitize_uri",
    "to_openlineage_converter": f"{_PACKAGE}.assets.convert_to_openlineage",
}

# https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
# Airflow 3.2 and later read the form's fields from here, older versions through the hook's methods.
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "tenant_id": _field(
        LOGIN,
        "Directory (tenant) ID",
        "The tenant's ID, or one of its domains, such as contoso.onmicrosoft.com; consumers for a personal "
        "account.",
    ),
    "auth_type": _choice(
        LOGIN,
        "Kind of login",
        "If empty, it is derived from the fields that are set. A managed identity must be chosen here.",
        "derived from the fields that are set",
        "client_secret",
        "certificate",
        "managed_identity",
        "workload_identity",
        "refresh_token",
    ),
    "certificate_path": _field(
        LOGIN,
        "Certificate path",
        "Path on the workers of a PEM file with the key and the certificate, or of a PFX file: "
        "/etc/airflow/drive.pem. Enter its passphrase as the client secret above.",
    ),
    "private_key": _field(
        LOGIN,
        "Private key",
        "Instead of a path: the text of a PEM with the key and the certificate, or a PFX in base64.",
        format="password",
    ),
    "thumbprint": _field(
        LOGIN, "Thumbprint", "The certificate's thumbprint, if the PEM contains only the key."
    ),
    "send_certificate_chain": _choice(
        LOGIN,
        "Send the certificate chain",
        "For an app that trusts a subject name and issuer instead of one certificate.",
        "no",
        "true",
    ),
    "federated_token_file": _field(
        LOGIN,
        "Federated token file",
        "Path of a workload identity's token. Default is AZURE_FEDERATED_TOKEN_FILE, which AKS sets.",
    ),
    "refresh_token": _field(
        LOGIN,
        "Refresh token",
        "For a user login: the refresh token that airflow-drive login prints.",
        format="password",
    ),
    "refresh_token_variable": _field(
        LOGIN,
        "Variable for the refresh token",
        "An Airflow Variable to store the newest refresh token in. Its name must contain token: "
        "drive_refresh_token. By default it is not stored.",
    ),
    "scopes": _field(
        LOGIN, "Scopes", "Scopes to request, comma-separated. Default is Graph's address with /.default."
    ),
    "cloud": _choice(
        NETWORK,
        "Cloud",
        "The tenant's cloud: usgov is GCC High, china is 21Vianet.",
        "global (default)",
        "global",
        "usgov",
        "dod",
        "china",
    ),
    "authority": _field(
        NETWORK,
        "Authority",
        "Address that issues tokens, if not the cloud's: https://login.microsoftonline.com.",
    ),
    "allowed_hosts": _field(
        NETWORK,
        "Allowed hosts",
        "Further hosts allowed in monitor URLs and next links, comma-separated: files.example.com.",
    ),
    "proxies": _field(
        NETWORK,
        "Proxies",
        'JSON such as {"https": "http://proxy:3128"}. Default is the environment\'s proxies.',
    ),
    "verify": _field(
        NETWORK,
        "Verify TLS",
        "true, false, or the path of a CA bundle on workers and triggerer: /etc/ssl/company-ca.pem. Default "
        "is the environment's CA bundle.",
    ),
    "timeout": _field(
        NETWORK, "Timeout", "Seconds for one HTTP request. Default is 30.", type=["number", "null"]
    ),
    "resource_units_per_minute": _field(
        NETWORK,
        "Resource units a minute",
        "Limit on SharePoint's resource units for this connection. Default is 1250, that of a small tenant.",
        type=["number", "null"],
    ),
    "budget_backend": _field(
        NETWORK,
        "Shared budget",
        "Id of a Redis connection in which all workers share this limit: redis_default. By default each "
        "process has the limit to itself. Needs the package's extra redis.",
    ),
    "user_agent_company": _field(
        NETWORK,
        "Company",
        "Your company's name, for the User-Agent that Microsoft requires. Default is Airflow.",
    ),
}

FIELD_BEHAVIOUR: dict[str, Any] = {
    "hidden-fields": ["schema"],
    "relabeling": {
        "login": "Application (client) ID",
        "password": "Client secret",
        "host": "Graph address",
    },
    "placeholders": {
        "login": "00000000-0000-0000-0000-000000000000",
        "password": "the secret's value, not its ID; or the certificate's passphrase",
        "host": "only if not the cloud's: https://graph.microsoft.com",
        # Airflow 3.3.1 and 3.3.2 cannot test a connection without a port: https://github.com/apache/airflow/pull/73298
        "port": "type 443: without a port, Airflow 3.3.1 and 3.3.2 cannot test a connection",
    },
}


def _setting(kind: str, example: str, description: str) -> dict[str, Any]:
    """Return an option without a default of its own: whoever reads it has one, on Airflow 2.11 too."""
    return {
        "description": description,
        "version_added": "0.2.0",
        "type": kind,
        "example": example,
        "default": None,
    }


SETTINGS = {
    "poll_interval": _setting(
        "float",
        "30",
        "The longest pause in seconds between two polls of a copy, of operators, sensors and triggers that "
        "do not set poll_interval. Default is 15.",
    ),
    "copy_timeout": _setting(
        "float",
        "7200",
        "Seconds that a copy may take, of operators that do not set copy_timeout. Default is 86400, a day.",
    ),
    "resource_units_per_minute": _setting(
        "float",
        "6000",
        "Limit on SharePoint's resource units in each process, of connections that do not set it. Default is "
        "1250, that of a small tenant.",
    ),
    "deferral_hold": _setting(
        "float",
        "30",
        "Seconds for which a trigger holds back its event. Airflow 3.3 fails a task that resumes before the "
        "scheduler has seen its worker exit. If workers exit slowly, set it to more than that takes. Default "
        "is 10.",
    ),
    "token_cache": _setting(
        "string",
        "/var/lib/airflow/drive-tokens",
        "Where processes share the tokens of an app's login, encrypted with the Fernet key: the absolute "
        "path of a folder on each worker, or the id of a Redis connection. By default each process logs in "
        "by itself.",
    ),
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, for the entry point ``apache_airflow_provider``."""
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
                "logo": f"{_DOCUMENTATION}_static/logo.svg",
                "how-to-guide": [
                    f"{_DOCUMENTATION}guides/{page}.html"
                    for page in ("copy", "move", "archive", "wait", "data-jobs")
                ],
                "tags": ["service"],
            },
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
        "cli": [f"{_PACKAGE}.airflow_cli.get_commands"],
        "config": {
            "drive": {
                "description": "Settings of the provider for OneDrive and SharePoint.",
                "options": SETTINGS,
            }
        },
        "hooks": [{"integration-name": integration, "python-modules": [f"{_PACKAGE}.hooks.drive"]}],
        "operators": [
            {
                "integration-name": integration,
                "python-modules": [
                    f"{_PACKAGE}.operators.{module}"
                    for module in ("archive", "copy", "delete", "folder", "list", "move")
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": integration,
                "python-modules": [f"{_PACKAGE}.sensors.copy", f"{_PACKAGE}.sensors.item"],
            }
        ],
        "transfers": [
            {
                "source-integration-name": integration,
                "target-integration-name": "Object Storage",
                "how-to-guide": f"{_DOCUMENTATION}guides/data-jobs.html",
                "python-module": f"{_PACKAGE}.transfers.drive_to_object_storage",
            },
            {
                "source-integration-name": "Object Storage",
                "target-integration-name": integration,
                "how-to-guide": f"{_DOCUMENTATION}guides/data-jobs.html",
                "python-module": f"{_PACKAGE}.transfers.object_storage_to_drive",
            },
        ],
        "filesystems": [f"{_PACKAGE}.fs.drive"],
        "extra-links": [
            f"{_PACKAGE}.links.Drive{name}Link" for name in ("Source", "Destination", "Manifest")
        ],
        "triggers": [
            {
                "integration-name": integration,
                "python-modules": [
                    f"{_PACKAGE}.triggers.{module}" for module in ("archive", "changes", "copy", "item")
                ],
            }
        ],
        "asset-uris": [_ASSETS],
        "dataset-uris": [_ASSETS],
    }
