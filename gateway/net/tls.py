"""TLS contexts of both directions. The only importer of `ssl` besides the transports themselves."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509


@dataclass(frozen=True, slots=True)
class ServerTls:
    """TLS towards clients."""

    cert: Path
    key: Path
    client_ca: Path | None = None
    required: bool = False
    """Clients without TLS are refused."""
    client_cert_required: bool = False
    alpn: str = ""


@dataclass(frozen=True, slots=True)
class ServerContext:
    context: ssl.SSLContext
    certificate: bytes
    """DER of the gateway's own certificate, for channel binding."""
    hash_name: str
    """Hash of its signature; empty where it has none (Ed25519), which channel binding cannot use."""
    required: bool


def server_context(settings: ServerTls) -> ServerContext:
    """Raises OSError, ssl.SSLError or ValueError where the files do not fit."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.cert, settings.key)
    if settings.client_ca is not None:
        context.load_verify_locations(settings.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if settings.client_cert_required else ssl.CERT_OPTIONAL
    if settings.alpn:
        context.set_alpn_protocols([settings.alpn])
    certificate = x509.load_pem_x509_certificates(settings.cert.read_bytes())[0]
    algorithm = certificate.signature_hash_algorithm
    der = ssl.PEM_cert_to_DER_cert(_first_pem(settings.cert.read_text("ascii")))
    return ServerContext(context, der, "" if algorithm is None else algorithm.name, settings.required)


def _first_pem(text: str) -> str:
    start = text.index("-----BEGIN CERTIFICATE-----")
    end = text.index("-----END CERTIFICATE-----", start)
    return text[start : end + len("-----END CERTIFICATE-----")] + "\n"


def expiry(path: Path) -> float:
    """When the first of a file's certificates expires, as Unix time. Raises OSError and ValueError."""
    return min(one.not_valid_after_utc.timestamp() for one in x509.load_pem_x509_certificates(path.read_bytes()))


def client_context(*, verify: bool, check_host: bool, root: Path | None) -> ssl.SSLContext:
    """TLS towards a server. Without `verify` any certificate will do, as libpq's sslmode=require."""
    context = ssl.create_default_context(cafile=None if root is None else str(root))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = verify and check_host
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    return context


def certificate_hash_name(der: bytes) -> str:
    """Name of the hash of a certificate's signature; empty where it has none."""
    algorithm = x509.load_der_x509_certificate(der).signature_hash_algorithm
    return "" if algorithm is None else algorithm.name
