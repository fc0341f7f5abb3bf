"""`kabinet verify`: fold the whole log and say whether it keeps its promises."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import httpx
import typer
from rich.console import Console
from rich.table import Table

from ops.cli.suite import SERVICES, Suite, fail
from ops.inspection import check_bookings, check_money, check_view, insides_of
from privacy.http import HttpKeyring
from privacy.sealing import Sealers

__all__ = ["app", "open_sealers"]

app = typer.Typer(help="Check the whole log.", no_args_is_help=True)


@app.command("bookings")
def bookings(context: typer.Context) -> None:
    """No doctor's time was ever given away twice."""
    asyncio.run(_bookings(context.obj()))


@app.command("money")
def money(context: typer.Context) -> None:
    """Payments, invoices and refunds add up."""
    asyncio.run(_money(context.obj()))


@app.command("views")
def views(
    context: typer.Context,
    service: Annotated[str | None, typer.Option(help="Only this service")] = None,
) -> None:
    """Every view equals what its events say: each is folded again beside the live one and compared."""
    if service is not None and service not in SERVICES:
        fail(f"{service} is no service with views; there are {', '.join(SERVICES)}", 2)
    asyncio.run(_views(context.obj(), [service] if service else list(SERVICES)))


@app.command("signature")
def signature(
    context: typer.Context,
    tenant: Annotated[str, typer.Option(help="Slug of the clinic, such as north")],
    conclusion: Annotated[UUID, typer.Option(help="Id of the conclusion")],
) -> None:
    """A signed conclusion is what was signed: from the stored file, root and revocation lists alone."""
    asyncio.run(_signature(context.obj(), tenant, conclusion))


async def _signature(suite: Suite, tenant: str, conclusion: UUID) -> None:
    found = await suite.call(
        "conclusions",
        "GET",
        f"/internal/conclusions/{conclusion}/verification",
        headers={"X-Kabinet-Tenant": tenant},
    )
    if found["outcome"] != "VALID":
        fail(f"signature: {found['outcome']}", 1)
    vouched = "by a time-stamp" if found["timestamped"] else "as the signer says"
    typer.echo(f"signature: VALID, signed at {found['signed_at']} {vouched}")
    for root in found["roots"]:
        typer.echo(f"trusted root: SHA-256 {root}")


async def _bookings(suite: Suite) -> None:
    async with suite.stores(["booking"]) as stores:
        found = await check_bookings(stores["booking"])
    for double in found:
        typer.echo(
            f"{double.first.clinician_id}: {double.first.appointment_id} and "
            f"{double.second.appointment_id} overlap at {double.second.starts_at.isoformat()}"
        )
    if found:
        fail(f"{len(found)} double bookings", 1)
    typer.echo("bookings: no double booking in the whole log")


async def _money(suite: Suite) -> None:
    async with suite.stores(["billing"]) as stores:
        report = await check_money(stores["billing"])
    for finding in report.findings:
        typer.echo(f"{finding.tenant}: {finding.code} invoice {finding.invoice_id}")
    typer.echo(
        f"money: {report.invoices} invoices, {report.payments} payments, paid "
        f"{report.paid.to_decimal_string()}, refunded {report.refunded.to_decimal_string()}, kept "
        f"{report.kept.to_decimal_string()} RUB"
    )
    if not report.holds:
        fail(f"{len(report.findings)} findings", 1)


async def _views(suite: Suite, services: list[str]) -> None:
    table = Table("service", "view", "as of", "digest", "outcome")
    wrong = 0
    async with open_sealers(suite) as sealers, suite.stores(services) as stores:
        for service in services:
            insides = insides_of(service)
            async with suite.pool(service) as pool:
                for view in insides.views:
                    found = await check_view(
                        pool, stores[service], insides.codec, view, opener=sealers
                    )
                    wrong += not found.same
                    table.add_row(service, view.name, found.position, found.digest, found.outcome)
    Console().print(table)
    if wrong:
        fail(f"{wrong} views differ from their events", 1)


@asynccontextmanager
async def open_sealers(suite: Suite) -> AsyncIterator[Sealers]:
    """Opens personal values with keys that identity hands to ops."""
    token = await suite.token("identity")

    async def known() -> str:
        return token

    async with httpx.AsyncClient(timeout=5) as client:
        yield Sealers(HttpKeyring(client, identity_url=suite.urls["identity"], service_token=known))
