"""Numbers, addresses and names of people."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocabulary.email import InvalidEmail, parse_email
from vocabulary.errors import InvalidValue
from vocabulary.oms import (
    InvalidOms,
    OmsKind,
    OmsMismatch,
    OmsNumber,
    oms_kind,
    oms_mismatches,
    parse_oms,
)
from vocabulary.people import FullName, InvalidBirthDate, InvalidName, Sex, age_on, full_name
from vocabulary.phone import InvalidPhone, parse_phone
from vocabulary.snils import InvalidSnils, format_snils, parse_snils


@pytest.mark.parametrize(
    "text", ["+7 916 123-45-67", "8 (916) 123-45-67", "89161234567", "9161234567", "+79161234567"]
)
def test_one_russian_number_is_written_in_many_ways(text: str) -> None:
    assert parse_phone(text) == "+79161234567"


def test_a_foreign_number_keeps_its_country() -> None:
    assert parse_phone("+49 30 901820") == "+4930901820"


@pytest.mark.parametrize("text", ["", "12", "+7 916 123", "anna", "8 916 123-45-67 доб. 12"])
def test_what_is_no_phone_is_refused(text: str) -> None:
    with pytest.raises(InvalidPhone):
        parse_phone(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Anna.Ivanova@Example.RU ", "anna.ivanova@example.ru"),
        ("a+b@mail.example.com", "a+b@mail.example.com"),
        ("doctor@почта.рф", "doctor@xn--80a1acny.xn--p1ai"),
        ("a" * 64 + "@example.ru", "a" * 64 + "@example.ru"),
    ],
)
def test_addresses_are_normalised(text: str, address: str) -> None:
    assert parse_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.ru",
        "anna@",
        "anna@localhost",
        "a..b@example.ru",
        "a b@example.ru",
        "анна@example.ru",
        "a@b@example.ru",
        "a@-b.ru",
        "a@b..ru",
        "a" * 65 + "@example.ru",
        "a@example.ru\nBcc: b@example.ru",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidEmail):
        parse_email(text)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("112-233-445 95", "11223344595"),
        ("11223344595", "11223344595"),
        ("087-654-303 00", "08765430300"),
        ("001-001-998 00", "00100199800"),
        ("112-233-458 00", "11223345800"),
    ],
)
def test_a_snils_is_read(text: str, digits: str) -> None:
    assert parse_snils(text) == digits


@pytest.mark.parametrize(
    "text", ["112-233-445 96", "001-001-999 00", "112-233-445", "", "1122334459a", "112233445 955"]
)
def test_a_wrong_snils_is_refused(text: str) -> None:
    with pytest.raises(InvalidSnils):
        parse_snils(text)


def test_a_snils_is_shown_in_its_official_form() -> None:
    assert format_snils(parse_snils("11223344595")) == "112-233-445 95"


@given(st.integers(min_value=1_001_999, max_value=999_999_999))
def test_each_checked_number_has_one_pair_of_control_digits(number: int) -> None:
    accepted = [control for control in range(100) if _is_snils(f"{number:09}{control:02}")]
    assert len(accepted) == 1


def _is_snils(text: str) -> bool:
    try:
        parse_snils(text)
    except InvalidSnils:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "number", "kind"),
    [
        ("7757310834123450", "7757310834123450", OmsKind.UNIFIED),
        ("7757 3108 3412 3450", "7757310834123450", OmsKind.UNIFIED),
        ("123-456-789", "123456789", OmsKind.TEMPORARY),
        ("аб-77  1234567", "АБ 77 1234567", OmsKind.PAPER),
        ("46 12345678", "46 12345678", OmsKind.PAPER),
    ],
)
def test_policy_numbers_are_of_three_kinds(text: str, number: str, kind: OmsKind) -> None:
    parsed = parse_oms(text)
    assert parsed == number
    assert oms_kind(parsed) is kind
    assert parse_oms(parsed) == parsed


@pytest.mark.parametrize(
    "text",
    ["7757310834123451", "775731083412345", "7757 3108 3412 345", "", "12345678", "АБ", "АБ 1"],
)
def test_a_wrong_policy_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidOms):
        parse_oms(text)


@pytest.mark.parametrize(
    ("text", "birth_date", "sex"),
    [
        ("7757310834123450", date(1986, 2, 15), Sex.MALE),
        ("7772050896000011", date(1949, 7, 3), Sex.FEMALE),
        ("5092589796000016", date(2014, 7, 3), Sex.FEMALE),
    ],
)
def test_a_unified_number_tells_birth_date_and_sex(text: str, birth_date: date, sex: Sex) -> None:
    number = parse_oms(text)
    other = Sex.MALE if sex is Sex.FEMALE else Sex.FEMALE
    assert oms_mismatches(number, birth_date=birth_date, sex=sex) == frozenset()
    assert oms_mismatches(number, birth_date=date(1999, 1, 1), sex=other) == {
        OmsMismatch.BIRTH_DATE,
        OmsMismatch.SEX,
    }


@pytest.mark.parametrize(
    ("birth_date", "raised"),
    [
        (date(1950, 12, 31), 20),
        (date(1951, 1, 1), 40),
        (date(2000, 12, 31), 40),
        (date(2001, 1, 1), 0),
    ],
)
def test_the_century_is_told_by_the_month(birth_date: date, raised: int) -> None:
    plain = f"{birth_date.month + raised:02}{str(birth_date.year)[::-1]}{birth_date.day + 50}"
    body = "77" + "".join(str(9 - int(digit)) for digit in plain) + "12345"
    number = next(
        OmsNumber(f"{body}{control}") for control in range(10) if _is_oms(f"{body}{control}")
    )
    assert oms_mismatches(number, birth_date=birth_date, sex=Sex.MALE) == frozenset()


def _is_oms(text: str) -> bool:
    try:
        parse_oms(text)
    except InvalidOms:
        return False
    return True


def test_other_policies_tell_nothing() -> None:
    number = parse_oms("123456789")
    assert oms_mismatches(number, birth_date=date(1999, 1, 1), sex=Sex.MALE) == frozenset()


def test_names_are_tidied_and_shown() -> None:
    name = full_name(" Иванова ", "Анна  Мария", " ")
    assert name == FullName(last="Иванова", first="Анна Мария")
    assert full_name("Иванова", "Анна", "Сергеевна").full == "Иванова Анна Сергеевна"
    assert full_name("Иванова", "Анна", "Сергеевна").with_initials == "Иванова А. С."
    assert name.with_initials == "Иванова А."


@pytest.mark.parametrize("last", ["", " Иванова", "И" * 101, "Ива\nнова", "Ива\u202eнова"])
def test_a_name_that_is_none_is_refused(last: str) -> None:
    with pytest.raises(InvalidName):
        FullName(last=last, first="Анна")


def test_a_name_may_have_a_hundred_characters() -> None:
    assert FullName(last="И" * 100, first="А").last == "И" * 100


def test_age_is_completed_years() -> None:
    born = date(2000, 2, 29)
    assert age_on(born, date(2018, 2, 28)) == 17
    assert age_on(born, date(2018, 3, 1)) == 18
    assert age_on(born, date(2020, 2, 28)) == 19
    assert age_on(born, date(2020, 2, 29)) == 20
    assert age_on(born, born) == 0
    with pytest.raises(InvalidBirthDate):
        age_on(born, date(2000, 2, 28))


def test_refusals_never_quote_a_personal_value() -> None:
    for parse, text in [
        (parse_phone, "+7 916 123"),
        (parse_email, "anna@localhost"),
        (parse_snils, "112-233-445 96"),
        (parse_oms, "7757310834123451"),
    ]:
        with pytest.raises(InvalidValue) as refused:
            parse(text)
        assert text not in str(refused.value)
        assert refused.value.code != InvalidValue.code
