"""The server itself and the fixture that hands out databases."""

import asyncpg


async def test_quick(database: str) -> None:
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT lower('ЁЖ')") == "ёж"
    await connection.close()
