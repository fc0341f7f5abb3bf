"""`python -m consultation_room api|worker|all`."""

from consultation_room.bootstrap import open_consultation_room
from consultation_room.settings import ConsultationRoomSettings
from service_kit.run import run

__all__ = ["main"]


def main() -> None:
    run("consultation_room", ConsultationRoomSettings, open_consultation_room)


if __name__ == "__main__":
    main()
