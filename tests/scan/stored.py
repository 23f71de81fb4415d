"""A monolith that reads and writes tables in every form, from a seed, and what it does by construction."""

import random
from pathlib import Path

TABLES = 40
FILES = 80

Does = set[tuple[str, str, str, int]]


def write(folder: Path, seed: int) -> Does:
    """Writes package `mono` below `folder`; gives back who does what: file, table, `reads` or `writes`, line."""
    dice = random.Random(seed)
    (folder / "mono").mkdir()
    (folder / "mono/__init__.py").write_text("")
    names = [f"T{number:02}" for number in range(TABLES)]
    text = "from sqlmodel import Field, SQLModel, Table\nclass Plain(SQLModel):\n    id: str\n"
    tables = {}
    for name in names:
        declared, tables[name] = declare(dice, name)
        text += declared
    (folder / "mono/domain.py").write_text(text)
    done: Does = set()
    for number in range(FILES):
        path = f"mono/f{number:02}.py"
        lines = ["from mono import domain", "from mono.domain import Plain"]
        for _ in range(dice.randrange(3, 9)):
            name = dice.choice(names)
            spelled = spell(dice, lines, name)
            body, does = dice.choice(FORMS)(spelled, tables[name])
            lines.append(f"def g{len(lines)}(session, row: {spelled}):")
            start = len(lines)
            lines += [f"    {line}" for line in body]
            done |= {(path, tables[name], kind, start + line) for kind, line in does}
        (folder / path).write_text("\n".join(lines) + "\n")
    return done


def declare(dice: random.Random, name: str) -> tuple[str, str]:
    table = f"table_{name.lower()}"
    return dice.choice(
        [
            (f"class {name}(SQLModel, table=True):\n    id: str\n", name.lower()),
            (f"class {name}(SQLModel, table=True):\n    __tablename__ = '{table}'\n    id: str\n", table),
            (f"class {name}(Base):\n    __tablename__: str = '{table}'\n    id = Column(String)\n", table),
        ]
    )


def spell(dice: random.Random, lines: list[str], name: str) -> str:
    other = f"N{len(lines)}"
    how = dice.choice(["import", "as", "module"])
    if how == "module":
        return f"domain.{name}"
    lines.append(f"from .domain import {name}" + (f" as {other}" if how == "as" else ""))
    return other if how == "as" else name


# Each form: the lines of a function, and what they do at which of them (1-based).
FORMS = [
    lambda T, t: ([f"return session.exec(select({T})).all()"], {("reads", 1)}),
    lambda T, t: ([f"return session.get({T}, 1)"], {("reads", 1)}),
    lambda T, t: ([f"return session.query({T}).filter({T}.id == 1).first()"], {("reads", 1)}),
    lambda T, t: ([f"return session.exec(select(func.count({T}.id)))"], {("reads", 1)}),
    lambda T, t: ([f"return session.exec(select(1).select_from({T}))"], {("reads", 1)}),
    lambda T, t: ([f"made = {T}(id='x')", "session.add(made)"], {("writes", 1), ("writes", 2)}),
    lambda T, t: ([f"session.execute(update({T}).values(id=2))"], {("writes", 1)}),
    lambda T, t: ([f"session.execute(sa.delete({T}))"], {("writes", 1)}),
    lambda T, t: ([f"session.execute(insert({T}), [])"], {("writes", 1)}),
    lambda T, t: ([f"session.query({T}).delete()"], {("reads", 1), ("writes", 1)}),
    lambda T, t: ([f"one = session.get({T}, 1)", "one.id = 'y'", "other.id = 'z'"], {("reads", 1), ("writes", 2)}),
    lambda T, t: ([f"for one in session.exec(select({T})):", "    one.id += 'y'"], {("reads", 1), ("writes", 2)}),
    lambda T, t: ([f"found = session.exec(select({T}))", "one = found.first()", "session.delete(one)"], {("reads", 1), ("writes", 3)}),
    lambda T, t: (["row.id = 'x'", "setattr(row, 'id', 1)", "session.add_all([row])"], {("writes", 1), ("writes", 2), ("writes", 3)}),
    lambda T, t: ([f"session.execute('SELECT * FROM {t} WHERE 1')"], {("reads", 1)}),
    lambda T, t: ([f'session.execute("""delete from main.{t} where 1""")'], {("writes", 1)}),
    lambda T, t: ([f"session.execute('INSERT INTO {t} (id) SELECT 1')"], {("writes", 1)}),
    lambda T, t: ([f'session.execute("-- why, FROM nowhere\\n/* nor, from here */ SELECT 1 FROM {t}")'], {("reads", 1)}),
    lambda T, t: ([f"session.execute('EXPLAIN QUERY PLAN SELECT 1 FROM other o, {t}, more WHERE a IN (b, c)')"], {("reads", 1)}),
    lambda T, t: ([f"x = 'Update the list from {t}'", f'"""select * from {t}"""'], set()),
    lambda T, t: (["Plain(id=1)", "session.get(Plain, 1)", "row.id == 1", "cache.get(row)"], set()),
    lambda T, t: ([f"def check(value: {T}) -> {T}:", "    return value"], set()),
]
