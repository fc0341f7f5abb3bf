"""`kabinet tenant|branch|staff add`: what exists before the first patient."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console

__all__ = ["branches", "staff", "tenants"]

tenants = typer.Typer(help="Clinics.", no_args_is_help=True)
branches = typer.Typer(help="Branches of a clinic.", no_args_is_help=True)
staff = typer.Typer(help="Administrators, managers and clinicians.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the clinic, such as north")]


@tenants.command("add")
def add_tenant(
    context: typer.Context,
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="Legal name, printed on documents")],
    language: Annotated[str, typer.Option(help="Default language, ru or en")] = "ru",
) -> None:
    """Register a clinic."""
    languages = [language, *({"ru", "en"} - {language})]
    _call(context, tenant, "/internal/organisations", {"legal_name": name, "languages": languages})


@branches.command("add")
def add_branch(
    context: typer.Context,
    tenant: Tenant,
    name: Annotated[str, typer.Option()],
    address: Annotated[str, typer.Option()],
    phone: Annotated[str, typer.Option()],
    zone: Annotated[str, typer.Option(help="IANA zone")] = "Europe/Moscow",
) -> None:
    """Add a branch; its zone is the one in which its patients and doctors see times."""
    body = {"name": name, "address": address, "phone": phone, "zone": zone}
    _call(context, tenant, "/internal/branches", body)


@staff.command("add")
def add_staff(
    context: typer.Context,
    tenant: Tenant,
    role: Annotated[str, typer.Option(help="administrator, manager or clinician")],
    email: Annotated[str, typer.Option(help="The login")],
    last_name: Annotated[str, typer.Option()],
    first_name: Annotated[str, typer.Option()],
    patronymic: Annotated[str | None, typer.Option()] = None,
    specialty: Annotated[str | None, typer.Option(help="Of a clinician")] = None,
    category: Annotated[str | None, typer.Option(help="Of a clinician")] = None,
    branch: Annotated[str | None, typer.Option(help="Branch id of a clinician")] = None,
    password: Annotated[
        str | None,
        typer.Option(help="Made up and printed once when left out", envvar="KABINET_PASSWORD"),
    ] = None,
) -> None:
    """Create an account for somebody who works at the clinic."""
    body = {
        "role": role,
        "email": email,
        "last_name": last_name,
        "first_name": first_name,
        "patronymic": patronymic,
        "specialty": specialty,
        "category": category,
        "branch_id": branch,
        "password": password,
    }
    given = {name: value for name, value in body.items() if value is not None}
    _call(context, tenant, "/internal/staff", given)


def _call(context: typer.Context, tenant: str, path: str, body: dict[str, Any]) -> None:
    headers = {"X-Kabinet-Tenant": tenant}
    answer = asyncio.run(context.obj().call("identity", "POST", path, json=body, headers=headers))
    Console().print_json(data=answer)
