"""The certificates and keys of a local cluster."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID_DAYS = 3650


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files `<name>.crt` and `<name>.key` in one directory."""

    directory: Path
    name: str

    @property
    def certificate(self) -> Path:
        """The PEM file of the certificate."""
        return self.directory / f"{self.name}.crt"

    @property
    def key(self) -> Path:
        """The PEM file of the private key."""
        return self.directory / f"{self.name}.key"


def authority(directory: Path, name: str) -> Pair:
    """Write a certificate authority, unless it is there, and return its pair."""
    pair = Pair(directory, name)
    if not pair.certificate.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"neuron-operator-{name}")])
        builder = _builder(subject, subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        _write(pair, key, builder.sign(key, hashes.SHA256()))
    return pair


def client(authority: Pair, name: str, user: str, groups: Sequence[str] = ()) -> Pair:
    """Write a certificate that names a Kubernetes user and its groups, unless it is there."""
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
    return _issue(authority, name, x509.Name(subject), ExtendedKeyUsageOID.CLIENT_AUTH, [])


def server(authority: Pair, name: str, hosts: Sequence[str], addresses: Sequence[str]) -> Pair:
    """Write a certificate for a server known by `hosts` and IP `addresses`, unless it is there."""
    alternatives: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return _issue(authority, name, subject, ExtendedKeyUsageOID.SERVER_AUTH, alternatives)


def signing_key(path: Path) -> Path:
    """Write the RSA key that signs service account tokens, unless it is there."""
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _write_private(path, _pem(key))
    return path


def _issue(
    authority: Pair,
    name: str,
    subject: x509.Name,
    usage: x509.ObjectIdentifier,
    alternatives: list[x509.GeneralName],
) -> Pair:
    pair = Pair(authority.directory, name)
    if not pair.certificate.exists():
        issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
        issuer_key = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
        if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{authority.key} holds no elliptic-curve key")
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(subject, issuer.subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        _write(pair, key, builder.sign(issuer_key, hashes.SHA256()))
    return pair


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # An hour earlier: the clocks of a machine and its virtual guests differ.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
    )


def _write(pair: Pair, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    # The certificate is written last and whole: where it is, its key is too.
    _write_private(pair.key, _pem(key))
    temporary = pair.certificate.with_suffix(".new")
    temporary.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    temporary.rename(pair.certificate)


def _write_private(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    temporary.rename(path)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
