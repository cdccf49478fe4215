"""Where the fuzzers begin: sessions that real drivers had, statements that tests run, and inputs that once failed.

`recorded/` holds whole sessions (`record.py`), `found/TARGET/` an input for each defect that was found and mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from adapters.postgres.wire import startup
from tests.fuzz.coverage.targets import CLIENT, MESSAGES, SERVER, packed, turns
from tests.fuzz.test_planner import PIECES_OF_SQL, SEEDS

FOLDER = Path(__file__).parent
RECORDED = FOLDER / "recorded"
FOUND = FOLDER / "found"
CASES = FOLDER.parents[1] / "cases" / "sql"
READY = b"Z\0\0\0\5"


def seeds(target: str) -> list[bytes]:
    """All of one target, each once."""
    made = {
        "startup": _startups, "messages": _messages, "frames": _frames, "sessions": _sessions, "text": _texts, "select": _choices
    }[target]  # fmt: skip
    found = (path.read_bytes() for path in sorted((FOUND / target).glob("*")))
    return list(dict.fromkeys((*found, *made())))


def _recorded() -> Iterator[list[tuple[int, bytes]]]:
    for path in sorted(RECORDED.iterdir()):
        yield turns(path.read_bytes())


def _split(dialogue: list[tuple[int, bytes]]) -> tuple[bytes, list[tuple[int, bytes]]]:
    """The StartupMessage, and what was said once the session was ready."""
    first = next(data for who, data in dialogue if who == CLIENT and data[4:8] != startup.SSL_REQUEST[4:8])
    ready = next(n for n, (who, data) in enumerate(dialogue) if who == SERVER and data[-6:-1] == READY)
    return first, dialogue[ready + 1 :]


def _startups() -> Iterator[bytes]:
    yield from (startup.SSL_REQUEST[4:], startup.GSSENC_REQUEST[4:], startup.encode_cancel(7, b"k" * 32)[4:])
    more = {"user": "u", "options": "-c menshen.purpose=x --search_path=a\\ b -d", "_pq_.x": "1", "replication": "no"}
    yield startup.encode_startup(more, startup.PROTOCOL_3_2)[4:]
    for dialogue in _recorded():
        yield _split(dialogue)[0][4:]


def _messages() -> Iterator[bytes]:
    """Each message to the decoders that its kind is for, by a byte in front."""
    kinds = {b"P": 0, b"B": 1, b"D": 2, b"E": 3, b"Q": 4, b"F": 5}
    answers = {b"E": 6, b"N": 6, b"S": 7, b"K": 8, b"C": 10, b"R": 11, b"v": 13}
    assert max(*kinds.values(), *answers.values()) < len(MESSAGES)
    for dialogue in _recorded():
        rest = _split(dialogue)[1]
        for who, decoders in ((CLIENT, kinds), (SERVER, answers)):
            for kind, body in _walk(b"".join(data for side, data in rest if side == who)):
                if kind in decoders:
                    yield bytes((decoders[kind],)) + body


def _walk(stream: bytes) -> Iterator[tuple[bytes, bytes]]:
    while len(stream) >= 5:
        size = int.from_bytes(stream[1:5], "big") + 1
        yield stream[:1], stream[5:size]
        stream = stream[size:]


def _frames() -> Iterator[bytes]:
    for dialogue in _recorded():
        for _, data in _split(dialogue)[1]:
            yield b"\6" + data[:200]


def _sessions() -> Iterator[bytes]:
    for dialogue in _recorded():
        rest = _split(dialogue)[1]
        yield b"\x1e" + packed(rest)
        for at in range(0, len(rest), 6):
            yield b"\3" + packed(rest[at : at + 6])


def _texts() -> Iterator[bytes]:
    yield from (one.encode() for one in SEEDS)
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text("utf-8")):
            yield (case if isinstance(case, str) else case["sql"]).encode()


def _choices() -> Iterator[bytes]:
    """Bytes that the grammar makes different SELECTs of."""
    for number in range(40):
        yield bytes((number * 37 + at * at * 11) % 256 for at in range(120))


def words() -> str:
    """A dictionary of SQL, in libFuzzer's form."""
    return "".join(
        '"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for one in PIECES_OF_SQL if one.isascii()
    )
