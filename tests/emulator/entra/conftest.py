import msal
import pytest


@pytest.fixture
def http(graph):
    """An HTTP session without a token."""
    graph.session.headers.clear()
    return graph.session


@pytest.fixture
def post_form(emulator, tenant, http):
    """Post a form to an endpoint of the authority."""

    def post(endpoint, name=None, **form):
        form = {"client_id": tenant.client_id, **form}
        url = f"{emulator.url}/{name or tenant.tenant_id}/oauth2/v2.0/{endpoint}"
        return http.post(url, data={key: value for key, value in form.items() if value is not None})

    return post


@pytest.fixture
def log_in(emulator, tenant, http):
    """Request an application's token with MSAL."""

    def log_in(credential, name=None, client_id=None, **options):
        authority = f"{emulator.url}/{name or tenant.tenant_id}"
        app = msal.ConfidentialClientApplication(
            client_id or tenant.client_id,
            client_credential=credential,
            authority=authority,
            http_client=http,
            **{"instance_discovery": False, **options},
        )
        return app.acquire_token_for_client(["https://graph.microsoft.com/.default"])

    return log_in
