"""Column kinds that Piccolo lacks."""

from __future__ import annotations

from typing import Any, overload

from piccolo.columns import JSONB, Text
from piccolo.querystring import QueryString
from piccolo.table import Table


class Json(JSONB):
    """JSONB that reads back as the value written (dict, list …), not as its text.

    The engine decodes JSONB once, for every connection: never ask Piccolo for `load_json`.
    """

    @overload
    def __get__(self, obj: Table, objtype: object = None) -> Any: ...

    @overload
    def __get__(self, obj: None, objtype: object = None) -> Json: ...

    def __get__(self, obj: Table | None, objtype: object = None) -> Any:
        return obj.__dict__[self._meta.name] if obj else self

    def __set__(self, obj: Table, value: Any) -> None:
        obj.__dict__[self._meta.name] = value


class GeneratedText(Text):
    """Text the database makes when a row is inserted without it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.default = QueryString("DEFAULT")

    @property
    def column_type(self) -> str:
        return "TEXT"
