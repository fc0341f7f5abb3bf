"""Prints a conclusion as a PDF document (CON-01, CON-02, CON-04, CON-05)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, get_timezone_name
from PIL import Image, UnidentifiedImageError

from conclusions.adapters.pdf_page import (
    ACCENT,
    CLOSING_HEIGHT,
    INK,
    MARGIN_BOTTOM,
    MARGIN_LEFT,
    MARGIN_TOP,
    MUTED,
    PAGE_HEIGHT,
    STAMP_WIDTH,
    TEXT_WIDTH,
    ClinicPaper,
    Style,
)
from conclusions.application.ports import PrintedConclusion
from conclusions.domain.form import FIELD_KEYS
from service_kit.texts import Language, Texts

# Empty sections are left out, and the document says so; these are printed with "no data" instead,
# because their silence could be read as an answer.
ALWAYS_PRINTED: Final = frozenset({"complaints", "emergency_measures"})

LOGO_WIDTH: Final = 34.0
LOGO_HEIGHT: Final = 16.0
LABEL_WIDTH: Final = 46.0
SECTION_GAP: Final = 2.6
FULL_PAGE: Final = 240.0


class LogoUnreadable(ValueError):
    """The organisation's logo is not a PNG picture."""


@dataclass(frozen=True, slots=True)
class PdfPrinter:
    """Prints in the words of the catalogue of texts."""

    texts: Texts

    async def print(self, conclusion: PrintedConclusion, language: Language) -> bytes:
        """See `DocumentPrinter`."""
        return await asyncio.to_thread(print_conclusion, conclusion, self.texts.catalogue(language))


def print_conclusion(conclusion: PrintedConclusion, texts: Mapping[str, str]) -> bytes:
    """Renders the document; equal input gives equal bytes. `texts` maps `section.name` to a text
    in the document's language, as in `texts/ru.toml`. Takes tenths of a second of CPU: call it in
    a thread."""
    with ClinicPaper(
        language=texts["pdf.language"],
        created_at=conclusion.created_at,
        title=texts["pdf.title"],
    ) as paper:
        paper.set_author(conclusion.organisation_name)
        paper.running_title = f"{texts['pdf.title']} \N{MIDDLE DOT} {conclusion.patient_name}"
        paper.add_page()
        _letterhead(paper, conclusion)
        _facts(paper, conclusion, texts)
        _sections(paper, conclusion, texts)
        _closing(paper, conclusion, texts)
        paper.number_pages(
            document=f"{texts['pdf.document']} {conclusion.document_id}", page=texts["pdf.page"]
        )
        return bytes(paper.output())


def _letterhead(paper: ClinicPaper, conclusion: PrintedConclusion) -> None:
    left = MARGIN_LEFT
    if conclusion.organisation_logo is not None:
        width = _logo(paper, conclusion.organisation_logo)
        left += width + 5
    paper.set_xy(left, MARGIN_TOP + 2)
    paper.paragraph(
        conclusion.organisation_name,
        size=11,
        style="B",
        colour=ACCENT,
        width=TEXT_WIDTH - (left - MARGIN_LEFT),
        max_lines=4,
    )
    bottom = MARGIN_TOP if conclusion.organisation_logo is None else MARGIN_TOP + LOGO_HEIGHT
    paper.set_xy(MARGIN_LEFT, max(bottom, paper.get_y()) + 3)
    paper.rule(gap_mm=6)


def _logo(paper: ClinicPaper, png: bytes) -> float:
    try:
        with Image.open(BytesIO(png), formats=["PNG"]) as picture:
            picture.load()
            scale = min(LOGO_WIDTH / picture.width, LOGO_HEIGHT / picture.height)
            width, height = picture.width * scale, picture.height * scale
            paper.image(picture, MARGIN_LEFT, MARGIN_TOP, w=width, h=height)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise LogoUnreadable("the logo is not a PNG picture") from error
    return width


def _facts(paper: ClinicPaper, conclusion: PrintedConclusion, texts: Mapping[str, str]) -> None:
    paper.paragraph(texts["pdf.title"], size=15, style="B", colour=ACCENT, align="C")
    paper.ln(5)
    rows = (
        ("patient", conclusion.patient_name),
        ("age", _age(conclusion.patient_age_years, texts)),
        ("certificate_number", conclusion.certificate_number),
        ("programme_name", conclusion.programme_name),
        ("appointment_at", _moment(conclusion.appointment_at, conclusion.time_zone, texts)),
    )
    for key, value in rows:
        if not value:
            continue
        top = paper.get_y()
        paper.line_of(texts[f"pdf.{key}"], size=9, colour=MUTED, width=LABEL_WIDTH)
        paper.set_xy(MARGIN_LEFT + LABEL_WIDTH, top)
        style: Style = "B" if key == "patient" else ""
        paper.paragraph(value, size=10, style=style, width=TEXT_WIDTH - LABEL_WIDTH)
        paper.ln(1.2)
    paper.set_x(MARGIN_LEFT)
    paper.ln(2)
    paper.rule(gap_mm=4)


def _sections(paper: ClinicPaper, conclusion: PrintedConclusion, texts: Mapping[str, str]) -> None:
    sections = [(texts["pdf.reason_for_visit"], conclusion.reason_for_visit.strip())]
    for number, key in enumerate(FIELD_KEYS, start=1):
        text = conclusion.fields.get(key, "").strip()
        if text or key in ALWAYS_PRINTED:
            sections.append((f"{number}. {texts[f'fields.{key}']}", text))
    note = texts["pdf.left_out"] if len(sections) <= len(FIELD_KEYS) else ""
    for heading, text in sections[:-1]:
        _section(paper, heading, text, texts, room_below=0)
    below = CLOSING_HEIGHT + (paper.height_of(note, size=8) if note else 0)
    _section(paper, *sections[-1], texts, room_below=below)
    if note:
        paper.paragraph(note, size=8, colour=MUTED)


def _section(
    paper: ClinicPaper, heading: str, text: str, texts: Mapping[str, str], *, room_below: float
) -> None:
    shown, colour = (text, INK) if text else (texts["pdf.no_data"], MUTED)
    heading_height = paper.height_of(heading, size=10, style="B") + 0.6
    # A heading is not parted from the beginning of its text, nor the last section from the
    # doctor's name, if a page can hold them: a page with a signature alone proves nothing.
    whole = heading_height + paper.height_of(shown, size=10) + SECTION_GAP + room_below
    needed = whole if room_below and whole < FULL_PAGE else heading_height + 10
    if paper.room_left() < needed:
        paper.add_page()
    paper.start_section(heading)
    paper.paragraph(heading, size=10, style="B", colour=ACCENT)
    paper.ln(0.6)
    paper.paragraph(shown, size=10, colour=colour)
    paper.ln(SECTION_GAP)


def _closing(paper: ClinicPaper, conclusion: PrintedConclusion, texts: Mapping[str, str]) -> None:
    if paper.room_left() < CLOSING_HEIGHT:
        paper.add_page()
    width = TEXT_WIDTH - STAMP_WIDTH - 6
    paper.set_xy(MARGIN_LEFT, PAGE_HEIGHT - MARGIN_BOTTOM - CLOSING_HEIGHT + 3)
    paper.paragraph(texts["pdf.doctor"], size=9, colour=MUTED, width=width)
    paper.ln(0.6)
    paper.paragraph(conclusion.doctor_name, size=10.5, style="B", width=width, max_lines=3)
    paper.paragraph(conclusion.doctor_specialty, size=10, width=width, max_lines=2)


def _age(years: int, texts: Mapping[str, str]) -> str:
    return texts[f"pdf.age_{_locale(texts).plural_form(years)}"].format(years=years)


def _moment(instant: datetime, zone: str, texts: Mapping[str, str]) -> str:
    local = instant.astimezone(ZoneInfo(zone))
    locale = _locale(texts)
    shown = format_datetime(local, texts["pdf.date_time_pattern"], locale=locale)
    offset = local.strftime("%z")
    return f"{shown} ({get_timezone_name(local, locale=locale)}, UTC{offset[:3]}:{offset[3:]})"


def _locale(texts: Mapping[str, str]) -> Locale:
    return Locale.parse(texts["pdf.language"], sep="-")
