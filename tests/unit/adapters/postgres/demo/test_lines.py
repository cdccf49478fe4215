"""The printed lines survive a shell, whatever the passwords and paths hold."""

from __future__ import annotations

import shlex

from adapters.postgres.demo.lines import Facts, lines, plain, session, tools

PASSWORDS = dict.fromkeys(("crm_app", "campaign_job", "sales_wang", "bi_reader", "dba_chen", "dpo_zhou"), "a'b $c")
FACTS = Facts("/x y/psql", 6432, 8080, PASSWORDS, "menshen", "/数据/menshen.toml", "14200000001", 7)


def test_a_line_is_one_command_for_a_shell() -> None:
    words = shlex.split(session(FACTS, "crm_app", "SELECT '门'", "ticket_resolution"))
    assert words == [
        "PGCLIENTENCODING=UTF8",
        "PGPASSWORD=a'b $c",
        "/x y/psql",
        "host=127.0.0.1 port=6432 dbname=crm user=crm_app options='-c menshen.purpose=ticket_resolution'",
        "-c",
        "SELECT '门'",
    ]


def test_all_roles_of_the_story_are_there_and_each_says_what_to_look_for() -> None:
    made = lines(FACTS)
    assert {line.principal for line in made} == set(PASSWORDS)
    assert all(line.look and line.who and "\n" not in line.command for line in made)
    assert any("14200000001" in line.command for line in made)


def test_the_kept_file_is_a_script() -> None:
    text = plain(FACTS)
    commands = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(commands) == len(lines(FACTS)) + len(tools(FACTS))
    assert all(shlex.split(command) for command in commands)
