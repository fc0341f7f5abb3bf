"""Printed conclusions, read back with poppler."""

import io
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from conclusions.adapters.pdf_document import LogoUnreadable, print_conclusion
from conclusions.application.ports import PrintedConclusion
from conclusions.domain.form import FIELD_KEYS

Tool = Callable[..., str]
Texts = dict[str, str]


def read(tool: Tool, document: bytes) -> str:
    printed = tool("pdftotext", document, "-layout", "-enc", "UTF-8", output="-")
    assert "Error" not in printed
    return re.sub(r"[ \n\f]+", " ", printed)


def test_the_head_names_organisation_patient_programme_and_local_time(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion
) -> None:
    printed = read(tool, print_conclusion(conclusion, texts))
    for expected in (
        "ООО «Клиника дистанционной медицины»",
        "Заключение по результатам консультации",
        "Пациент Иванова Екатерина Александровна",
        "Возраст 41 год",
        "Номер сертификата ДМС-2026-004417",
        "Программа Забота о здоровье",
        "21 ноября 2026 г., 13:30 (Москва, стандартное время, UTC+03:00)",
        "Врач Петров Пётр Петрович Врач-терапевт",
        "Документ № 0193a1b2-7c3d-7e4f-8a5b-123456789abc",
        "Страница 1 из 1",
    ):
        assert expected in printed


@pytest.mark.parametrize(
    ("years", "words"), [(1, "1 год"), (3, "3 года"), (11, "11 лет"), (84, "84 года")]
)
def test_ages_are_written_in_good_russian(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion, years: int, words: str
) -> None:
    printed = read(tool, print_conclusion(replace(conclusion, patient_age_years=years), texts))
    assert f"Возраст {words} Номер" in printed


@pytest.mark.requirement("CON-02")
def test_reason_and_all_fields_stand_in_the_order_of_the_form(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion
) -> None:
    filled = {key: f"содержание-{number}" for number, key in enumerate(FIELD_KEYS, start=1)}
    printed = read(tool, print_conclusion(replace(conclusion, fields=filled), texts))
    expected = ["Причина обращения Кашель третий день."] + [
        f"{number}. {texts[f'fields.{key}']} содержание-{number}"
        for number, key in enumerate(FIELD_KEYS, start=1)
    ]
    places = [printed.find(section) for section in expected]
    assert -1 not in places
    assert places == sorted(places)
    assert texts["pdf.left_out"] not in printed


def test_empty_fields_are_left_out_except_those_whose_silence_would_mislead(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion
) -> None:
    printed = read(tool, print_conclusion(replace(conclusion, fields={"routing": "  \n"}), texts))
    assert "1. Жалобы Нет данных" in printed
    assert "8. Неотложные мероприятия Нет данных" in printed
    assert texts["fields.routing"] not in printed
    assert texts["pdf.left_out"] in printed


def test_an_unknown_field_is_refused(conclusion: PrintedConclusion) -> None:
    with pytest.raises(ValueError, match="diagnosis"):
        replace(conclusion, fields={"diagnosis": "J06"})


def test_equal_input_gives_equal_bytes_and_other_input_other_bytes(
    texts: Texts, conclusion: PrintedConclusion
) -> None:
    first = print_conclusion(conclusion, texts)
    assert print_conclusion(conclusion, texts) == first
    later = replace(conclusion, created_at=datetime(2026, 11, 22, tzinfo=UTC))
    assert print_conclusion(later, texts) != first


def test_nothing_of_the_document_is_logged(
    texts: Texts, conclusion: PrintedConclusion, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        print_conclusion(conclusion, texts)
    assert caplog.records == []


def test_language_and_metadata_are_set_and_name_no_patient(
    texts: Texts, conclusion: PrintedConclusion
) -> None:
    reader = PdfReader(io.BytesIO(print_conclusion(conclusion, texts)))
    assert str(reader.root_object["/Lang"]) == "ru-RU"
    assert reader.metadata is not None
    assert reader.metadata.title == texts["pdf.title"]
    assert reader.metadata.creation_date == conclusion.created_at
    assert "Иванова" not in str(dict(reader.metadata))


def test_the_english_catalogue_has_the_same_keys_and_prints(
    tool: Tool, texts: Texts, english: Texts, conclusion: PrintedConclusion
) -> None:
    assert english.keys() == texts.keys()
    printed = read(tool, print_conclusion(conclusion, english))
    assert "Age 41 years" in printed
    assert "21 November 2026, 13:30 (Moscow Standard Time, UTC+03:00)" in printed


def test_a_long_text_runs_over_pages_that_all_name_the_patient(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion
) -> None:
    words = " ".join(f"слово{number}" for number in range(2500))
    document = print_conclusion(replace(conclusion, fields={"history": words}), texts)
    pages = len(PdfReader(io.BytesIO(document)).pages)
    assert pages >= 4
    printed = read(tool, document)
    assert f"Страница {pages} из {pages}" in printed
    assert printed.count("Иванова Екатерина Александровна") == pages
    # A word may be parted by the foot of a page, never lost.
    assert all(f"слово{number}" in printed for number in range(2500))


@pytest.mark.parametrize("paragraphs", range(20, 60, 2))
def test_the_doctors_name_is_never_alone_on_a_page(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion, paragraphs: int
) -> None:
    fields = {"complaints": "строка\n" * paragraphs, "treatment": "покой"}
    document = print_conclusion(replace(conclusion, fields=fields), texts)
    last = tool("pdftotext", document, "-layout", output="-").rstrip("\f").split("\f")[-1]
    assert "Петров Пётр Петрович" in last
    assert "покой" in last


def test_right_to_left_letters_are_kept_and_direction_overrides_are_not(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion
) -> None:
    hostile = replace(conclusion, reason_for_visit="Доза 10\u202e5\u202c мг {nb} 🦠, «שלום»")
    printed = read(tool, print_conclusion(hostile, texts))
    assert "Доза 105 мг {nb} \N{REPLACEMENT CHARACTER}, «" in printed
    assert {"ש", "ל", "ם"} <= set(printed)


def test_nothing_hostile_is_drawn_outside_the_margins(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion, tmp_path: Path
) -> None:
    word = "Ж" * 3000
    hostile = replace(
        conclusion,
        organisation_name=word,
        patient_name=word,
        programme_name=word,
        doctor_name=word,
        doctor_specialty=word,
        fields={"complaints": word + "\x00\x1b\ud800\uffff" + "م" * 3000},
    )
    document = print_conclusion(hostile, texts)
    tool("pdftoppm", document, "-r", "40", "-gray", output=str(tmp_path / "page"))
    pages = sorted(tmp_path.glob("page-*.pgm"))
    assert pages
    for page in pages:
        with Image.open(page) as picture:
            inked = picture.point(lambda level: 255 if level < 200 else 0).getbbox()
            assert inked is not None
            left, _, right, bottom = inked
            assert left >= picture.width * 19 / 210
            assert right <= picture.width * 196 / 210
            assert bottom <= picture.height * 290 / 297


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=300), name=st.text(min_size=1, max_size=80))
def test_any_text_prints(texts: Texts, conclusion: PrintedConclusion, text: str, name: str) -> None:
    hostile = replace(conclusion, fields={"complaints": text, "history": text}, patient_name=name)
    document = print_conclusion(hostile, texts)
    assert len(PdfReader(io.BytesIO(document)).pages) >= 1


def test_a_logo_is_drawn_and_a_broken_one_is_refused(
    tool: Tool, texts: Texts, conclusion: PrintedConclusion
) -> None:
    picture = io.BytesIO()
    Image.new("RGBA", (300, 80), (20, 90, 40, 128)).save(picture, "PNG")
    with_logo = print_conclusion(replace(conclusion, organisation_logo=picture.getvalue()), texts)
    assert len(PdfReader(io.BytesIO(with_logo)).pages[0].images) == 1
    for broken in (b"", b"GIF89a", picture.getvalue()[:60]):
        with pytest.raises(LogoUnreadable):
            print_conclusion(replace(conclusion, organisation_logo=broken), texts)
