"""Plain facts about a person: name, sex, age."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from vocabulary.errors import InvalidValue

_LONGEST = 100


class InvalidName(InvalidValue):
    """A part of a name is empty, too long, or has other than printable characters."""

    code = "NAME_INVALID"


class InvalidBirthDate(InvalidValue):
    """The day at which an age is asked lies before the birth."""

    code = "BIRTH_DATE_INVALID"


class Sex(StrEnum):
    """The sex written in identity documents."""

    FEMALE = "FEMALE"
    MALE = "MALE"


@dataclass(frozen=True, slots=True, kw_only=True)
class FullName:
    """A person's name in parts; the patronymic is missing for people who have none."""

    last: str
    first: str
    patronymic: str | None = None

    def __post_init__(self) -> None:
        for part in self._parts():
            if part != " ".join(part.split()) or not part.isprintable():
                raise InvalidName("a part of a name is printable text without stray spaces")
            if not 1 <= len(part) <= _LONGEST:
                raise InvalidName("a part of a name has 1 to 100 characters")

    @property
    def full(self) -> str:
        """Last name first, as in Russian documents: "Иванова Анна Сергеевна"."""
        return " ".join(self._parts())

    @property
    def with_initials(self) -> str:
        """The last name with initials: "Иванова А. С."."""
        return " ".join([self.last, *(f"{part[0]}." for part in self._parts()[1:])])

    def _parts(self) -> list[str]:
        return [part for part in (self.last, self.first, self.patronymic) if part is not None]


def full_name(last: str, first: str, patronymic: str | None = None) -> FullName:
    """A name from typed text: spaces are tidied, an empty patronymic is none."""
    return FullName(
        last=" ".join(last.split()),
        first=" ".join(first.split()),
        patronymic=" ".join((patronymic or "").split()) or None,
    )


def age_on(birth_date: date, day: date) -> int:
    """Completed years on `day`; who was born on 29 February turns on 1 March in common years."""
    if day < birth_date:
        raise InvalidBirthDate("born after the day asked about")
    before_birthday = (day.month, day.day) < (birth_date.month, birth_date.day)
    return day.year - birth_date.year - before_birthday
