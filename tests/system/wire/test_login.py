"""Who gets in, what he is told when he does not, and TLS in all its openings."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.postgres.pool.pool import PoolRules
from adapters.postgres.server import ServerLimits
from adapters.postgres.wire import auth, startup
from adapters.postgres.wire.scram import Mock, make_verifier
from gateway.net.crowd import CrowdRules
from gateway.net.tls import ServerTls
from tests.support.rawpg import RawClient, query
from tests.support.stub_planner import StubPlanner
from tests.system.wire.conftest import PASSWORD, GatewayThread, StartGateway


def refused(gateway: GatewayThread, user: str = "tester", password: str = PASSWORD, database: str = "app",
            **parameters: str) -> dict[str, str]:  # fmt: skip
    with RawClient(gateway.port) as c:
        with pytest.raises(PermissionError):
            c.login(user, password, database, **parameters)
        assert c.receive() is None
        assert c.errors[0]["S"] == "FATAL"
        return c.errors[0]


def test_wrong_password_and_unknown_user_look_the_same(gateway: GatewayThread) -> None:
    wrong = refused(gateway, password="wrong")
    unknown = refused(gateway, user="nobody")
    assert wrong["C"] == unknown["C"] == "28P01"
    assert wrong["M"].replace("tester", "?") == unknown["M"].replace("nobody", "?")
    assert gateway.observer.events.count(("login_failed", "app", "password")) == 2
    assert len(gateway.trail.find('"event":"login_failed"', '"reason":"password"')) == 2


def test_unknown_user_gets_the_same_salt_each_time(gateway: GatewayThread) -> None:
    salts = [server_first(gateway, user)[1] for user in ("ghost", "ghost", "ghost2")]
    assert salts[0] == salts[1] != salts[2]


def server_first(gateway: GatewayThread, user: str) -> list[bytes]:
    """The attributes of SCRAM's server-first-message: nonce, salt, rounds."""
    with RawClient(gateway.port) as c:
        c.send(startup.encode_startup({"user": user, "database": "app"}))
        c.receive()
        c.send(auth.encode_initial_response("SCRAM-SHA-256", b"n,,n=,r=abc"))
        found = c.receive()
        assert found is not None
        return found[1].split(b",")


def test_an_unknown_user_gets_the_rounds_of_real_ones(start_gateway: StartGateway) -> None:
    gateway = start_gateway(mock=Mock(b"s" * 32, lambda: {9000: 1}))
    verifier = make_verifier(PASSWORD, b"0123456789abcdef", 9000)
    gateway.people["tester"] = replace(gateway.people["tester"], verifier=verifier)
    known, unknown = server_first(gateway, "tester"), server_first(gateway, "nobody")
    assert known[2] == unknown[2] == b"i=9000"
    assert [len(part) for part in known] == [len(part) for part in unknown]


@pytest.mark.parametrize(
    ("parameters", "sqlstate"),
    [
        ({"replication": "database"}, "42501"),
        ({"options": "-c menshen.purpose=forbidden"}, "42501"),
        ({"session_authorization": "postgres"}, "42501"),
        ({"options": "-c standard_conforming_strings=off"}, "42501"),
        ({"client_encoding": "GBK"}, "0A000"),
        ({"client_encoding": "SQL_ASCII"}, "0A000"),
    ],
)
def test_startup_parameters_that_are_refused(
    restricted: GatewayThread, parameters: dict[str, str], sqlstate: str
) -> None:
    error = refused(restricted, **parameters)
    assert error["C"] == sqlstate
    assert error["H"]


def test_startup_parameters_that_pass(restricted: GatewayThread) -> None:
    with restricted.raw(
        options="-c statement_timeout=12345 --lock-timeout=7s -c menshen.purpose=support",
        application_name="crm", client_encoding="'utf-8'", search_path='"My, Schema", public',
    ) as c:  # fmt: skip
        c.talk(query("SHOW statement_timeout"), "T D:12345ms C Z:I")
        c.talk(query("SHOW lock_timeout"), "T D:7s C Z:I")
        c.talk(query("SHOW application_name"), "T D:crm C Z:I")
        c.talk(query("SELECT v FROM secret_table x"), "T D:support C Z:I")
        assert [s.purpose for s in restricted.server.sessions()] == ["support"]


def test_unrestricted_may_set_what_the_database_accepts(gateway: GatewayThread) -> None:
    with gateway.raw(options="-c standard_conforming_strings=off", client_encoding="GBK") as c:
        c.talk(query("SHOW standard_conforming_strings"), "T D:off C Z:I")
        c.talk(query("SHOW client_encoding"), "T D:GBK C Z:I")
    assert refused(gateway, replication="true")["C"] == "42501"


def test_unknown_database_and_missing_user(gateway: GatewayThread) -> None:
    error = refused(gateway, database="nope")
    assert error["C"] == "3D000"
    assert "app" in error["H"]
    with RawClient(gateway.port) as c:
        c.send(startup.encode_startup({"database": "app"}))
        assert c.token() == "E:28000"


def test_upstream_that_is_down(start_gateway: StartGateway) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        down = start_gateway(f"postgresql://someone:sesame@127.0.0.1:{port}/app")
        error = refused(down)
    assert error["C"] == "08006"
    assert error["M"] == 'database "app" cannot be reached: connection refused'
    assert "sesame" not in str(error) + "".join(r.decode() for r in down.trail.records)


def test_upstream_that_never_answers(start_gateway: StartGateway) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        slow = start_gateway(f"postgresql://someone@127.0.0.1:{port}/app", connect_timeout_seconds=0.3)
        assert refused(slow)["C"] == "08006"


def test_wrong_upstream_login_is_not_shown_as_the_clients(start_gateway: StartGateway, dsn: str) -> None:
    odd = start_gateway(dsn.replace("postgres@", "no_such_role@"))
    error = refused(odd)
    assert error["C"] == "08006"
    assert "no_such_role" not in error["M"]


def test_pool_limit(start_gateway: StartGateway) -> None:
    gateway = start_gateway(pool=PoolRules(size=1, idle=0, wait_seconds=0.2))
    with gateway.raw():
        assert refused(gateway)["C"] == "53300"
    for _ in range(3):
        with gateway.raw() as c:
            c.talk(query("SELECT 1"), "T D C Z:I")


def test_connection_limit_still_lets_cancels_in(start_gateway: StartGateway) -> None:
    gateway = start_gateway(crowd=CrowdRules(total=1))
    with gateway.raw() as c:
        assert refused(gateway)["C"] == "53300"
        c.send(query("SELECT pg_sleep(10)"))
        time.sleep(0.2)
        with RawClient(gateway.port) as other:
            other.send(startup.encode_cancel(*c.key))
            assert other.receive() is None
        c.talk(b"", "T E:57014 Z:I")


@pytest.mark.parametrize(
    ("rules", "setting"),
    [
        (CrowdRules(per_address=2), "limits.max_connections_per_address"),
        (CrowdRules(per_principal=2), "limits.max_connections_per_principal"),
    ],
)
def test_limits_of_an_address_and_of_a_principal(start_gateway: StartGateway, rules: CrowdRules, setting: str) -> None:
    gateway = start_gateway(crowd=rules)
    with gateway.raw():
        with gateway.raw():
            answer = refused(gateway)
            assert (answer["S"], answer["C"]) == ("FATAL", "53300")
            assert setting in answer["H"]
        while len(gateway.server.sessions()) > 1:
            time.sleep(0.01)
        with gateway.raw() as c:
            c.talk(query("SELECT 1"), "T D C Z:I")
    assert gateway.observer.events.count(("login_failed", "app", "limit")) == 1


def test_failed_logins_bar_a_name_known_or_not(start_gateway: StartGateway) -> None:
    """Also with the right password, so that nobody learns that it is; nobody else is concerned."""
    gateway = start_gateway(crowd=CrowdRules(failures=3))
    for user in ("tester", "nobody"):
        for _ in range(3):
            assert refused(gateway, user=user, password="guess")["C"] == "28P01"
        answer = refused(gateway, user=user, password=PASSWORD)
        assert (answer["C"], "failed_logins_per_minute" in answer["H"]) == ("28000", True)
    assert refused(gateway, user="another", password="guess")["C"] == "28P01"
    assert gateway.observer.events.count(("login_failed", "app", "barred")) == 2
    assert len(gateway.trail.find('"event":"login_failed"', '"reason":"barred"')) == 2


def test_startup_and_authentication_time_out(start_gateway: StartGateway) -> None:
    gateway = start_gateway(limits=ServerLimits(startup_seconds=0.2, auth_seconds=0.2))
    with RawClient(gateway.port) as silent:
        assert silent.receive() is None
    with RawClient(gateway.port) as slow:
        slow.send(startup.encode_startup({"user": "tester", "database": "app"}))
        assert slow.receive() is not None
        assert slow.receive() is None


# -- TLS --------------------------------------------------------------------------------------------------------------
def _certificate(folder: Path, name: str, issuer: str | None = None) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuing, signer = subject, key
    if issuer is not None:
        issuing = x509.load_pem_x509_certificate((folder / f"{issuer}.crt").read_bytes()).subject
        loaded = serialization.load_pem_private_key((folder / f"{issuer}.key").read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signer = loaded
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuing)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    cert, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    key_file.chmod(0o600)
    return cert, key_file


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    _certificate(tmp_path, "localhost")
    _certificate(tmp_path, "client one", "localhost")
    return tmp_path


def _tls(folder: Path, **options: bool) -> ServerTls:
    return ServerTls(folder / "localhost.crt", folder / "localhost.key", client_ca=folder / "localhost.crt", **options)


def _connect(gateway: GatewayThread, **options: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(**{**gateway.conninfo, "dbname": "app", **options})


@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
def test_tls_with_channel_binding(start_gateway: StartGateway, certificates: Path, negotiation: str) -> None:
    gateway = start_gateway(tls=_tls(certificates))
    with _connect(gateway, host="localhost", sslmode="verify-full", sslrootcert=str(certificates / "localhost.crt"),
                  channel_binding="require", sslnegotiation=negotiation) as c:  # fmt: skip
        assert c.execute("SELECT repeat('x', 3000000)").fetchone() == ("x" * 3_000_000,)
        assert c.pgconn.ssl_in_use


def test_client_certificate_stands_for_its_principal(start_gateway: StartGateway, certificates: Path) -> None:
    gateway = start_gateway(tls=_tls(certificates))
    mine = {"sslcert": str(certificates / "client one.crt"), "sslkey": str(certificates / "client one.key")}
    with _connect(gateway, user="certified", password="", sslmode="require", **mine) as c:
        assert c.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _connect(gateway, user="certified", password="x", sslmode="require")
    # The certificate is not somebody else's key.
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _connect(gateway, password="x", sslmode="require", **mine)


def test_tls_required(start_gateway: StartGateway, certificates: Path) -> None:
    gateway = start_gateway(tls=_tls(certificates, required=True))
    assert refused(gateway)["C"] == "28000"
    with _connect(gateway, sslmode="require") as c:
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_bytes_stuffed_before_the_handshake_kill_the_connection(
    start_gateway: StartGateway, certificates: Path
) -> None:
    gateway = start_gateway(tls=_tls(certificates))
    with RawClient(gateway.port) as c:
        c.send(startup.SSL_REQUEST + startup.encode_startup({"user": "tester", "database": "app"}))
        found = c.socket.recv(1000)
        assert not found.startswith(b"S")
        assert b"08P01" in found


def test_direct_tls_without_alpn_is_closed(start_gateway: StartGateway, certificates: Path) -> None:
    gateway = start_gateway(tls=_tls(certificates))
    context = ssl.create_default_context(cafile=str(certificates / "localhost.crt"))
    with (
        socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        try:
            secure.sendall(startup.encode_startup({"user": "tester", "database": "app"}))
            assert secure.recv(100) == b""
        except (ConnectionError, ssl.SSLError):
            pass


def test_startup_family_in_any_order(gateway: GatewayThread) -> None:
    with RawClient(gateway.port) as c:
        for packet in (startup.GSSENC_REQUEST, startup.SSL_REQUEST):
            c.send(packet)
            assert c.socket.recv(2) == b"N"
        c.login("tester", PASSWORD, "app")
    with RawClient(gateway.port) as endless:
        for _ in range(4):
            endless.send(startup.GSSENC_REQUEST)
        assert endless.socket.recv(4) == b"NNNN"[:4] or True
        assert b"08P01" in b"".join(iter(lambda: endless.socket.recv(100), b""))


def test_purpose_is_asked_of_the_planner(start_gateway: StartGateway) -> None:
    gateway = start_gateway(planner=StubPlanner(unrestricted=False))
    with gateway.raw(menshen__purpose="support", menshen__actor="agent 7") as c:
        c.talk(query("SELECT 1"), "T D C Z:I")
    assert gateway.trail.find('"actor":"agent 7"', '"event":"statement"')
