"""Names as the API shows them."""

from pydantic import BaseModel, Field

from vocabulary.people import FullName

__all__ = ["PersonName"]


class PersonName(BaseModel):
    last_name: str
    first_name: str
    patronymic: str | None
    full: str = Field(examples=["Иванова Анна Сергеевна"])

    @classmethod
    def of(cls, name: FullName) -> "PersonName":
        return cls(
            last_name=name.last,
            first_name=name.first,
            patronymic=name.patronymic,
            full=name.full,
        )
