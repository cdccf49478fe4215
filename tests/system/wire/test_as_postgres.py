"""What a hostile or clumsy client sends, straight to PostgreSQL and through the gateway: the answers are the same bytes.

Left out of the comparison: where in PostgreSQL's sources an error was raised (fields F, L and R).
"""

from __future__ import annotations

import struct

import pytest

from adapters.postgres.wire.framing import frame
from adapters.postgres.wire.requests import COPY_DONE, FLUSH, SYNC, TERMINATE, Bind, encode_bind
from adapters.postgres.wire.responses import decode_error
from tests.support.postgres import Postgres
from tests.support.rawpg import RawClient, bind, close, describe, execute, parse, query
from tests.system.wire.conftest import PASSWORD, GatewayThread, StartGateway

END = "the end of the script"
TABLE = query("CREATE TEMP TABLE t (a int, b text)")
Answer = list[tuple[str, object]]


def many(values: int) -> bytes:
    parameters = tuple(b"1" for _ in range(values))
    return encode_bind(Bind(b"", b"", (), parameters, ()))


def copy_data(text: str) -> bytes:
    return frame(b"d", text.encode())


def copy_fail(why: str = "no more") -> bytes:
    return frame(b"f", why.encode() + b"\0")


def one(text: str) -> bytes:
    return parse(text) + bind() + describe() + execute()


def batches() -> bytes:
    """Hundreds of statements, of which every seventh fails, a Sync behind every third."""
    out = b""
    for number in range(600):
        out += one(f"SELECT {number}" if number % 7 else f"SELECT {number} / 0")
        if number % 3 == 0:
            out += SYNC
    return out + SYNC


SCRIPTS: dict[str, bytes] = {
    "pipeline with errors in the midst": batches(),
    "several syncs in flight": SYNC * 50 + one("SELECT 1") + SYNC * 3,
    "flush without sync": one("SELECT 1") + FLUSH + one("SELECT 2") + FLUSH + SYNC,
    "flush after an error": one("SELECT 1/0") + FLUSH + one("SELECT 2") + FLUSH + SYNC + one("SELECT 3") + SYNC,
    "error before a query": parse("SELEC") + query("SELECT 1") + SYNC,
    "query in the middle of a batch": one("SELECT 1") + query("SELECT 2") + one("SELECT 3") + SYNC,
    "empty texts": query("") + query(" ; ;") + one("") + SYNC + query("-- only a comment"),
    "several statements, an error in the midst": query("SELECT 1; SELECT 1/0; SELECT 2") + query("SELECT 3"),
    "several statements in one parse": parse("SELECT 1; SELECT 2") + SYNC,
    "several results of every kind": query("SELECT 1; SET x.y = '1'; SELECT WHERE false; VALUES (1), (2)"),
    "names that nobody made": bind(name="nope") + SYNC + describe("S", "nope") + SYNC + describe("P", "nope") + SYNC
    + execute(0, "nope") + SYNC + close("S", "nope") + close("P", "nope") + SYNC,
    "a name twice": parse("SELECT 1", "a") + parse("SELECT 2", "a") + SYNC + bind(name="a") + execute() + SYNC,
    "a portal twice": parse("SELECT 1", "a") + bind(name="a", portal="p") + bind(name="a", portal="p") + SYNC,
    "long names": parse("SELECT 1", "n" * 5000) + bind(name="n" * 5000, portal="p" * 5000) + execute(0, "p" * 5000) + SYNC,
    "suspension": query("BEGIN") + parse("SELECT generate_series(1, 7)") + bind() + describe() + execute(2) + execute(2)
    + FLUSH + execute(3) + execute(1) + execute(1) + SYNC + query("COMMIT"),
    "suspension, the portal dies at sync": parse("SELECT generate_series(1, 5)") + bind(portal="p") + execute(2, "p")
    + SYNC + execute(2, "p") + SYNC,
    "suspension of two portals in turn": query("BEGIN") + parse("SELECT generate_series(1, 5)", "s")
    + bind(name="s", portal="p") + bind(name="s", portal="q") + execute(2, "p") + execute(1, "q") + execute(2, "p") + SYNC
    + execute(9, "q") + close("P", "p") + execute(1, "p") + SYNC + query("ROLLBACK"),
    "a portal that is exhausted": query("BEGIN") + parse("SELECT 1") + bind() + execute() + execute() + SYNC
    + query("ROLLBACK"),
    "a negative row limit": parse("SELECT generate_series(1, 3)") + bind() + execute(-1) + SYNC,
    "no describe at all": parse("SELECT 1, 'a'", "s") + SYNC + (bind(name="s") + execute() + SYNC) * 10,
    "many portals": query("BEGIN") + parse("SELECT 1", "s")
    + b"".join(bind(name="s", portal=f"p{n}") for n in range(300))
    + b"".join(execute(0, f"p{n}") for n in range(300)) + SYNC + query("COMMIT"),
    "a changed result type": TABLE + parse("TABLE t UNION ALL TABLE t", "s") + SYNC + bind(name="s") + execute() + SYNC
    + query("ALTER TABLE t ADD c int") + bind(name="s") + execute() + SYNC + bind(name="s") + describe() + execute() + SYNC
    + close("S", "s") + parse("TABLE t UNION ALL TABLE t", "s") + bind(name="s") + describe() + execute() + SYNC,
    "a changed result type in a transaction": TABLE + parse("TABLE t UNION ALL TABLE t", "s") + SYNC + query("BEGIN")
    + query("ALTER TABLE t ADD c int") + bind(name="s") + execute() + SYNC + query("ROLLBACK") + bind(name="s")
    + execute() + SYNC,
    "too few and too many values": parse("SELECT $1::int") + bind() + SYNC + bind("1", "2") + SYNC,
    "65535 values": parse("SELECT " + "+".join(f"${n}::int8" for n in range(65400, 65536))) + SYNC + parse("SELECT 1")
    + many(65535) + SYNC,
    "type nobody knows": frame(b"P", b"\0SELECT $1\0" + struct.pack("!HI", 1, 4_000_000_000)) + SYNC,
    "formats that do not exist": parse("SELECT $1::int")
    + frame(b"B", b"\0\0" + struct.pack("!HHHi1sH", 1, 7, 1, 1, b"1", 0)) + SYNC
    + frame(b"B", b"\0\0" + struct.pack("!HHi1sHH", 0, 1, 1, b"1", 1, 7)) + execute() + SYNC,
    "formats that do not count": parse("SELECT $1::int, $2::int, $3::int")
    + frame(b"B", b"\0\0" + struct.pack("!HHHHi1si1si1sH", 2, 0, 0, 3, 1, b"1", 1, b"2", 1, b"3", 0)) + SYNC,
    "bind cut short": parse("SELECT $1::int") + frame(b"B", b"\0\0" + struct.pack("!HHi", 0, 1, 50) + b"1") + SYNC,
    "bytes behind a bind": parse("SELECT 1") + frame(b"B", b"\0\0" + struct.pack("!HHH", 0, 0, 0) + b"x") + SYNC,
    "bytes behind a parse": frame(b"P", b"\0SELECT 1\0\0\0more") + SYNC,
    "bytes behind a query": frame(b"Q", b"SELECT 1\0more"),
    "query without an end": frame(b"Q", b"SELECT 1"),
    "describe of nothing": frame(b"D", b"Xname\0") + SYNC + frame(b"C", b"Xname\0") + SYNC,
    "execute cut short": parse("SELECT 1") + bind() + frame(b"E", b"\0\0") + SYNC,
    "sync with a body": frame(b"S", b"body"),
    "flush with a body": frame(b"H", b"body") + SYNC,
    "bytes that are not text": frame(b"Q", b"SELECT '\xff\xfe'\0") + frame(b"P", b"\0SELECT '\xc3'\0\0\0") + SYNC
    + query("SELECT 1"),
    "value that is not text": parse("SELECT $1::text")
    + frame(b"B", b"\0\0" + struct.pack("!HHi1sH", 0, 1, 1, b"\xff", 0)) + execute() + SYNC,
    "message that does not exist": frame(b"z", b"body"),
    "malformed messages in a failed transaction": query("BEGIN") + query("SELECT 1/0") + frame(b"B", b"no end") + SYNC
    + frame(b"E", b"\0") + SYNC + frame(b"C", b"S") + SYNC + frame(b"P", b"a\0b") + SYNC + frame(b"Q", b"no end")
    + query("ROLLBACK"),
    "malformed messages among good ones": one("SELECT 1") + frame(b"D", b"Sno end") + one("SELECT 2") + SYNC
    + one("SELECT 3") + SYNC + query("SELECT 4"),
    "terminate in the middle": one("SELECT 1") + TERMINATE + one("SELECT 2") + SYNC,
    "copy messages outside of copy": copy_data("1\t2\n") + COPY_DONE + copy_fail() + query("SELECT 1"),
    "copy in": TABLE + query("COPY t FROM STDIN") + copy_data("1\tx") + FLUSH + SYNC + copy_data("\n2\ty\n") + COPY_DONE
    + query("COPY t TO STDOUT"),
    "copy in that the client fails": TABLE + query("COPY t FROM STDIN") + copy_data("1\tx\n") + copy_fail("门神")
    + query("SELECT count(*) FROM t"),
    "copy in of too many columns": TABLE + query("COPY t FROM STDIN") + copy_data("1\tx\ty\n2\tx\n") + copy_data("3\tz\n")
    + COPY_DONE + query("SELECT count(*) FROM t"),
    "copy in of too few columns, pipelined": TABLE + parse("COPY t FROM STDIN") + bind() + execute() + SYNC
    + copy_data("1\n") + COPY_DONE + SYNC + one("SELECT count(*) FROM t") + SYNC,
    "copy in met by a query": TABLE + query("COPY t FROM STDIN") + copy_data("1\tx\n") + query("SELECT 1")
    + query("SELECT 2"),
    "copy in met by a parse": TABLE + parse("COPY t FROM STDIN") + bind() + execute() + SYNC + parse("SELECT 1") + SYNC
    + SYNC + one("SELECT 2") + SYNC,
    "copy between other statements": TABLE + query("SELECT 1; COPY t FROM STDIN; SELECT 2") + copy_data("1\tx\n") + COPY_DONE
    + query("COPY t TO STDOUT; SELECT 3; COPY t TO STDOUT (FORMAT csv)"),
    "copy out amid syncs": TABLE + query("INSERT INTO t VALUES (1, 'a'), (2, NULL)") + one("COPY t TO STDOUT") + SYNC + SYNC
    + one("COPY t TO STDOUT (FORMAT binary)") + one("SELECT 1") + SYNC,
    "copy in with binary rubbish": TABLE + query("COPY t FROM STDIN (FORMAT binary)") + copy_data("rubbish") + COPY_DONE,
    "copy by sql prepared": query("PREPARE p AS SELECT 1") + query("EXECUTE p") + query("DEALLOCATE p") + query("EXECUTE p"),
    "function call": frame(b"F", struct.pack("!IHHHiiH", 1397, 1, 1, 1, 4, -5, 1)) + query("SELECT 1"),
    "function call of nothing": frame(b"F", struct.pack("!IHHH", 999_999, 0, 0, 0)) + query("SELECT 1"),
    "function call in a batch that failed": parse("SELEC") + frame(b"F", struct.pack("!IHHHiiH", 1397, 1, 1, 1, 4, -5, 1))
    + SYNC,
    "parameter status follows a rollback": query("BEGIN") + query("SET application_name = 'in'") + query("ROLLBACK")
    + query("SET DateStyle = 'German'") + query("RESET ALL"),
    "a failed transaction": query("BEGIN") + query("SELECT 1/0") + one("SELECT 1") + SYNC + query("SELECT 2")
    + query("ROLLBACK"),
    "notices": query("DO $$BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two' USING HINT = 'three'; END$$"),
    "notification to oneself": query("LISTEN c") + query("BEGIN; NOTIFY c, 'one'; SELECT 1; COMMIT") + query("UNLISTEN c"),
    "a long text": query("SELECT length('" + "x" * 3_000_000 + "')"),
    "nested deeply": query("SELECT " + "(" * 200 + "1" + ")" * 200),
    "discard": parse("SELECT 1", "s") + SYNC + query("DISCARD ALL") + bind(name="s") + SYNC + parse("SELECT 2", "s")
    + bind(name="s") + execute() + SYNC,
}  # fmt: skip


def answers(client: RawClient, script: bytes, *, pieces: int = 0) -> Answer:
    """All messages up to the end of the script, or of the connection."""
    blob = script + SYNC + query(f"ROLLBACK; SELECT '{END}'")
    try:
        for start in range(0, len(blob), pieces or len(blob)):
            client.send(blob[start : start + (pieces or len(blob))])
    except OSError:
        pass  # closed before it had read everything; what it said can still be read
    found: Answer = []
    ended = False
    while (message := client.receive()) is not None:
        kind, body = message
        found.append((kind, _comparable(client, kind, body)))
        ended = ended or END.encode() in body
        if ended and kind == "Z":
            return found
    return [*found, ("EOF", b"")]


def _comparable(client: RawClient, kind: str, body: bytes) -> object:
    if kind in "EN":
        return {name: value for name, value in dict(decode_error(body)).items() if name not in "FLR"}
    if kind == "A":
        assert struct.unpack("!I", body[:4])[0] == client.key[0]
        return body[4:]
    return body


def direct(postgres: Postgres, database: str) -> RawClient:
    return RawClient(postgres.port).login("postgres", "", database)


def through(gateway: GatewayThread) -> RawClient:
    return RawClient(gateway.port).login("tester", PASSWORD, "app")


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_gateway_answers_as_postgres_does(
    start_gateway: StartGateway, postgres: Postgres, dsn: str, name: str
) -> None:
    gateway = start_gateway()
    with direct(postgres, dsn.rsplit("/", 1)[1].split("?")[0]) as client:
        want = answers(client, SCRIPTS[name])
    with through(gateway) as client:
        assert answers(client, SCRIPTS[name]) == want
    with through(gateway) as client:  # the gateway is unharmed
        client.talk(query("SELECT 1"), "T D:1 C Z:I")


@pytest.mark.parametrize("length", [b"\0\0\0\3", b"\0\0\0\0", b"\xff\xff\xff\xff"])
def test_a_length_that_cannot_be_ends_the_connection(gateway: GatewayThread, length: bytes) -> None:
    """PostgreSQL closes without a word here; the gateway says why."""
    with through(gateway) as client:
        client.talk(query("SELECT 1") + SYNC, "T D C Z Z")
        client.talk(b"Q" + length, "E:08P01 EOF")


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 7])
def test_however_the_bytes_are_cut(start_gateway: StartGateway, postgres: Postgres, dsn: str, pieces: int) -> None:
    gateway = start_gateway()
    for name in ("suspension", "copy in", "bytes behind a bind", "a changed result type", "function call"):
        with direct(postgres, dsn.rsplit("/", 1)[1].split("?")[0]) as client:
            want = answers(client, SCRIPTS[name])
        with through(gateway) as client:
            assert answers(client, SCRIPTS[name], pieces=pieces) == want, name
