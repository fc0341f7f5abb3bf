"""The pages that a person looks at, in a real browser: paying, declining, the letters, the description of the API."""

import shutil
import tempfile
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Page, ViewportSize, async_playwright, expect

from journeys.clinic import open_clinic
from journeys.suite import Suite
from journeys.visit import DAY, Patient, free_slots, register, reserve, start_payment

PHONE: ViewportSize = {"width": 360, "height": 740}
# Nothing but the page itself: the browser's own calls home would be failures in its log.
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page on a telephone's screen; it fails when the browser found anything wrong."""
    with tempfile.TemporaryDirectory(prefix="kabinet-browser-") as profile:
        async with (
            async_playwright() as playwright,
            await playwright.chromium.launch_persistent_context(
                profile, executable_path=shutil.which("chromium"), args=QUIET, viewport=PHONE
            ) as browser,
        ):
            page, complaints = browser.pages[0], list[str]()
            page.on(
                "console",
                lambda said: complaints.append(said.text) if said.type == "error" else None,
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            yield page
            assert not complaints


async def _at_the_bank(
    suite: Suite, http: httpx.AsyncClient, page: Page
) -> tuple[Patient, str, str]:
    """A patient before the bank's page, with an appointment and its payment."""
    clinic, patient = await open_clinic(suite, http), await register(suite, http)
    slot = (await free_slots(patient.person, clinic, suite.now() + DAY))[0]
    appointment_id = (await reserve(patient, clinic, slot["starts_at"]))["appointment_id"]
    payment = await start_payment(patient, appointment_id, suite)
    await page.goto(payment["confirmation_url"])
    return patient, appointment_id, payment["payment_id"]


async def _fits(page: Page) -> bool:
    """Whether nothing is beside a telephone's screen."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.requirement("BIL-07", "BIL-16")
async def test_a_patient_pays_by_pressing_the_button_and_comes_back(
    suite: Suite, http: httpx.AsyncClient, page: Page
) -> None:
    patient, appointment_id, payment_id = await _at_the_bank(suite, http, page)
    assert await _fits(page)
    await page.get_by_role("button", name="Оплатить").click()
    await page.wait_for_url("**/docs")
    await patient.person.until(
        f"/api/v1/payments/{payment_id}", "the payment is known", status="SUCCEEDED"
    )
    await patient.person.until(
        f"/api/v1/appointments/{appointment_id}", "it is reserved", status="RESERVED"
    )


@pytest.mark.requirement("BIL-12")
async def test_a_declined_payment_says_so_and_cannot_be_paid_any_more(
    suite: Suite, http: httpx.AsyncClient, page: Page
) -> None:
    patient, _, payment_id = await _at_the_bank(suite, http, page)
    address = page.url
    await page.get_by_label("Причина отказа").select_option("card_expired")
    await page.get_by_role("button", name="Отклонить").click()
    await page.wait_for_url("**/docs")
    failed = await patient.person.until(
        f"/api/v1/payments/{payment_id}", "the decline is known", status="FAILED"
    )
    assert failed["reason"] == "card_expired"
    await page.goto(address)
    await expect(page.get_by_text("Платёж отменён")).to_be_visible()
    await expect(page.get_by_role("button")).to_have_count(0)


async def test_a_person_finds_and_reads_a_letter(
    suite: Suite, http: httpx.AsyncClient, page: Page
) -> None:
    patient = await register(suite, http)
    await patient.mailbox.letter("код")
    await page.goto(suite.url("mail"))
    await page.get_by_label("кому").fill(patient.mailbox.address)
    await page.get_by_label("кому").press("Enter")
    await page.get_by_role("link", name="код").first.click()
    await expect(page.get_by_text(await patient.mailbox.code()).first).to_be_visible()
    assert await _fits(page)


async def test_a_newcomer_reads_what_the_api_can_do(suite: Suite, page: Page) -> None:
    await page.goto(f"{suite.url('gateway')}/docs")
    await expect(page.get_by_role("heading", name="Kabinet")).to_be_visible()
    row = page.locator("tbody tr").filter(has_text="POST /api/v1/appointments")
    await expect(row.first).to_contain_text("SLOT_TAKEN")
    assert await _fits(page)
    answer = await page.request.get(f"{suite.url('gateway')}/api/v1/openapi.json")
    assert answer.ok
    assert await page.locator("tbody tr").count() == sum(
        len(item) for item in (await answer.json())["paths"].values()
    )
