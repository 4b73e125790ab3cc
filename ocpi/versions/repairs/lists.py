"""Lists where one value is due, and the reverse."""

from typing import Any

from ocpi.versions.repairs.repair import OMIT, AnswerRepair, FieldRepair, Spot


def _without_nulls(value: Any, spot: Spot) -> list[Any]:
    return [entry for entry in value if entry is not None]


def _short_list(value: Any, spot: Spot) -> bool:
    if spot.field.many or type(value) is not list:
        return False
    return len(value) == 1 or (not value and not spot.field.required)


REPAIRS: tuple[FieldRepair | AnswerRepair, ...] = (
    FieldRepair(
        "accept_single_for_list",
        applies=lambda value, spot: spot.field.many and type(value) is not list,
        fix=lambda value, spot: [value],
        sentence="A single value where a list is due is read as a list of one.",
    ),
    FieldRepair(
        "accept_list_for_single",
        applies=_short_list,
        fix=lambda value, spot: value[0] if value else OMIT,
        sentence="A list of one where a single value is due is read as that value, an empty one as nothing.",
    ),
    FieldRepair(
        "accept_nulls_in_lists",
        applies=lambda value, spot: type(value) is list and None in value,
        fix=_without_nulls,
        sentence="Nulls in a list are left out.",
    ),
    AnswerRepair(
        "accept_list_around_an_answer",
        applies=lambda data: type(data) is list and len(data) == 1,
        fix=lambda data: data[0],
        sentence="An answer that is a list of one where one object or value is due is read as what is in it.",
    ),
)
