"""Every service of the suite on KurrentDB: the instrument, or with `KURRENTDB_URI` a server."""

import importlib

import pytest
import typer
from pydantic import SecretStr

from booking.bootstrap import SERVICE
from embedded.suite import SERVICES, STATELESS
from event_store import NO_STREAM, NewEvent, StreamName
from event_store.testing import noted, stream
from event_store.testing.kurrent_fixtures import OpenKurrent, kurrent_uri, open_kurrent, real_uri
from event_store.testing.kurrent_server import running_instrument
from ops.bootstrap import open_ops
from ops.cli.suite import Suite
from ops.settings import OpsSettings
from service_kit.errors import ConfigurationError
from service_kit.ids import new_id
from service_kit.service import Service, open_ground
from service_kit.settings import ServiceSettings
from service_kit.testing import make_kit

__all__ = ["kurrent_uri", "open_kurrent", "real_uri"]  # fixtures

STORING = [name for name in SERVICES if name not in STATELESS]


def settings_on(store: str, database: str) -> ServiceSettings:
    return ServiceSettings(
        port=0,
        database_url=SecretStr(database),
        bus_url=SecretStr(database),
        store_url=SecretStr(store),
        identity_url="http://127.0.0.1:1",
        service_secret=SecretStr("secret"),
    )


def ops_on(settings: ServiceSettings) -> OpsSettings:
    databases = dict.fromkeys(STORING, settings.database_url)
    return OpsSettings(**settings.model_dump(), service_databases=databases)


async def test_every_service_keeps_its_own_events_apart(
    kurrent_uri: str, open_kurrent: OpenKurrent
) -> None:
    stores = {name: await open_kurrent(kurrent_uri, name) for name in STORING}
    begun = {name: await store.position() for name, store in stores.items()}
    sent = {name: NewEvent(new_id(), "Noted.v1", b"{}", b"{}") for name in STORING}
    for name, store in stores.items():
        stream = StreamName("note", "north", str(sent[name].id))
        await store.append(stream, [sent[name]], expected=NO_STREAM)
    for name, store in stores.items():
        read = [e.id async for page in store.read_all(after=begun[name]) for e in page.events]
        assert read == [sent[name].id]


@pytest.mark.integration
@pytest.mark.parametrize("name", STORING)
async def test_a_service_opens_what_it_stands_on(
    name: str, kurrent_uri: str, database: str
) -> None:
    service: Service = importlib.import_module(f"{name}.bootstrap").SERVICE
    kit = make_kit(name)
    async with open_ground(service, settings_on(kurrent_uri, database), kit):
        report = await kit.health.report()
    assert (report.status, report.checks["store"]) == ("ready", "ok")


@pytest.mark.integration
async def test_being_ready_does_not_depend_on_how_much_others_write(
    database: str, open_kurrent: OpenKurrent
) -> None:
    async with running_instrument() as instrument:
        kit = make_kit("booking")
        async with open_ground(SERVICE, settings_on(instrument.uri, database), kit):
            billing = await open_kurrent(instrument.uri, "billing")
            await noted(billing, stream("a"), *["theirs"] * 1000)
            instrument.log.looked_at = 0
            assert (await kit.health.report()).status == "ready"
    assert instrument.log.looked_at == 1


@pytest.mark.integration
async def test_a_process_whose_user_lacks_a_right_says_which_in_one_line(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_instrument() as instrument:
        instrument.faults.denies_all = True
        settings = settings_on(instrument.uri, database)
        for opening in (
            open_ground(SERVICE, settings, make_kit("booking")),
            open_ops(ops_on(settings), make_kit("ops")),
        ):
            with pytest.raises(ConfigurationError) as refused:
                await opening.__aenter__()
            (line,) = refused.value.findings
            assert "STORE_URL: " in line
            assert "may not read $all" in line
            assert instrument.uri not in line
        suite = Suite(
            databases=dict.fromkeys(STORING, database),
            urls={},
            secret=SecretStr("secret"),
            clock_file=None,
            store=instrument.uri,
        )
        with pytest.raises(typer.Exit):
            await suite.stores().__aenter__()
    assert "may not read $all" in capsys.readouterr().err


@pytest.mark.integration
async def test_ops_audits_every_one_of_them(kurrent_uri: str, database: str) -> None:
    settings = ops_on(settings_on(kurrent_uri, database))
    async with open_ops(settings, make_kit("ops")) as parts:
        assert parts.tasks.keys() == {f"audit_{name}" for name in STORING}
