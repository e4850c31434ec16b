"""Reading of every connection field, of this package's type and of type msgraph."""

import json

import pytest
from airflow.providers.common.compat.sdk import Connection
from airflows import not_on_airflow_2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_drive import __version__
from airflow_provider_drive.exceptions import DriveArgumentError, DriveError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.protocol.wire.hosts import CLOUDS
from airflow_provider_drive.settings import DEFAULT_TIMEOUT, Settings, read_settings

PEM = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"
reads_it_itself = not_on_airflow_2("it reads the extra itself, and falls over so deep a one")


def read(extra=None, **fields):
    connection = Connection(
        conn_id="drive_default", conn_type="microsoft_drive", extra=json.dumps(extra or {}), **fields
    )
    return read_settings(connection)


def read_extra(extra):
    return read_settings(Connection(conn_id="drive_default", conn_type="microsoft_drive"), extra)


@pytest.mark.parametrize("conn_type", ["http", "https"])
def test_a_connection_for_http_that_is_given_by_mistake_is_named_as_such(conn_type):
    connection = Connection(conn_id="graph_api", conn_type=conn_type, host="https://graph.microsoft.com")
    with pytest.raises(DriveArgumentError, match=r"graph_api is of type http.*microsoft_d"):
        read_settings(connection)


class TestFields:
    def test_an_empty_connection_has_the_defaults(self):
        message = read()
        assert message == Settings(scopes=("https://graph.microsoft.com/.default",))
        assert (message.hosts.graph, message.hosts.allowed) == ("https://graph.microsoft.com", ())
        assert message.authority == "https://login.microsoftonline.com"
        assert (message.timeout, message.verify, message.proxies) == (DEFAULT_TIMEOUT, None, ())
        assert DEFAULT_TIMEOUT == 30
        assert message.user_agent == f"NONISV|Airflow|airflow-provider-drive/{__version__}"
        assert message.is_known_authority
        assert not message.missing

    def test_login_and_password_are_client_id_and_client_secret(self):
        message = read(login="client", password="secret")
        assert (message.client_id, message.client_secret) == ("client", "secret")

    @pytest.mark.parametrize(
        ("key", "value", "name", "expected"),
        [
            ("tenant_id", "contoso.com", "tenant_id", "contoso.com"),
            ("tenant_id", " contoso.com ", "tenant_id", "contoso.com"),
            ("tenantId", "contoso.com", "tenant_id", "contoso.com"),
            ("auth_type", "certificate", "auth_type", "certificate"),
            ("certificate_path", "/etc/drive.pem", "certificate_path", "/etc/drive.pem"),
            ("private_key", PEM, "private_key", PEM.strip()),
            ("certificate_data", PEM, "private_key", PEM.strip()),
            ("thumbprint", "AB:CD", "thumbprint", "AB:CD"),
            ("send_certificate_chain", True, "send_certificate_chain", True),
            ("send_certificate_chain", "true", "send_certificate_chain", True),
            ("send_certificate_chain", None, "send_certificate_chain", False),
            ("federated_token_file", "/var/run/token", "federated_token_file", "/var/run/token"),
            ("refresh_token", "0.AX", "refresh_token", "0.AX"),
            ("refresh_token_variable", "drive_token", "refresh_token_variable", "drive_token"),
            (
                "scopes",
                "https://graph.microsoft.com/.default",
                "scopes",
                ("https://graph.microsoft.com/.default",),
            ),
            ("scopes", "a, b,,c ", "scopes", ("a", "b", "c")),
            ("scopes", ["a", " b "], "scopes", ("a", "b")),
            ("scopes", "", "scopes", ("https://graph.microsoft.com/.default",)),
            ("verify", True, "verify", True),
            ("verify", False, "verify", False),
            ("verify", "False", "verify", False),
            ("verify", " true ", "verify", True),
            ("verify", "/etc/ca.pem", "verify", "/etc/ca.pem"),
            ("verify", None, "verify", None),
            ("verify", "", "verify", None),
            (
                "proxies",
                {"https": "http://p:1", "http": "http://q:2"},
                "proxies",
                (("http", "http://q:2"), ("https", "http://p:1")),
            ),
            ("proxies", '{"https": "http://p:1"}', "proxies", (("https", "http://p:1"),)),
            ("proxies", "{'https': 'http://p:1'}", "proxies", (("https", "http://p:1"),)),
            ("proxies", "{}", "proxies", ()),
            ("proxies", "null", "proxies", ()),
            ("proxies", "", "proxies", ()),
            ("timeout", 5, "timeout", 5.0),
            ("timeout", "7.5", "timeout", 7.5),
            ("timeout", "", "timeout", DEFAULT_TIMEOUT),
            ("timeout", None, "timeout", DEFAULT_TIMEOUT),
            (
                "user_agent_company",
                "Contoso",
                "user_agent",
                f"NONISV|Contoso|airflow-provider-drive/{__version__}",
            ),
            ("authority", "https://login.contoso.example/", "authority", "https://login.contoso.example"),
            ("authority", "login.microsoftonline.com", "authority", "https://login.microsoftonline.com"),
        ],
    )
    def test_each_extra_is_read(self, key, value, name, expected):
        assert getattr(read({key: value}), name) == expected

    @pytest.mark.parametrize(
        "value",
        [
            ["Drive.Contoso.example", "127.0.0.1:8443"],
            "drive.contoso.example,127.0.0.1:8443",
            " Drive.contoso.example , , 127.0.0.1:8443 ",
        ],
    )
    def test_allowed_hosts_are_a_list_or_a_comma_separated_string(self, value):
        assert read({"allowed_hosts": value}).hosts.allowed == ("drive.contoso.example", "127.0.0.1:8443")

    def test_this_packages_field_names_take_precedence_over_those_of_msgraph(self):
        message = read({"tenant_id": "a", "tenantId": "b", "private_key": "c", "certificate_data": "d"})
        assert (message.tenant_id, message.private_key) == ("a", "c")

    @pytest.mark.parametrize("name", CLOUDS)
    def test_a_cloud_sets_authority_endpoint_scope_and_hosts(self, name):
        message = read({"cloud": name})
        cloud = CLOUDS[name]
        assert message.authority == cloud.authority
        assert message.hosts.graph == cloud.graph
        assert message.hosts.suffixes == cloud.suffixes
        assert message.scopes == (f"{cloud.graph}/.default",)
        assert message.is_known_authority

    @pytest.mark.parametrize(
        ("host", "schema", "graph"),
        [
            (None, None, "https://graph.microsoft.com"),
            ("", "", "https://graph.microsoft.com"),
            ("https://graph.microsoft.us", None, "https://graph.microsoft.us"),
            ("https://graph.microsoft.us/", None, "https://graph.microsoft.us"),
            ("https://graph.microsoft.com/v1.0", None, "https://graph.microsoft.com"),
            ("https://graph.microsoft.com/beta/", None, "https://graph.microsoft.com"),
            ("graph.microsoft.com", "https", "https://graph.microsoft.com"),
            ("graph.microsoft.com", None, "https://graph.microsoft.com"),
            ("graph.microsoft.com:443", "https", "https://graph.microsoft.com"),
            (" https://GRAPH.microsoft.com ", None, "https://graph.microsoft.com"),
            ("https://127.0.0.1:44321", None, "https://127.0.0.1:44321"),
            ("https://[::1]:44321", None, "https://[::1]:44321"),
            ("localhost:44321", "https", "https://localhost:44321"),
        ],
    )
    def test_a_host_overrides_graphs_address(self, host, schema, graph):
        message = read(host=host, schema=schema)
        assert message.hosts.graph == graph
        assert message.hosts.root == f"{graph}/v1.0"
        assert message.scopes == (f"{graph}/.default",)
        assert message.hosts.is_graph(f"{graph}/v1.0/me")

    def test_the_authorities_of_microsofts_clouds_are_known(self):
        assert not read({"authority": "https://127.0.0.1:44321"}).is_known_authority
        assert read({"authority": "https://login.microsoftonline.us"}).is_known_authority

    def test_an_msgraph_connection_is_read(self):
        message = read_settings(
            Connection(
                conn_id="msgraph_default",
                conn_type="msgraph",
                host="graph.microsoft.com",
                schema="https",
                login="client",
                password="secret",
                extra=json.dumps(
                    {
                        "tenant_id": "contoso.com",
                        "api_version": "v1.0",
                        "authority": "login.microsoftonline.com",
                        "scopes": "https://graph.microsoft.com/.default",
                        "verify": "True",
                        "proxies": "{'https': 'http://proxy:3128'}",
                        "allowed_hosts": "graph.microsoft.com,contoso.sharepoint.com",
                        "disable_instance_discovery": False,
                    }
                ),
            )
        )
        assert message == Settings(
            hosts=type(message.hosts)(allowed=("graph.microsoft.com", "contoso.sharepoint.com")),
            tenant_id="contoso.com",
            client_id="client",
            client_secret="secret",
            scopes=("https://graph.microsoft.com/.default",),
            verify=True,
            proxies=(("https", "http://proxy:3128"),),
        )

    def test_an_extra_passed_as_argument_is_used_instead_of_the_connections(self):
        connection = Connection(
            conn_id="drive_default", conn_type="microsoft_drive", extra='{"tenant_id": "a"}'
        )
        assert read_settings(connection, {"tenant_id": "b"}).tenant_id == "b"
        assert read_settings(connection, {}).tenant_id == ""


class TestRefusals:
    @pytest.mark.parametrize(
        ("extra", "name"),
        [
            *(
                ({key: value}, key)
                for key in (
                    *("tenant_id", "tenantId", "auth_type", "certificate_path", "private_key", "thumbprint"),
                    *("certificate_data", "cloud", "authority", "user_agent_company"),
                    *("federated_token_file", "refresh_token", "refresh_token_variable"),
                )
                for value in (5, True, ["x"], {"x": "y"})
            ),
            *(
                ({key: value}, key)
                for key in ("scopes", "allowed_hosts")
                for value in (5, True, {"a": 1}, [5], [None])
            ),
            *(({"verify": value}, "verify") for value in (5, 0, 1.5, [], {})),
            *(
                ({"proxies": value}, "proxies")
                for value in (
                    5,
                    True,
                    ["x"],
                    {"https": 5},
                    "http://p:1",
                    "[1]",
                    "5",
                    "{'https': 5}",
                    "{[]: 1}",
                )
            ),
            *(
                ({"timeout": value}, "timeout")
                for value in (0, -1, "0", "soon", "nan", "inf", 1e10, 10**400, [], {}, [5], "1e999", False)
            ),
            ({"cloud": "mars"}, "cloud"),
            ({"user_agent_company": "Con\ntoso"}, "user_agent_company"),
            ({"user_agent_company": "Käse"}, "user_agent_company"),
        ],
    )
    def test_an_invalid_field_is_named(self, extra, name):
        with pytest.raises(DriveArgumentError, match=f"^Invalid `{name}` in the connection: ") as raised:
            read_extra(extra)
        assert not raised.value.retryable

    def test_an_unknown_cloud_raises_an_error_that_lists_the_clouds(self):
        with pytest.raises(DriveArgumentError, match="one of global, usgov, dod, china, got 'mars'"):
            read({"cloud": "mars"})

    @pytest.mark.parametrize(
        "extra",
        ["[1]", '"text"', "5", "null", pytest.param("[" * 100_000, marks=reads_it_itself)],
        ids=lambda extra: extra[:6],
    )
    def test_an_extra_that_is_not_a_json_object_is_refused(self, extra):
        connection = Connection(conn_id="drive_default", conn_type="microsoft_drive", extra=extra)
        with pytest.raises(DriveArgumentError, match="`extra` in the connection: must be a JSON object"):
            read_settings(connection)

    @pytest.mark.parametrize(
        "address",
        [
            "http://graph.microsoft.com",
            "ftp://graph.microsoft.com",
            "https://graph.microsoft.com/v2.0",
            "https://graph.microsoft.com/x/y",
            "https://graph.microsoft.com?x=1",
            "https://graph.microsoft.com#x",
            "https://ann@graph.microsoft.com",
            "https://ann:pw@graph.microsoft.com",
            "https://graph.microsoft.com:x",
            "https://graph.microsoft.com:99999",
            "https://[graph",
            "/v1.0",
        ],
    )
    def test_an_address_with_more_than_https_host_and_port_is_refused(self, address):
        with pytest.raises(DriveArgumentError, match="`host` in the connection: must be an address"):
            read(host=address)
        with pytest.raises(DriveArgumentError, match="`authority` in the connection: must be an address"):
            read({"authority": address})

    @pytest.mark.parametrize(
        "host", ["https://a b", "https://gräph.example", "https://a\\b", "https://a%2fb", "https://", "http:"]
    )
    def test_an_invalid_host_name_is_refused(self, host):
        with pytest.raises(DriveArgumentError, match="`host` in the connection"):
            read(host=host)

    @pytest.mark.parametrize(
        ("host", "port", "graph"),
        [
            (None, 443, "https://graph.microsoft.com"),
            ("https://localhost", 44321, "https://localhost:44321"),
            ("https://localhost:44321", 443, "https://localhost:44321"),
            ("https://localhost", 0, "https://localhost"),
            ("localhost", None, "https://localhost"),
        ],
    )
    def test_the_connections_port_applies_unless_the_host_has_one(self, host, port, graph):
        assert read(host=host, port=port).hosts.graph == graph

    def test_a_host_without_tls_is_refused(self):
        with pytest.raises(DriveArgumentError, match="Tokens are never sent over plain http"):
            read(host="graph.microsoft.com", schema="http")


EXTRA = {
    "private_key": PEM,
    "refresh_token": "0.secret",
    "proxies": {"https": "http://ann:secret@proxy:3128"},
    "tenant_id": "contoso.com",
}


class TestSecrets:
    def test_secrets_are_not_in_the_repr(self):
        message = read(EXTRA, login="client", password="secret")
        assert "secret" not in repr(message)
        assert "secret" not in str(message)
        assert "contoso.com" in repr(message)

    @pytest.mark.parametrize(
        "extra",
        [
            {"private_key": ["secret"]},
            {"certificate_data": {"x": "secret"}},
            {"proxies": ["http://ann:secret@proxy:3128"]},
            {"proxies": "http://ann:secret@proxy:3128"},
            {"scopes": {"secret": 1}},
            {"authority": "https://ann:secret@login.microsoftonline.com"},
        ],
    )
    def test_errors_about_fields_quote_no_secrets(self, extra):
        with pytest.raises(DriveArgumentError) as raised:
            read(extra, password="secret")
        assert "secret" not in str(raised.value)

    def test_settings_are_hashable(self):
        assert len({read(EXTRA), read(EXTRA), read()}) == 2


KEYS = st.sampled_from(
    [
        *("tenant_id", "tenantId", "auth_type", "certificate_path", "private_key", "certificate_data"),
        *("thumbprint", "cloud", "authority", "scopes", "verify", "proxies", "allowed_hosts", "timeout"),
        *("user_agent_company", "disable_instance_discovery", "send_certificate_chain"),
        *("federated_token_file", "refresh_token", "refresh_token_variable"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([*CLOUDS, "1", "https://a.b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_extra_is_read_or_refused(extra):
    try:
        message = read_extra(extra)
    except DriveError as error:
        assert not error.retryable  # noqa: PT017  # either is right
        return
    assert hash(message) is not None
    assert 0 < message.timeout < float("inf")
    assert message.hosts.graph.startswith("https://")
    assert message.authority.startswith("https://")
    message.user_agent.encode("ascii")


@settings(deadline=None)
@example("_", None)
@example("https://-a", None)
@given(st.text() | st.text("ab.-_:[]@/1"), st.sampled_from([None, "https"]))
def test_any_host_is_https_or_refused(host, schema):
    try:
        message = read_settings(
            Connection(conn_id="x", conn_type="microsoft_drive", host=host, schema=schema), {}
        )
    except DriveArgumentError:
        return
    assert message.hosts.graph.startswith("https://")
    assert message.hosts.is_graph(f"{message.hosts.graph}/v1.0/me")


class TestIgnoredExtras:
    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("tenant", "tenant_id"),
            ("tennant_id", "tenant_id"),
            ("Tenant-ID", "tenant_id"),
            ("extra__microsoft_drive__tenant_id", "tenant_id"),
            ("extra__msgraph__verify", "verify"),
            ("extra__microsoft_drive__resource_units", "resource_units_per_minute"),
            ("allowed_host", "allowed_hosts"),
            ("cert_path", "certificate_path"),
            ("client_id", "login"),
            ("client_secret", "password"),
        ],
    )
    def test_a_name_that_nothing_reads_is_told_with_the_nearest_known_one(self, name, meant):
        (warning,) = read({name: "x"}).warnings
        assert warning == f"The connection's extra `{name}` is ignored. Did you mean `{meant}`?"

    @pytest.mark.parametrize(
        ("name", "meant"), [("clientSecret", "password"), ("secret", "password"), ("clientID", "login")]
    )
    def test_another_packages_name_of_a_standard_field_is_known_in_any_spelling(self, name, meant):
        (warning,) = read({name: "x"}).warnings
        assert warning.endswith(f"Did you mean `{meant}`?")

    def test_a_long_name_is_cut_off(self):
        (warning,) = read({"n" * 5_000: "x"}).warnings
        assert len(warning) < 300

    def test_a_name_that_is_like_none_refers_to_the_list_of_all(self):
        (warning,) = read({"webhook": "x"}).warnings
        assert warning.endswith("The connection's reference lists all names.")

    def test_the_value_of_an_ignored_extra_is_not_told(self):
        assert "very secret" not in str(read({"pass_word": "very secret"}).warnings)

    @pytest.mark.parametrize("name", ["api_version", "base_url", "drive_id", "trust_env"])
    def test_the_extras_of_the_stock_type_are_ignored_silently(self, name):
        fields = {"conn_id": "stock", "conn_type": "msgraph", "extra": json.dumps({name: "x"})}
        assert read_settings(Connection(**fields)).warnings == ()

    def test_a_name_that_is_read_is_not_told(self):
        names = ("tenant_id", "tenantId", "certificate_data", "disable_instance_discovery", "cloud")
        assert read(dict.fromkeys(names)).warnings == ()


def test_a_task_logs_the_extras_that_are_ignored(connect, log, tenant, plan, ids):
    DriveHook(connect(tennant_id="x")).get_item(ids(plan))
    assert log.has("`tennant_id` is ignored. Did you mean `tenant_id`?")


def test_the_test_of_a_connection_tells_the_extras_that_are_ignored(connect):
    is_fine, told = DriveHook(connect(extra__microsoft_drive__timeout="5")).test_connection()
    assert is_fine
    assert told.endswith("`extra__microsoft_drive__timeout` is ignored. Did you mean `timeout`?")


@pytest.mark.parametrize("name", ["send_certificate_chain"])
@pytest.mark.parametrize("value", ["yes", 1, "1", [], "on"])
def test_a_flag_that_is_neither_true_nor_false_is_refused(name, value):
    with pytest.raises(DriveArgumentError, match=f"Invalid `{name}`.*must be true or false"):
        read({name: value})


@pytest.mark.parametrize("value", ["https://files.example.com/", "*.example.com", ["a.example.com", "b c"]])
def test_an_allowed_host_that_is_no_host_name_is_refused_since_it_would_allow_nothing(value):
    with pytest.raises(DriveArgumentError, match=r"Invalid `allowed_hosts`.*files\.example\.com, without"):
        read({"allowed_hosts": value})


@pytest.mark.parametrize("name", ["timeout", "resource_units_per_minute"])
def test_a_boolean_is_no_number(name):
    with pytest.raises(DriveArgumentError, match=f"Invalid `{name}`"):
        read({name: True})
