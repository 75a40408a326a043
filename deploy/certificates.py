"""TLS certificates for servers of one's own network: an authority, and a certificate below it for each server.

    python deploy/certificates.py FOLDER north=north.example.org,127.0.0.1 south=south.example.org

makes FOLDER/ca.pem, which everybody may have; FOLDER/ca.key, which nobody needs but this program; and
FOLDER/NAME/{certificate,key}.pem for each server, the key readable to its owner alone. Run it again to renew: the
authority stays while it is good for longer than what it signs, and each server's certificate is made anew. Servers on
the open Internet take a certificate that browsers know instead (docs/howto/deploy.md). It needs `cryptography`.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
"""What browsers accept at most, rounded down."""
_BEFORE = timedelta(minutes=5)  # clocks differ


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="An authority, and a certificate below it for each server.")
    parser.add_argument("folder", type=Path, help="where they go")
    parser.add_argument("servers", nargs="+", metavar="NAME=HOST,HOST", help="a server, its host names and addresses")
    parser.add_argument("--days", type=int, default=SERVER_DAYS, help="how long servers' certificates are good")
    asked = parser.parse_args(arguments)
    now = datetime.now(UTC)
    servers = {}
    for text in asked.servers:
        name, _, hosts = text.partition("=")
        if not name.replace("-", "").isalnum() or not hosts or not all(hosts.split(",")):
            parser.error(f"expected NAME=HOST,HOST, got {text!r}")
        servers[name] = [_host(one) for one in hosts.split(",")]
    certificate, key = authority(asked.folder, now, timedelta(days=asked.days))
    for name, hosts in servers.items():
        serve(asked.folder / name, hosts, certificate, key, now, timedelta(days=asked.days))
        print(asked.folder / name / "certificate.pem")
    return 0


def authority(folder: Path, now: datetime, lives: timedelta) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The authority in the folder, made where there is none or it would end before what it signs now."""
    place, secret = folder / "ca.pem", folder / "ca.key"
    if place.exists() and secret.exists():
        found = x509.load_pem_x509_certificate(place.read_bytes())
        key = serialization.load_pem_private_key(secret.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != found.public_key():
            raise SystemExit(f"certificates: {secret} is not the key of {place}; move both away to begin anew")
        if found.not_valid_after_utc >= now + lives:
            return found, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Bailee servers, from {now:%Y-%m-%d}")])
    made = (
        _begun(name, name, key, now, max(timedelta(days=AUTHORITY_DAYS), lives))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    _write(secret, _private(key), 0o600)
    _write(place, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return made, key


def serve(
    folder: Path,
    hosts: list[x509.GeneralName],
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    lives: timedelta,
) -> None:
    """A server's key and certificate, in a folder of its own. The certificate is in place before an old one goes."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
    made = (
        _begun(name, authority.subject, own, now, lives)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "key.pem", _private(own), 0o600)
    _write(folder / "certificate.pem", made.public_bytes(serialization.Encoding.PEM), 0o644)


def _begun(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, lives: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + lives)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(place: Path, data: bytes, mode: int) -> None:
    """At once or not at all, never readable to more than `mode` says."""
    draft = place.with_name(place.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    draft.replace(place)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
