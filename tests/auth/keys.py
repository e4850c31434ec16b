"""Private keys and certificates for tests, in each supported form."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

HOUR = dt.timedelta(hours=1)


class Certificate:
    """
    A key and its certificate.

    :param issuer: Who signs it. Default is itself.
    """

    def __init__(self, name="drive", issuer=None, *, ends_in=HOUR, key=None):
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issuer = issuer or self
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        above = subject if issuer is None else issuer.certificate.subject
        now = dt.datetime.now(dt.UTC)
        self.certificate = (
            x509.CertificateBuilder(above, subject, self.key.public_key(), x509.random_serial_number())
            .not_valid_before(now - 2 * HOUR)
            .not_valid_after(now + ends_in)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.issuer.key, hashes.SHA256())
        )
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def chain(self):
        """The PEMs of what is above it, but the root's."""
        above = "" if self.issuer in {self, self.issuer.issuer} else self.issuer.pem
        return self.pem + above

    def key_pem(self, passphrase=None, form=serialization.PrivateFormat.PKCS8):
        kind = (
            serialization.BestAvailableEncryption(passphrase.encode())
            if passphrase
            else serialization.NoEncryption()
        )
        return self.key.private_bytes(serialization.Encoding.PEM, form, kind).decode()

    def pfx(self, passphrase=None):
        kind = (
            serialization.BestAvailableEncryption(passphrase.encode())
            if passphrase
            else serialization.NoEncryption()
        )
        above = None if self.issuer in {self, self.issuer.issuer} else [self.issuer.certificate]
        return pkcs12.serialize_key_and_certificates(b"drive", self.key, self.certificate, above, kind)

    @property
    def public_pem(self):
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, form)
