import pytest

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.emulator.entra.errors import ERRORS


@pytest.mark.parametrize("code", ERRORS)
def test_a_fault_with_a_code_answers_with_the_error_of_entra_id(post_form, tenant, code):
    name = f"AADSTS{code}" if isinstance(code, int) else code
    tenant.faults.append(Fault("POST", where="token", code=name))
    response = post_form("token", grant_type="client_credentials")
    body = response.json()
    assert response.status_code == ERRORS[code].status
    assert body["error"] == ERRORS[code].error
    if isinstance(code, int):
        assert body["error_codes"] == [code]
        assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert "{" not in body["error_description"]
    assert {"timestamp", "trace_id", "correlation_id"} <= set(body)
