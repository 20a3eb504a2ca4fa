"""Large files wait for slow clients within a budget that is spent before they are read."""

import anyio
import pytest

from yunmeng.errors import Busy
from yunmeng.server.outgoing import WAITING_BYTES, Outgoing


def test_what_does_not_fit_beside_the_others_is_not_read() -> None:
    outgoing, begun = Outgoing(), []

    async def reading() -> bytes:
        begun.append(1)
        await anyio.sleep_forever()
        return b""

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(outgoing.read, WAITING_BYTES // 2, reading)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Busy):
                await outgoing.read(1, reading)
            tasks.cancel_scope.cancel()
        assert await outgoing.read(WAITING_BYTES, short) == b"picture"  # the places of those that gave up are free

    async def short() -> bytes:
        return b"picture"

    anyio.run(work)
    assert len(begun) == 2
