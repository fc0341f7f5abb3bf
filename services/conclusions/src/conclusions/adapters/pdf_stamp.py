"""Draws the visible mark of an electronic signature (CON-26) as a small PDF page of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from babel import Locale
from babel.dates import format_date

from conclusions.adapters.pdf_page import ACCENT, INK, STAMP_HEIGHT, STAMP_WIDTH, ClinicPaper, Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What the mark says about the certificate."""

    certificate_serial: str
    owner: str = field(repr=False)
    valid_from: datetime
    valid_to: datetime
    signed_at: datetime


def draw_stamp(stamp: Stamp, texts: Mapping[str, str]) -> bytes:
    """A PDF of one page, just as large as the stamp."""
    with ClinicPaper(
        language=texts["pdf.language"], created_at=stamp.signed_at, title=texts["stamp.title"]
    ) as paper:
        _draw(paper, stamp, texts)
        return bytes(paper.output())


def _draw(paper: ClinicPaper, stamp: Stamp, texts: Mapping[str, str]) -> None:
    paper.set_margins(0, 0, 0)
    paper.set_auto_page_break(auto=False)
    paper.add_page(format=(STAMP_WIDTH, STAMP_HEIGHT))
    paper.set_draw_color(*ACCENT)
    paper.set_fill_color(255, 255, 255)
    paper.set_line_width(0.5)
    paper.rect(
        0.5,
        0.5,
        STAMP_WIDTH - 1,
        STAMP_HEIGHT - 1,
        style="DF",
        round_corners=True,
        corner_radius=2.2,
    )
    inner = STAMP_WIDTH - 7
    paper.set_xy(3.5, 2.4)
    paper.line_of(texts["stamp.title"].upper(), size=7.5, style="B", colour=ACCENT, width=inner)
    paper.set_draw_color(*ACCENT)
    paper.set_line_width(0.2)
    paper.line(3.5, 6.6, STAMP_WIDTH - 3.5, 6.6)
    locale = Locale.parse(texts["pdf.language"], sep="-")
    start, end = (
        format_date(day, texts["stamp.date_pattern"], locale=locale)
        for day in (stamp.valid_from, stamp.valid_to)
    )
    rows = (
        ("certificate", stamp.certificate_serial),
        ("owner", stamp.owner),
        ("validity", texts["stamp.validity_range"].format(start=start, end=end)),
    )
    paper.set_y(7.8)
    for key, value in rows:
        paper.set_x(3.5)
        top = paper.get_y()
        paper.line_of(texts[f"stamp.{key}"], size=7.5, colour=ACCENT, width=21)
        paper.set_xy(24.5, top)
        style: Style = "B" if key == "owner" else ""
        paper.paragraph(value, size=7.5, style=style, colour=INK, width=inner - 21, max_lines=2)
        paper.ln(0.5)
