"""The certificates of a local cluster."""

from pathlib import Path

from cluster import certificates
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _load(pair: certificates.Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def test_a_client_certificate_names_the_user_and_the_groups(tmp_path: Path) -> None:
    authority = certificates.authority(tmp_path, "ca")
    pair = certificates.client(authority, "node-0", "system:node:node-0", ["system:nodes"])
    subject = _load(pair).subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [
        "system:node:node-0"
    ]
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == [
        "system:nodes"
    ]


def test_what_an_authority_issues_is_signed_by_it_and_by_no_other(tmp_path: Path) -> None:
    authority = certificates.authority(tmp_path, "ca")
    other = certificates.authority(tmp_path, "front-proxy-ca")
    issued = _load(certificates.client(authority, "admin", "admin"))
    issued.verify_directly_issued_by(_load(authority))
    assert issued.issuer != _load(other).subject


def test_a_server_certificate_carries_its_hosts_and_addresses(tmp_path: Path) -> None:
    authority = certificates.authority(tmp_path, "ca")
    certificate = _load(certificates.server(authority, "apiserver", ["kubernetes"], ["10.213.0.1"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["kubernetes"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.213.0.1"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_a_certificate_that_is_there_is_kept(tmp_path: Path) -> None:
    authority = certificates.authority(tmp_path, "ca")
    first = certificates.client(authority, "admin", "admin").certificate.read_bytes()
    again = certificates.authority(tmp_path, "ca")
    assert certificates.client(again, "admin", "admin").certificate.read_bytes() == first


def test_private_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    authority = certificates.authority(tmp_path, "ca")
    certificates.client(authority, "admin", "admin")
    certificates.signing_key(tmp_path / "service-account.key")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")}
    assert modes == {"ca.key": 0o600, "admin.key": 0o600, "service-account.key": 0o600}
