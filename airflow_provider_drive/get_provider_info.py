"""What Airflow reads of this provider at start-up, in each of its processes: so no import here."""

from __future__ import annotations

from typing import Any

_PACKAGE = "airflow_provider_drive"


LOGIN = "Login"
NETWORK = "Cloud and network"


def _field(section: str, label: str, description: str, **schema: Any) -> dict[str, Any]:
    schema = {"type": ["string", "null"], "section": section, **schema}
    return {"label": label, "description": description, "schema": schema}


def _choice(section: str, label: str, description: str, unset: str, *values: str) -> dict[str, Any]:
    return _field(section, label, description, enum=[None, *values], values_display={"null": unset})


# https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
# One table for both forms: Airflow 3.2 and later read it from here, older ones through the hook's methods.
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "tenant_id": _field(
        LOGIN,
        "Directory (tenant) ID",
        "The tenant's id, or one of its domains, such as contoso.onmicrosoft.com; consumers for a personal "
        "account.",
    ),
    "auth_type": _choice(
        LOGIN,
        "Kind of login",
        "Left out, it is told from what is filled in; a managed identity has to be chosen here.",
        "told from what is filled in",
        "client_secret",
        "certificate",
        "managed_identity",
        "workload_identity",
        "refresh_token",
    ),
    "certificate_path": _field(
        LOGIN,
        "Certificate path",
        "A PEM file with the key and the certificate, or a PFX file, where the workers see it: "
        "/etc/airflow/drive.pem. Its passphrase is the Client secret above.",
    ),
    "private_key": _field(
        LOGIN,
        "Private key",
        "Instead of a path: the text of the PEM, with the key and the certificate, or a PFX in base64.",
        format="password",
    ),
    "thumbprint": _field(LOGIN, "Thumbprint", "The certificate's, if the PEM has the key alone."),
    "send_certificate_chain": _choice(
        LOGIN,
        "Send the certificate chain",
        "For an app that trusts a subject name and its issuer, and not one certificate.",
        "no",
        "true",
    ),
    "federated_token_file": _field(
        LOGIN,
        "Federated token file",
        "For a workload identity: where its token is. Default is AZURE_FEDERATED_TOKEN_FILE, which AKS sets.",
    ),
    "refresh_token": _field(
        LOGIN,
        "Refresh token",
        "For a user's login: what airflow-drive login prints.",
        format="password",
    ),
    "refresh_token_variable": _field(
        LOGIN,
        "Variable for the refresh token",
        "An Airflow Variable that keeps the newest one, with token in its name: drive_refresh_token. "
        "Default is to keep none.",
    ),
    "scopes": _field(
        LOGIN, "Scopes", "What to ask a token for, separated by commas. Default is the cloud's /.default."
    ),
    "cloud": _choice(
        NETWORK,
        "Cloud",
        "Where the tenant is: usgov is GCC High, china is 21Vianet.",
        "the default",
        "global",
        "usgov",
        "dod",
        "china",
    ),
    "authority": _field(
        NETWORK,
        "Authority",
        "The address that issues tokens, if not the cloud's: https://login.microsoftonline.com.",
    ),
    "allowed_hosts": _field(
        NETWORK,
        "Allowed hosts",
        "More hosts that monitor URLs and next links may be on, separated by commas: files.example.com.",
    ),
    "proxies": _field(
        NETWORK, "Proxies", 'As JSON: {"https": "http://proxy:3128"}. Default is what the environment says.'
    ),
    "verify": _field(
        NETWORK,
        "Verify TLS",
        "true, false, or the path of a CA bundle, where workers and triggerer see it: "
        "/etc/ssl/company-ca.pem. Default is what the environment says.",
    ),
    "timeout": _field(
        NETWORK, "Timeout", "Seconds for one HTTP request. Default is 30.", type=["number", "null"]
    ),
    "resource_units_per_minute": _field(
        NETWORK,
        "Resource units a minute",
        "How many of SharePoint's this connection may spend. Default is 1250, those of a small tenant.",
        type=["number", "null"],
    ),
    "user_agent_company": _field(
        NETWORK, "Company", "Yours, for the User-Agent that Microsoft asks for. Default is Airflow."
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
        "password": "the secret's value, not its id; or the certificate's passphrase",
        "host": "only if not the cloud's: https://graph.microsoft.com",
        # 3.3.1 and 3.3.2 test no connection without one: https://github.com/apache/airflow/pull/73298
        "port": "443",
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
                "python-modules": [
                    f"{_PACKAGE}.operators.{module}"
                    for module in ("archive", "copy", "delete", "folder", "list", "move")
                ],
            }
        ],
        "sensors": [{"integration-name": integration, "python-modules": [f"{_PACKAGE}.sensors.copy"]}],
        "extra-links": [f"{_PACKAGE}.links.DriveSourceLink", f"{_PACKAGE}.links.DriveDestinationLink"],
        "triggers": [
            {
                "integration-name": integration,
                "python-modules": [f"{_PACKAGE}.triggers.archive", f"{_PACKAGE}.triggers.copy"],
            }
        ],
    }
