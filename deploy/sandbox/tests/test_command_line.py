"""Each twin as a process of its own: started, used, stopped, started again."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from sandbox.__main__ import main
from sandbox.testing import Callbacks, Mail, Till
from sandbox.web import listen

COMMAND = (sys.executable, "-m", "sandbox")


@asynccontextmanager
async def running(
    *arguments: str | Path, stop: signal.Signals = signal.SIGTERM
) -> AsyncIterator[list[str]]:
    """The addresses that the twin prints; it must stop cleanly and in silence."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *map(str, arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    addresses: list[str] = []
    try:
        while not (addresses and addresses[-1].startswith("http")):
            line = (await process.stdout.readline()).decode()
            assert line, "the twin ended before it listened"
            addresses.append(line.split()[-1])
        await until_alive(addresses[-1])
        yield addresses
    finally:
        if process.returncode is None:
            process.send_signal(stop)
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


async def until_alive(address: str) -> None:
    async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{address}/livez")).status_code == 200


async def test_the_acquirer_keeps_its_payments_and_repeats_until_200(
    tmp_path: Path, callback_server: Callbacks
) -> None:
    callback_server.answers = [500]
    shop = f"clinic:key-1:{callback_server.url}"
    arguments = ("acquirer", "--port", "0", "--data", tmp_path, "--shop", shop)
    async with running(*arguments) as addresses:
        async with httpx.AsyncClient(base_url=addresses[-1], trust_env=False) as client:
            payment_id = await Till(client, "clinic", "key-1").create_paid()
        async with asyncio.timeout(20):
            await callback_server.arrived.wait()
    callback_server.arrived.clear()
    async with running(*arguments) as addresses:
        async with httpx.AsyncClient(base_url=addresses[-1], trust_env=False) as client:
            payment = await Till(client, "clinic", "key-1").get(f"/payments/{payment_id}")
        async with asyncio.timeout(20):
            await callback_server.arrived.wait()
    assert payment.json()["status"] == "succeeded"
    assert callback_server.events == ["payment.succeeded", "payment.succeeded"]


async def test_the_secrets_of_shops_need_not_stand_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACQUIRER_SHOPS", '["clinic:key-1:http://127.0.0.1:9/x"]')
    async with (
        running("acquirer", "--port", "0", "--data", tmp_path) as addresses,
        httpx.AsyncClient(base_url=addresses[-1], trust_env=False) as client,
    ):
        shops = (await client.get("/sandbox/shops")).json()
        assert await Till(client, "clinic", "key-1").create_paid()
    assert "key-1" not in json.dumps(shops)


async def test_the_acquirer_lives_by_the_clock_file_and_the_public_url(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    arguments = ("--data", tmp_path, "--shop", "s:k:http://127.0.0.1:9/x", "--clock-file", path)
    async with (
        running(
            "acquirer", "--port", "0", *arguments, "--public-url", "https://pay.example"
        ) as addresses,
        httpx.AsyncClient(base_url=addresses[-1], trust_env=False) as client,
    ):
        till = Till(client, "s", "k")
        payment_id = await till.create()
        payment = (await till.get(f"/payments/{payment_id}")).json()
        page = payment["confirmation"]["confirmation_url"]
        assert page == f"https://pay.example/pay/{payment_id}"
        path.write_text(json.dumps({"offset_seconds": 3601}))
        # The file is read again after a second at the latest.
        await asyncio.sleep(1.1)
        payment = (await till.get(f"/payments/{payment_id}")).json()
    assert payment["status"] == "canceled"


async def test_the_mail_sink_keeps_its_letters(tmp_path: Path) -> None:
    arguments = ("mail", "--port", "0", "--smtp-port", "0", "--data", tmp_path)
    message = EmailMessage()
    message["From"], message["To"] = "clinic@example.org", "anna@example.org"
    message.set_content("Приём завтра")
    async with running(*arguments) as (smtp, _):
        host, port = smtp.split(":")
        await aiosmtplib.send(message, hostname=host, port=int(port), start_tls=False)
    async with (
        running(*arguments) as (_, address),
        httpx.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        [kept] = await Mail(client=client, smtp_port=0).messages()
    assert kept["to"] == ["anna@example.org"]


async def test_the_certificate_authority_keeps_its_root(tmp_path: Path) -> None:
    roots = set()
    for stop in (signal.SIGTERM, signal.SIGINT):
        async with (
            running("ca", "--port", "0", "--data", tmp_path, stop=stop) as addresses,
            httpx.AsyncClient(base_url=addresses[-1], trust_env=False) as client,
        ):
            roots.add((await client.get("/root.pem")).content)
    assert len(roots) == 1


SHOP = ("--shop", "s:k:http://127.0.0.1:9/x")
ACQUIRER = ("acquirer", "--port", "0", "--data", "unused")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "required"),
        (("bank",), "invalid choice"),
        (("acquirer", *SHOP), "--port"),
        (ACQUIRER, "--shop"),
        ((*ACQUIRER, "--shop", "s:k"), "expected id:secret:http://callback"),
        ((*ACQUIRER, "--shop", "s:k:http://"), "expected id:secret:http://callback"),
        ((*ACQUIRER, *SHOP, *SHOP), "same id"),
        ((*ACQUIRER, *SHOP, "--fiscal", "t"), "no such shop"),
        (("mail", "--port", "0", "--data", "unused"), "--smtp-port"),
        (("ca", "--port", "65536", "--data", "unused"), "--port"),
        (("ca", "--port", "x", "--data", "unused"), "--port"),
    ],
)
def test_bad_arguments_end_with_2(
    arguments: Sequence[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ((), "acquirer"),
        (("acquirer",), "--shop"),
        (("mail",), "--smtp-port"),
        (("ca",), "--clock-file"),
        (("smartcaptcha",), "--server-key"),
    ],
)
def test_help_is_help(
    arguments: Sequence[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main((*arguments, "--help"))
    assert ended.value.code == 0
    assert option in capsys.readouterr().out


def test_a_taken_port_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert main(("ca", "--port", port, "--data", str(tmp_path))) == 1
        assert main(("mail", "--port", "0", "--smtp-port", port, "--data", str(tmp_path))) == 1
    assert capsys.readouterr().err.count("in use") == 2
