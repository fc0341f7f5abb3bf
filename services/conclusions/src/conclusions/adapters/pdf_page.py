"""Clinic paper: fonts, text made safe for print, running header, footer and room for the stamp."""

import logging
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias, cast

from fpdf import FPDF
from fpdf.enums import MethodReturnValue
from fpdf.fonts import TTFFont
from typing_extensions import override

# What these tell about their work at INFO and DEBUG names the letters of the patient's document.
for _library in ("fontTools", "fpdf", "pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).setLevel(logging.WARNING)

FONTS: Final = Path(__file__).parent.parent / "fonts"
FAMILY: Final = "DejaVuSansCondensed"
UNPRINTABLE: Final = "\N{REPLACEMENT CHARACTER}"

INK: Final = (28, 32, 38)
MUTED: Final = (98, 106, 116)
ACCENT: Final = (24, 62, 110)
RULE: Final = (190, 198, 208)

MARGIN_LEFT: Final = 20.0
MARGIN_RIGHT: Final = 15.0
MARGIN_TOP: Final = 15.0
MARGIN_BOTTOM: Final = 22.0
PAGE_WIDTH: Final = 210.0
PAGE_HEIGHT: Final = 297.0
TEXT_WIDTH: Final = PAGE_WIDTH - MARGIN_LEFT - MARGIN_RIGHT

CLOSING_HEIGHT: Final = 36.0
STAMP_WIDTH: Final = 92.0
STAMP_HEIGHT: Final = 32.0

POINTS_PER_MM: Final = 72 / 25.4

Style: TypeAlias = Literal["", "B"]


class ClinicPaper(FPDF):
    """A4 pages in one font family. Text goes in through `line`, `paragraph` and `few_lines` only,
    which clean it first: nothing a person types can break the layout."""

    def __init__(self, *, language: str, created_at: datetime, title: str) -> None:
        super().__init__(format="A4")
        for style, file in (("", f"{FAMILY}.ttf"), ("B", f"{FAMILY}-Bold.ttf")):
            self.add_font(FAMILY, style=style, fname=FONTS / file)
        self._glyphs = frozenset.intersection(
            *(frozenset(font.cmap) for font in self.fonts.values() if isinstance(font, TTFFont))
        )
        self.running_title = ""
        # Otherwise a patient who types {nb} would print the number of pages.
        self.str_alias_nb_pages = ""
        self.c_margin = 0
        self.set_margins(MARGIN_LEFT, MARGIN_TOP, MARGIN_RIGHT)
        self.set_auto_page_break(auto=True, margin=MARGIN_BOTTOM)
        self.set_lang(language)
        self.set_title(title)
        self.set_creation_date(created_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    @override
    def header(self) -> None:
        if self.page_no() == 1:
            return
        self.line_of(self.running_title, size=8, colour=MUTED)
        self.rule(gap_mm=5)

    def number_pages(self, *, document: str, page: str) -> None:
        """Writes the footers, once the number of pages is known."""
        self.set_auto_page_break(auto=False)
        pages = self.pages_count
        for number in range(1, pages + 1):
            self.page = number
            self.set_y(PAGE_HEIGHT - MARGIN_BOTTOM + 6)
            self.rule(gap_mm=1.5)
            # fpdf2 writes a font into a page only when it changes, and knows just the last page's.
            self.set_font(FAMILY, "B", 8)
            top = self.get_y()
            self.line_of(document, size=8, colour=MUTED, width=TEXT_WIDTH * 0.7)
            self.set_xy(MARGIN_LEFT + TEXT_WIDTH * 0.7, top)
            numbered = page.format(page=number, pages=pages)
            self.line_of(numbered, size=8, colour=MUTED, width=TEXT_WIDTH * 0.3, align="R")

    def rule(self, *, gap_mm: float) -> None:
        self.set_draw_color(*RULE)
        self.set_line_width(0.25)
        self.line(MARGIN_LEFT, self.get_y(), PAGE_WIDTH - MARGIN_RIGHT, self.get_y())
        self.ln(gap_mm)

    def room_left(self) -> float:
        return PAGE_HEIGHT - MARGIN_BOTTOM - self.get_y()

    def height_of(self, text: str, *, size: float, style: Style = "") -> float:
        with self._set(printable(text, self._glyphs), size, style, INK) as clean:
            height = self.multi_cell(
                TEXT_WIDTH, _leading(size), clean, dry_run=True, output=MethodReturnValue.HEIGHT
            )
        return cast("float", height)

    def paragraph(
        self,
        text: str,
        *,
        size: float,
        style: Style = "",
        colour: tuple[int, int, int] = INK,
        width: float = TEXT_WIDTH,
        align: Literal["L", "C"] = "L",
        max_lines: int | None = None,
    ) -> None:
        """Wraps a text from the cursor's x on, over several pages when it must."""
        left = self.get_x()
        leading = _leading(size)
        with self._set(printable(text, self._glyphs), size, style, colour) as clean:
            shown = self._first_lines(clean, width, leading, max_lines) if max_lines else clean
            self.multi_cell(
                width, leading, shown, align=align, new_x="LEFT", new_y="NEXT", padding=0
            )
        self.set_x(left)

    def line_of(
        self,
        text: str,
        *,
        size: float,
        style: Style = "",
        colour: tuple[int, int, int] = INK,
        width: float = TEXT_WIDTH,
        align: Literal["L", "R"] = "L",
    ) -> None:
        """Prints one line; what does not fit ends in an ellipsis."""
        one_line = printable(text, self._glyphs).replace("\n", " ")
        with self._set(one_line, size, style, colour):
            shown = self._first_lines(one_line, width, _leading(size), 1)
            self.cell(width, _leading(size), shown, align=align, new_x="LMARGIN", new_y="NEXT")

    def _first_lines(self, text: str, width: float, leading: float, count: int) -> str:
        lines = cast(
            "list[str]",
            self.multi_cell(
                width, leading, text, dry_run=True, output=MethodReturnValue.LINES, align="L"
            ),
        )
        if len(lines) <= count:
            return text
        kept = "\n".join(lines[:count])
        return kept[:-2].rstrip() + "\N{HORIZONTAL ELLIPSIS}"

    @contextmanager
    def _set(
        self, text: str, size: float, style: Style, colour: tuple[int, int, int]
    ) -> Iterator[str]:
        self.set_font(FAMILY, style, size)
        self.set_text_color(*colour)
        # Shaping is what orders right-to-left letters; Cyrillic does not need it and prints faster.
        self.set_text_shaping(use_shaping_engine=_needs_shaping(text))
        yield text
        self.set_text_shaping(use_shaping_engine=False)


def printable(text: str, glyphs: frozenset[int]) -> str:
    """The text in characters that the font has. Control and formatting characters go, because a
    direction override could make a signed text read differently from what was stored; a character
    without a glyph is shown as a replacement sign, never dropped in silence."""
    composed = unicodedata.normalize("NFC", "\n".join(text.splitlines()))
    shown: list[str] = []
    blank_lines = 0
    for character in composed:
        blank_lines = blank_lines + 1 if character == "\n" else 0
        if blank_lines > 2:
            continue
        category = unicodedata.category(character)
        if character == "\n":
            shown.append(character)
        elif character == "\t" or category == "Zs":
            shown.append(" ")
        elif category in {"Cc", "Cf", "Zl", "Zp"}:
            continue
        elif ord(character) in glyphs:
            shown.append(character)
        elif category not in {"Mn", "Me"}:
            shown.append(UNPRINTABLE)
    return "".join(shown).strip()


def _needs_shaping(text: str) -> bool:
    return any(
        unicodedata.bidirectional(character) in {"R", "AL", "AN"}
        or unicodedata.combining(character)
        for character in text
    )


def _leading(size: float) -> float:
    return round(size * 0.3528 * 1.32, 2)
