"""Writes rows with edge values into every shared table as the monolith does, and says whether they are still what they were.

    python tests/monolith/round_trip.py write TABLES URL KEPT    # makes the tables in an empty database and fills them
    python tests/monolith/round_trip.py check TABLES URL KEPT    # compares with what was kept; exit status 1 where a row differs

TABLES is JSON: the shared tables with the columns of each. Where the stand-in has a class for a table, that class is used; for
the others one is made, with SQLModel as well. KEPT holds what Python reads of each value, and the form in which it is stored.
"""

import enum
import itertools
import json
import pathlib
import sys
import types
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa
from coordinator import tables as stand_in
from sqlmodel import Field, Session, SQLModel, select

CLASSES: dict[str, type[enum.Enum]] = {
    name: found for name, found in vars(stand_in).items() if isinstance(found, enum.EnumType)
}
OF_THE_STAND_IN = {
    found.__tablename__: found
    for found in (stand_in.Workflow, stand_in.Step, stand_in.Execution, stand_in.StepExecution)
}
# No NUL and no infinity: PostgreSQL has no place for them in text and JSON. SQLite gets them below.
TEXTS = [
    "", " ", "null", "żółć ✓ 🚀", "e\u0301 is not é", "'\"\\%_?$1:name", "a\nb\r\n\tc\x01\x7f\u2028", "007", "1e3", "-0", "[]",
    "2026-11-22 10:28:51.272435", "ż" * 100_000,
]
INTEGERS = [0, 1, -1, 2**31 - 1, -(2**31), 3600]
FLOATS = [
    0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 2.9e-05, 1e16, 2.0**53 + 2, 123456789.12345679, 1e308, -1e308, sys.float_info.max,
    sys.float_info.min, 5e-324, -2.5e-310, float("inf"), float("-inf"),
]
INSTANTS = [
    datetime(2026, 11, 22, 10, 28, 51, 272435), datetime(2026, 1, 2, 3, 4, 5), datetime(2026, 1, 2, 3, 4, 5, 1),
    datetime(2024, 2, 29, 23, 59, 59, 999999), datetime(1970, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999),
]
DOCUMENTS: list[Any] = [
    None, {}, [], "", "null", 0, False, True, -1.5, {"b": 1, "a": {"": [None, {}]}, "ü": "✓ 🚀 \x00\x1f\x7f\"\\/\u2028"},
    [1, 1.0, -0.0, 1e308, 5e-324, 1e-07, 2**53 + 1, 2**63, -(10**30), 1e22], list(range(1000)), {"long": "ż" * 5_000},
    ["x"] * 3 + [[]],
]
DEEP: Any = "core"
for _ in range(200):
    DEEP = [DEEP]
DOCUMENTS.append(DEEP)
# What the columns of a file take besides.
ONLY_IN_FILES = {
    "text": ["a\x00b"],
    "integer": [2**40, 2**63 - 1, -(2**63)],
    "json": [float("inf"), {"odd": float("-inf")}],
}
# A whole number that is a key; others name it.
KEYS = [-(2**31), 2**31 - 1, 0]


class Given:
    """The values that go into the rows of a database, each column beginning elsewhere in its list."""

    def __init__(self, tables: list[dict[str, Any]], is_file: bool) -> None:
        self.is_file = is_file
        columns = [column for table in tables for column in table["columns"]]
        self.rows = max(len(self._values(column)) for column in columns)

    def row(self, table: dict[str, Any], number: int) -> dict[str, Any]:
        columns = enumerate(table["columns"])
        return {column["name"]: self._value(column, number, place) for place, column in columns}

    def _value(self, column: dict[str, Any], number: int, place: int) -> Any:
        if column["kind"] == "integer" and (column["key"] or column["references"] in self._known):
            return (KEYS + list(range(1, self.rows)))[number]
        values = self._values(column)
        value = values[(number + place) % len(values)]
        if column["key"] or column["unique"]:
            return f"{number} {value}"[: column["length"]]
        return value

    # A key that names a table of another program stays empty.
    _known = ("portfolio_strategy", "agent_portfolio")

    def _values(self, column: dict[str, Any]) -> list[Any]:
        kind, more = column["kind"], ONLY_IN_FILES.get(column["kind"], []) if self.is_file else []
        empty = [None] if column["nullable"] else []
        if column["references"] and column["references"] not in self._known:
            return [None]
        if kind == "text":
            return self._texts(column) + more + empty
        if kind == "json":
            # Besides the text null, which None is, no value at all.
            return DOCUMENTS + more + [sa.null() for _ in empty]
        if kind == "enum":
            return list(choices(column)) + empty
        known = {
            "integer": INTEGERS, "float": FLOATS, "boolean": [False, True],
            # The monolith's clock is aware, and columns are not.
            "instant": [instant.replace(tzinfo=timezone.utc) for instant in INSTANTS],
        }
        return known[kind] + more + empty

    def _texts(self, column: dict[str, Any]) -> list[str]:
        if column["length"]:
            full = ("ż🚀" * column["length"])[: column["length"]]
            return [text for text in TEXTS if len(text) <= column["length"]] + [full]
        # PostgreSQL's indexes have pages to fit into.
        most = 500 if column["indexed"] or column["key"] else max(map(len, TEXTS))
        return [text[:most] for text in TEXTS]


def choices(column: dict[str, Any]) -> type[enum.Enum]:
    """The class of an enumeration: its names are stored, its values are not."""
    name = column["class"]
    if name not in CLASSES:
        CLASSES[name] = enum.Enum(name, [(label, label.lower()) for label in column["labels"]], type=str)
    found = CLASSES[name]
    assert [member.name for member in found] == column["labels"], f"{name} has other names"
    return found


def column_of(column: dict[str, Any]) -> sa.Column[Any]:
    kinds = {
        "text": lambda: sa.String(column["length"]), "json": sa.JSON, "integer": sa.Integer, "float": sa.Float,
        "boolean": sa.Boolean, "instant": sa.DateTime, "enum": lambda: sa.Enum(choices(column)),
    }
    names = [sa.ForeignKey(f"{column['references']}.id")] if column["references"] in Given._known else []
    return sa.Column(
        kinds[column["kind"]](), *names, primary_key=column["key"], nullable=column["nullable"],
        index=column["indexed"], unique=column["unique"] or None,
    )


def model(table: dict[str, Any]) -> type[SQLModel]:
    """The class of a table."""
    if table["name"] in OF_THE_STAND_IN:
        return OF_THE_STAND_IN[table["name"]]

    def body(namespace: dict[str, Any]) -> None:
        names = [column["name"] for column in table["columns"]]
        namespace.update(__tablename__=table["name"], __module__=__name__, model_config={"protected_namespaces": ()})
        namespace["__annotations__"] = dict.fromkeys(names, Any)
        namespace.update((column["name"], Field(sa_column=column_of(column))) for column in table["columns"])

    name = "".join(part.capitalize() for part in table["name"].split("_"))
    return types.new_class(name, (SQLModel,), {"table": True}, body)


def read(engine: sa.Engine, models: dict[str, type[SQLModel]]) -> dict[str, dict[str, Any]]:
    """Of each row, by its key: what Python reads in each column, and how it is stored."""
    return {name: dict(rows(engine, found)) for name, found in models.items()}


def rows(engine: sa.Engine, found: type[SQLModel]) -> Any:
    table = found.__table__
    if engine.dialect.name == "sqlite":
        said = [[ask(column, type_=sa.String) for ask in (sa.func.typeof, sa.func.quote)] for column in table.columns]
        stored = [kind + " " + text for kind, text in said]
    else:
        stored = [sa.cast(column, sa.Text) for column in table.columns]
    key = list(table.primary_key.columns)
    with Session(engine) as session:
        read_rows = session.exec(select(found).order_by(*key)).all()
        stored_rows = session.exec(sa.select(*stored).order_by(*key)).all()
        for row, texts in zip(read_rows, stored_rows, strict=True):
            named = zip(table.columns.keys(), texts, strict=True)
            values = {name: [repr(getattr(row, name)), text] for name, text in named}
            yield " ".join(repr(getattr(row, column.name)) for column in key), values


def write(engine: sa.Engine, tables: list[dict[str, Any]], models: dict[str, type[SQLModel]]) -> dict[str, dict[str, Any]]:
    given = Given(tables, engine.dialect.name == "sqlite")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        for table in tables:
            session.add_all(models[table["name"]](**given.row(table, number)) for number in range(given.rows))
            session.flush()
        session.commit()
    kept = read(engine, models)
    for table in tables:
        name = table["name"]
        assert len(kept[name]) == given.rows, name
        expected = [given.row(table, number) for number in range(given.rows)]
        for column in table["columns"]:
            wanted = sorted(shown(row[column["name"]]) for row in expected)
            found = sorted(row[column["name"]][0] for row in kept[name].values())
            if engine.dialect.name == "sqlite" and column["kind"] == "float":
                # A file has no negative zero.
                wanted = sorted("0.0" if text == "-0.0" else text for text in wanted)
            assert found == wanted, f"Python itself reads other values in {name}.{column['name']}"
    return kept


def shown(value: Any) -> str:
    """What Python should read where it wrote this."""
    if isinstance(value, datetime):
        assert value.utcoffset() == timedelta(0)
        value = value.replace(tzinfo=None)
    return repr(None if isinstance(value, sa.sql.elements.Null) else value)


def differences(kept: dict[str, Any], found: dict[str, Any], tables: list[dict[str, Any]]) -> list[str]:
    """Where a value is no longer read as it was, or stored in another form."""
    told = []
    for table in tables:
        name, before, after = table["name"], kept[table["name"]], found[table["name"]]
        told += [f"{name}: the row {key[:80]} is gone" for key in before.keys() - after.keys()]
        told += [f"{name}: the row {key[:80]} is new" for key in after.keys() - before.keys()]
        for key, column in itertools.product(before.keys() & after.keys(), table["columns"]):
            (value, text), (value_now, text_now) = before[key][column["name"]], after[key][column["name"]]
            # No document and the document null are one to Python, and to the service.
            is_null = column["kind"] == "json" and value == value_now == "None"
            if value != value_now or (text != text_now and not is_null):
                was, now = f"{value:.80} ({text!s:.80})", f"{value_now:.80} ({text_now!s:.80})"
                told.append(f"{name}.{column['name']} of {key:.80} was {was} and is {now}")
    return told


def main() -> int:
    command, description, url, keeping = sys.argv[1:]
    tables = json.loads(pathlib.Path(description).read_text())
    models = {table["name"]: model(table) for table in tables}
    engine = sa.create_engine(url)
    file = pathlib.Path(keeping)
    if command == "write":
        file.write_text(json.dumps(write(engine, tables, models)))
        return 0
    told = differences(json.loads(file.read_text()), read(engine, models), tables)
    print("\n".join(told[:50]))
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
