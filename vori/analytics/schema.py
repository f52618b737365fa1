"""Struct to Spark schema: a field of a topic is written once, in its Struct."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import fields
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

_SIMPLE: dict[type, type[DataType]] = {
    bool: BooleanType,
    int: LongType,
    float: DoubleType,
    str: StringType,
    UUID: StringType,
    datetime: TimestampType,
    date: DateType,
}


def schema_of(struct: type[Struct]) -> StructType:
    """The Struct's JSON as Spark reads it. Everything may be null: Spark gives null for what is
    missing or of another kind, and the caller looks at the fields it cannot do without.

    Raises TypeError for a type that no topic carries.
    """
    hints = typing.get_type_hints(struct)
    return StructType(
        [StructField(f.encode_name, _type(hints[f.name]), nullable=True) for f in fields(struct)]
    )


def merged(structs: Iterable[type[Struct]], *, but: frozenset[str] = frozenset()) -> StructType:
    """One schema that reads a message of any of the Structs; fields named in `but` are left out.

    Raises TypeError when two Structs mean different things by one name.
    """
    known: dict[str, StructField] = {}
    for struct in structs:
        for field in schema_of(struct):
            if field.name in but:
                continue
            if known.setdefault(field.name, field).dataType != field.dataType:
                raise TypeError(f"{struct.__name__}.{field.name} is of another type elsewhere")
    return StructType(list(known.values()))


def _type(hint: Any) -> DataType:
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        [inner] = [part for part in arguments if part is not type(None)]
        return _type(inner)
    if origin is tuple:
        return ArrayType(_type(arguments[0]))
    if origin is dict:
        return MapType(_type(arguments[0]), _type(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Struct):
        return schema_of(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return StringType()
    if hint in _SIMPLE:
        return _SIMPLE[hint]()
    raise TypeError(f"no topic carries a {hint!r}")
