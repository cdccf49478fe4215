"""From a breach through a real client to the page, and to the end of its sessions."""

from __future__ import annotations

import time

from tests.support.gateway import Gateway
from tests.system.gateway.conftest import connect
from tests.system.watch.conftest import Receiver


def test_a_bulk_export_is_paged_within_seconds(gateway: Gateway, receiver: Receiver) -> None:
    with connect(gateway, "desk_app") as session:
        rows = session.execute("SELECT id, name, phone FROM app.people").fetchall()
        last_row = time.time()
    assert len(rows) >= 100
    receiver.wait(1)
    at, page = receiver.pages[0]
    print(f"time to page: {at - last_row:.3f} s")
    assert "INC-1" in page["title"]
    assert "desk_app" in page["message"]
    assert "INC-1/opened/oncall" in page["message"]
    assert "1380013" not in str(page)
    assert "测试" not in str(page)
