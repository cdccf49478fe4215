"""Database to client, message by message."""

from __future__ import annotations

import pytest

from adapters.postgres.wire.framing import frame
from adapters.postgres.wire.requests import SYNC
from adapters.postgres.wire.responses import encode_error, error_response, parameter_status
from gateway.errors import ProtocolViolation
from tests.support.rawpg import bind, execute, parse, query
from tests.unit.adapters.postgres.session.test_requests import conversation, sent

ROW = frame(b"D", b"\0\1\0\0\0\1x")
DONE = frame(b"C", b"SELECT 1\0")
READY = frame(b"Z", b"I")


def test_a_chunk_that_needs_no_change_leaves_as_the_same_object() -> None:
    talk = conversation()
    sent(talk, query("select 1"))
    chunk = frame(b"T", b"\0\0") + ROW + DONE + READY
    talk.from_server(chunk, 2)
    assert talk.take_to_client()[0] is chunk
    [done] = talk.take_completions()
    assert (done.rows, done.phase, done.sqlstate, done.size) == (1, "single", "00000", len(ROW))
    assert talk.idle


def test_rows_cut_anywhere_open_a_record_before_they_leave() -> None:
    stream = ROW * 3 + DONE + READY
    for cut in range(1, len(stream)):
        talk = conversation()
        sent(talk, query("select 1"))
        talk.from_server(stream[:cut], 2)
        first = b"".join(talk.take_to_client())
        phases = [one.phase for one in talk.take_completions()]
        assert not first or phases
        talk.from_server(stream[cut:], 3)
        assert first + b"".join(talk.take_to_client()) == stream
        phases += [one.phase for one in talk.take_completions()]
        assert phases in (["single"], ["open", "close"])


@pytest.mark.parametrize(
    "answer", [ROW, DONE, READY, frame(b"1"), frame(b"2"), frame(b"n"), frame(b"t", b"\0\0"), frame(b"?"), b"D\0\0\0\0"]
)
def test_answers_that_nobody_asked_for(answer: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        conversation().from_server(answer, 1)


def test_refused_message_that_does_not_fail_ends_the_session() -> None:
    talk = conversation()
    sent(talk, parse("/*deny*/"), SYNC)
    with pytest.raises(ProtocolViolation):
        talk.from_server(frame(b"1"), 2)


def test_fatal_errors_are_passed_on_and_noticed() -> None:
    talk = conversation()
    goodbye = error_response("terminating", "57P01", severity="FATAL")
    talk.from_server(goodbye, 1)
    assert talk.take_to_client() == [goodbye]
    assert talk.replies.fatal


def test_error_at_sync_is_scrubbed_when_the_transaction_touched_what_is_veiled() -> None:
    """A deferred constraint fails at the end of the transaction and belongs to no statement."""
    talk = conversation()
    sent(talk, parse("insert 1 /*scrub*/"), bind(), execute(), SYNC)
    talk.from_server(frame(b"1") + frame(b"2") + frame(b"C", b"INSERT 0 1\0"), 2)
    talk.take_to_client()
    talk.from_server(encode_error([("C", "23505"), ("M", "no"), ("D", "Key (phone)=(138)")]) + READY, 3)
    assert b"138" not in b"".join(talk.take_to_client())
    assert talk.idle


def test_parameters_are_followed() -> None:
    talk = conversation()
    talk.from_server(parameter_status("application_name", "x"), 1)
    assert talk.channel.parameters["application_name"] == "x"
    talk.channel.default_search_path = '"$user", public'
    talk.from_server(parameter_status("search_path", "crm, public"), 1)
    assert talk.channel.state.search_path == ("crm", "public")
    talk.from_server(parameter_status("search_path", '"$user", public'), 1)
    assert talk.channel.state.search_path is None


def test_ddl_is_told_when_the_transaction_is_over() -> None:
    talk = conversation()
    for text, status in (("begin", b"T"), ("create table t ()", b"T"), ("commit", b"I")):
        assert not talk.channel.refresh_due
        sent(talk, query(text))
        talk.from_server(frame(b"C", b"OK\0") + frame(b"Z", status), 2)
    assert talk.channel.refresh_due
