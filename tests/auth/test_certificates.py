"""Certificates: PEM or PFX, from a path or inline, with and without a passphrase; and their errors."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import base64
import datetime as dt

import jwt
import pytest
from auth.keys import Certificate
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_provider_drive.exceptions import DriveAuthError

PASSPHRASE = "correct horse battery staple"
OLD_FORM = serialization.PrivateFormat.TraditionalOpenSSL


@pytest.fixture
def shown(forms):
    """The last assertion sent to the authority: its header and claims."""

    def tell():
        assertion = forms()[-1]["client_assertion"]
        claims = jwt.decode(assertion, options={"verify_signature": False})
        return jwt.get_unverified_header(assertion), claims

    return tell


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "path"])
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["plain", "encrypted"])
@pytest.mark.parametrize("form", ["pem", "old pem", "certificate first", "pfx"])
def test_a_certificate_logs_in(connect, read, registered, tmp_path, inline, passphrase, form):
    content = {
        "pem": lambda: registered.key_pem(passphrase) + registered.pem,
        "old pem": lambda: registered.key_pem(passphrase, OLD_FORM) + registered.pem,
        "certificate first": lambda: registered.pem + registered.key_pem(passphrase),
        "pfx": lambda: registered.pfx(passphrase),
    }[form]()
    if inline:
        text = base64.b64encode(content).decode() if form == "pfx" else content
        connect(password=passphrase, private_key=text)
    else:
        path = tmp_path / "drive"
        path.write_bytes(content if form == "pfx" else content.encode())
        connect(password=passphrase, certificate_path=str(path))

    assert read() == "plan.txt"


@pytest.mark.parametrize("gap", ["", " ", "\\n", "\\r\\n", "\r\n"], ids=repr)
def test_a_pem_without_line_breaks_logs_in(connect, read, registered, gap):
    connect(password="", private_key=(registered.key_pem() + registered.pem).replace("\n", gap))

    assert read() == "plan.txt"


def test_an_assertion_has_the_header_and_claims_that_microsoft_documents(
    connect, read, registered, tenant, emulator, shown
):
    connect(password="", private_key=registered.key_pem() + registered.pem)
    read()
    header, claims = shown()

    digest = registered.certificate.fingerprint(hashes.SHA256())
    thumbprint = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert header.pop("x5t#S256").rstrip("=") == thumbprint
    assert header == {"alg": "PS256", "typ": "JWT"}
    assert claims["aud"] == f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    assert claims["iss"] == claims["sub"] == tenant.client_id
    assert 0 < claims["exp"] - claims["iat"] <= 600
    assert claims["jti"]


@pytest.mark.parametrize(
    ("digest", "expected", "algorithm"), [(hashes.SHA1, "x5t", "RS256"), (hashes.SHA256, "x5t#S256", "PS256")]
)
def test_a_thumbprint_replaces_the_certificate(connect, read, registered, shown, digest, expected, algorithm):
    digits = registered.certificate.fingerprint(digest()).hex(":").upper()
    connect(password="", private_key=registered.key_pem(), thumbprint=digits)

    assert read() == "plan.txt"
    header, _ = shown()
    assert (header["alg"], set(header)) == (algorithm, {"alg", "typ", expected})


# Subject name and issuer


@pytest.fixture(scope="module")
def authority():
    """A root certificate and an issuer below it."""
    return Certificate("issuer", Certificate("root"))


@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_a_renewed_certificate_with_a_trusted_subject_name_logs_in_with_its_chain(
    connect, read, tenant, authority, shown, form, tmp_path
):
    tenant.trust_name("archive.contoso.com", authority.issuer.pem.encode())
    renewed = Certificate("archive.contoso.com", authority)
    path = tmp_path / "drive"
    path.write_bytes(renewed.pfx() if form == "pfx" else (renewed.key_pem() + renewed.chain).encode())
    connect(password="", certificate_path=str(path), send_certificate_chain=True)

    assert read() == "plan.txt"
    header, _ = shown()
    certificates = [renewed.certificate, authority.certificate]
    assert header["x5c"] == [
        base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode() for one in certificates
    ]


def test_a_trusted_subject_name_is_refused_without_the_certificate_chain(connect, read, tenant, authority):
    tenant.trust_name("archive.contoso.com", authority.issuer.pem.encode())
    renewed = Certificate("archive.contoso.com", authority)
    connect(password="", private_key=renewed.key_pem() + renewed.chain)

    with pytest.raises(DriveAuthError, match=r"AADSTS700027.*certificate_path"):
        read()


def test_an_untrusted_subject_name_is_refused(connect, read, tenant, authority):
    tenant.trust_name("archive.contoso.com", authority.issuer.pem.encode())
    other = Certificate("other.contoso.com", authority)
    connect(password="", private_key=other.key_pem() + other.chain, send_certificate_chain="true")

    with pytest.raises(DriveAuthError, match="AADSTS700030"):
        read()


def test_a_trusted_subject_name_of_another_issuer_is_refused(connect, read, tenant, authority):
    tenant.trust_name("archive.contoso.com", authority.issuer.pem.encode())
    forged = Certificate("archive.contoso.com", Certificate("issuer", Certificate("root")))
    connect(password="", private_key=forged.key_pem() + forged.chain, send_certificate_chain=True)

    with pytest.raises(DriveAuthError, match="AADSTS700030"):
        read()


# Errors


def test_an_expired_certificate_raises_an_error_that_says_so(connect, read, tenant):
    expired = Certificate(ends_in=dt.timedelta(minutes=-1))
    tenant.register_certificate(expired.pem)
    connect(password="", private_key=expired.key_pem() + expired.pem)

    with pytest.raises(DriveAuthError, match=r"AADSTS700027.*expired.*certificate_path"):
        read()


@pytest.mark.parametrize("form", ["pem", "pfx", "pfx in base64"])
def test_a_wrong_passphrase_raises_an_error_that_does_not_quote_it(
    connect, read, helpers, asked, registered, tmp_path, form
):
    pem = registered.key_pem(PASSPHRASE) + registered.pem
    (tmp_path / "drive").write_bytes(pem.encode() if form == "pem" else registered.pfx(PASSPHRASE))
    place = {"certificate_path": str(tmp_path / "drive")}
    if form == "pfx in base64":
        place = {"private_key": base64.b64encode(registered.pfx(PASSPHRASE)).decode()}
    connect(password="not-the-passphrase", **place)

    with pytest.raises(
        DriveAuthError, match=r"Cannot read.*passphrase in the connection's password"
    ) as caught:
        read()

    assert "not-the-passphrase" not in helpers.told(caught.value)
    assert asked() == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            lambda own: {"private_key": own.key_pem(PASSPHRASE) + own.pem},
            "encrypted: set the connection's password",
        ),
        (lambda own: {"private_key": own.pem}, "contains no private key"),
        (lambda own: {"private_key": own.key_pem()}, "add the certificate or set thumbprint"),
        (
            lambda own: {"private_key": own.key_pem() + Certificate().pem},
            "add the certificate or set thumbprint",
        ),
        (lambda own: {"private_key": own.key_pem(), "thumbprint": "AB:CD"}, "Invalid `thumbprint`"),
        (lambda _: {"private_key": "neither PEM nor base64"}, "Invalid `private_key`"),
        (lambda _: {"private_key": "bm8gUEZYIGF0IGFsbA=="}, "it is neither PEM nor PFX"),
        (
            lambda own: {"private_key": _broken(own.key_pem()) + own.pem},
            "Cannot read the connection's private key",
        ),
        (
            lambda own: {"private_key": own.key_pem() + _broken(own.pem)},
            "Cannot read the connection's certificate",
        ),
        (lambda _: {"private_key": _elliptic()}, "not RSA"),
        (lambda _: {"auth_type": "certificate"}, "no certificate_path or private_key"),
        (lambda _: {"certificate_path": "/no/such/file"}, "Cannot read the connection's certificate_path"),
    ],
)
def test_an_unusable_certificate_raises_an_error_before_any_request(
    connect, read, asked, registered, fields, expected
):
    connect(**{"password": "", **fields(registered)})

    with pytest.raises(DriveAuthError, match=expected):
        read()

    assert asked() == []


def _broken(pem):
    head, body, *rest = pem.splitlines()
    return "\n".join([head, body[::-1], *rest]) + "\n"


def _elliptic():
    key = ec.generate_private_key(ec.SECP256R1())
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()
