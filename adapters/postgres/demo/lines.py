"""The lines that the demo prints: who, what to look for, what to paste. Pure: facts in, text out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

SAME: Final = "SELECT id, full_name, phone, email, id_card, birth, balance FROM crm.customers WHERE id <= 6 ORDER BY id"
"""The one SELECT that everybody sends, over the customers of whom `people.STORIES` tells."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to paste."""

    principal: str
    who: str
    look: str
    """What to look for in the answer."""
    command: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the lines depend on."""

    psql: str
    port: int
    http_port: int
    passwords: Mapping[str, str]
    menshen: str
    config: str
    phone: str
    """Phone number of the first customer."""
    expired: int
    """How many customers are past their retention."""


def session(facts: Facts, principal: str, sql: str, purpose: str = "") -> str:
    """A psql line that a POSIX shell takes as it is."""
    place = f"host=127.0.0.1 port={facts.port} dbname=crm user={principal}"
    if purpose:
        place += f" options='-c menshen.purpose={purpose}'"
    # psql asks for the encoding of the terminal otherwise, which is not UTF8 under LANG=C.
    environment = f"PGCLIENTENCODING=UTF8 PGPASSWORD={shlex.quote(facts.passwords[principal])}"
    return f"{environment} {shlex.quote(facts.psql)} {quoted(place)} -c {quoted(sql)}"


def dsn(facts: Facts, principal: str) -> str:
    """An account at the gateway as a connection string."""
    return f"postgresql://{principal}:{quote(facts.passwords[principal], safe='')}@127.0.0.1:{facts.port}/crm"


def quoted(text: str) -> str:
    """`text` for a POSIX shell; in double quotes where it holds single ones, which reads better than `'"'"'`."""
    plain_inside = not set(text) & set('"$`\\!')
    return f'"{text}"' if "'" in text and plain_inside else shlex.quote(text)


def lines(facts: Facts) -> list[Line]:
    """Everything to paste, in the order in which it tells the story."""
    hidden = "SELECT count(*) FROM crm.customers WHERE last_active_at < now() - interval '3 years'"
    return [
        Line(
            "crm_app",
            "Customer service application · purpose ticket_resolution · 客服系统",
            "names in clear, phone, e-mail and resident number masked; no balance; customer 4 is missing: expired",
            session(facts, "crm_app", SAME),
        ),
        Line(
            "crm_app",
            "Customer service looks a caller up by phone · 按手机号查找",
            "the number finds its customer (a lookup, recorded), and is shown masked all the same",
            session(facts, "crm_app", f"SELECT id, full_name, phone FROM crm.customers WHERE phone = '{facts.phone}'"),
        ),
        Line(
            "campaign_job",
            "Marketing, the campaign job · purpose campaign · 营销",
            "only 1, 5 and 6: 2 never consented, 3 withdrew, 4 is expired; e-mail in clear, nothing sensitive",
            session(facts, "campaign_job", SAME),
        ),
        Line(
            "sales_wang",
            "Sales manager for Shanghai · purpose order_fulfilment · 销售",
            "only 1 and 5, who live in her region; phone masked, balance as a bucket",
            session(facts, "sales_wang", SAME),
        ),
        Line(
            "bi_reader",
            "Analyst · purpose analytics · 数据分析",
            "pseudonyms instead of people, the year of birth, the balance as a bucket",
            session(facts, "bi_reader", SAME),
        ),
        Line(
            "bi_reader",
            "Analyst counts by member level",
            "figures about many need no names",
            session(
                facts,
                "bi_reader",
                "SELECT member_level, count(*), count(DISTINCT phone) FROM crm.customers GROUP BY 1 ORDER BY 2",
            ),
        ),
        Line(
            "dba_chen",
            "Database administrator · purpose maintenance · 数据库管理员",
            "everything as it is stored; the record says so",
            session(facts, "dba_chen", SAME),
        ),
        Line(
            "dpo_zhou",
            "Expired customers · the data protection officer's default purpose · 到期数据",
            "0: retention hides them",
            session(facts, "dpo_zhou", hidden),
        ),
        Line(
            "dpo_zhou",
            "The same for the purpose that may see them: records_disposal",
            f"{facts.expired}",
            session(facts, "dpo_zhou", hidden, "records_disposal"),
        ),
        Line(
            "crm_app",
            "Customer service asks for a purpose of another department",
            "a refusal that says which purposes there are for it, and the session stays usable",
            session(facts, "crm_app", "SET menshen.purpose = 'campaign'"),
        ),
    ]


def tools(facts: Facts) -> list[tuple[str, str]]:
    """What else to try: a title and a command each."""
    menshen, config = shlex.quote(facts.menshen), shlex.quote(facts.config)
    account = shlex.quote(dsn(facts, "bi_reader"))
    return [
        ("Who saw phone numbers: the trail", f"{menshen} trail query -c {config} --class contact.phone"),
        ("Is the trail whole?", f"{menshen} trail verify -c {config}"),
        (
            "Why is it so?",
            f'{menshen} explain -c {config} --as bi_reader --purpose analytics "SELECT phone FROM crm.customers"',
        ),
        (
            "Rehearse a breach: a whole table in one answer, the page below the demo, the seconds to it · 演练",
            f"{menshen} drill bulk-export -c {config} --table crm.customers --dsn {account}",
        ),
        (
            "What is odd: incidents that detectors opened, the drill's among them",
            f"{menshen} incident list -c {config} --all",
        ),
        ("Metrics", f"curl -s http://127.0.0.1:{facts.http_port}/metrics"),
    ]


def plain(facts: Facts) -> str:
    """All lines as a shell script with comments, as the demo keeps them in its state folder."""
    text = ["# Written by `menshen demo`: paste a line into a shell while the demo runs."]
    for line in lines(facts):
        text += ["", f"# {line.who}", f"# look for: {line.look}", line.command]
    for title, command in tools(facts):
        text += ["", f"# {title}", command]
    return "\n".join(text) + "\n"
