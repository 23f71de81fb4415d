"""Modules that import a file which goes, in every form and layout, from a seed; and what Python's own `ast` and `symtable` say of what
becomes of them."""

import ast
import builtins
import random
import symtable
from pathlib import Path

ROUTERS = [f"r{number}" for number in range(8)]
FUNCTIONS = [f"f{number}" for number in range(8)]
KEPT = [f"k{number}" for number in range(8)]
# Ends a line that uses something in a way that nothing can take out.
USE = "# use"


def write(folder: Path, seed: int, modules: int) -> None:
    """Writes package `pkg` below `folder`: `pkg/gone.py` goes."""
    dice = random.Random(seed)
    gone = "".join(f"{name} = APIRouter()\n" for name in ROUTERS) + "".join(f"def {name}(): ...\n" for name in FUNCTIONS)
    put(folder / "pkg/__init__.py", "")
    put(folder / "pkg/gone.py", "from fastapi import APIRouter\n" + gone)
    put(folder / "pkg/kept.py", "from fastapi import APIRouter\n" + "".join(f"{name} = APIRouter()\n" for name in KEPT))
    both = [("gone", ROUTERS + FUNCTIONS), ("kept", KEPT)]
    put(folder / "pkg/both.py", "".join(f"from .{module} import {', '.join(names)}\n" for module, names in both))
    for number in range(modules):
        text = Writer(dice).module()
        ast.parse(text)
        put(folder / f"pkg/m{number:03}.py", text)


class Writer:
    """Writes one module."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.names = dice.sample(ROUTERS + FUNCTIONS + KEPT, len(ROUTERS + FUNCTIONS + KEPT))
        # What the module has by now, as its code reaches it.
        self.routers: list[str] = []
        self.functions: list[str] = []
        self.kept: list[str] = []
        self.functions_made = 0

    def module(self) -> str:
        dice = self.dice
        blocks = ['"""A module."""\n'] if dice.random() < 0.3 else []
        blocks += ["import os\nfrom typing import TYPE_CHECKING, cast\nfrom fastapi import FastAPI\napi = FastAPI()\n"]
        blocks += [self.imports() for _ in range(dice.randrange(1, 5))]
        if dice.random() < 0.4:
            blocks.append(self.whole())
        blocks += [dice.choice(SAFE)(self) for _ in range(dice.randrange(2, 8))]
        blocks.append(self.exports())
        if dice.random() < 0.3:
            blocks += [self.use() for _ in range(dice.randrange(1, 3))]
        text = "".join(blocks)
        return text.replace("\n", "\r\n") if dice.random() < 0.1 else text

    def imports(self) -> str:
        """Imports in some block."""
        lines = [self.statement() for _ in range(self.dice.randrange(1, 4))]
        text = self.joined(lines)
        around = self.dice.choice(["{}", "{}", "{}", "try:\n{}except ImportError:\n    raise\n", "if TYPE_CHECKING:\n{}", "if os:\n    os\nelse:\n{}"])
        if around == "{}":
            return text
        return around.format(indented(text))

    def joined(self, lines: list[str]) -> str:
        """Statements, some of them in one line."""
        text = ""
        for at, line in enumerate(lines):
            last = at == len(lines) - 1
            text += line + ("\n" if last else self.dice.choice(["\n", "\n", "; ", ";", "  # why\n", ";\n"]))
        return text

    def statement(self) -> str:
        """`from … import …` with new names."""
        dice = self.dice
        names, self.names = self.names[: dice.randrange(1, 5)], self.names[4:]
        if not names:
            return "import os"
        module = dice.choice(["pkg.both", ".both"])
        parts = []
        for name in names:
            bound = name if dice.random() < 0.7 else f"{name}_too"
            self.know(name, bound)
            parts.append(name if bound == name else f"{name} as {bound}")
        return f"from {module} import {self.listed(parts)}"

    def know(self, name: str, bound: str) -> None:
        {"r": self.routers, "f": self.functions, "k": self.kept}[name[0]].append(bound)

    def listed(self, parts: list[str]) -> str:
        end = self.dice.choice(["", ","])
        comma = self.dice.choice([", ", ",", " ,"])
        lines = "".join(f"    {part}{',' if end or at + 1 < len(parts) else ''}{self.comment()}\n" for at, part in enumerate(parts))
        return self.dice.choice(
            [
                comma.join(parts),
                f"({comma.join(parts)}{end})",
                f"(\n{lines})",
                ", \\\n    ".join(parts),
                "(" + "\n    , ".join(parts) + "\n)",
                "(\n    # above\n    " + comma.join(parts) + end + "  # behind\n)",
            ]
        )

    def comment(self) -> str:
        return self.dice.choice(["", "", "  # why"])

    def whole(self) -> str:
        """An import of modules as wholes."""
        text, bound = self.dice.choice(
            [
                ("import pkg.gone\n", "pkg.gone"),
                ("import pkg.gone as whole, pkg.kept\n", "whole"),
                ("import os, pkg.gone as whole; import pkg.kept\n", "whole"),
                ("from pkg import gone, kept\n", "gone"),
                ("from . import kept, gone as whole\n", "whole"),
                ("from pkg import both\n", "both"),
            ]
        )
        self.routers += [f"{bound}.{name}" for name in ROUTERS[:2]]
        self.functions.append(f"{bound}.{FUNCTIONS[0]}")
        return text

    def some(self, least: int = 0) -> list[str]:
        known = self.routers + self.kept
        return self.dice.sample(known, min(len(known), self.dice.randrange(least, 6)))

    def list(self) -> str:
        dice = self.dice
        parts = [dice.choice(["{}", "{}", "({})", "({}, '/p')", "'a {}'", "('/p', ({}))"]).format(name) for name in self.some()]
        end = dice.choice(["", ","]) if parts else ""
        lines = "".join(f"    {part},{self.comment()}\n" for part in parts)
        keyed = [f"{dice.choice(['', ' '])}'{at}': {part}" for at, part in enumerate(parts)]
        plain = dice.choice(["ALL: list = ", "ALL = OTHER = ", "ALL = "])
        return dice.choice(
            [
                f"{plain}[{', '.join(parts)}{end}]\n",
                f"{plain}[{','.join(parts)}{end}]; x = 1\n",
                f"{plain}[\n{lines}]\n",
                f"{plain}[  # all\n    {', '.join(parts)}{end}\n    ]\n",
                f"{plain}{{{', '.join(keyed)}{end}}}\n",
                f"{plain}{{{', '.join([*keyed, '**{}'])}}}\n",
                f"{plain}{{'kept', {', '.join(parts)}}}\n" if parts else "",
            ]
        )

    def taken(self) -> str:
        """Routers that are taken in."""
        calls = [
            self.dice.choice(["api.include_router({})", "api.include_router(\n    {},\n    prefix='/x',\n)", "api.mount('/x', {})"]).format(name)
            for name in self.some(1)
        ]
        if not calls:
            return ""
        text = self.joined(calls)
        return text if self.dice.random() < 0.6 else "for v in ('1', '2'):\n" + indented(text)

    def function(self) -> str:
        """A function with names of its own."""
        name = self.dice.choice(FUNCTIONS)
        local = self.dice.choice(ROUTERS)
        self.functions_made += 1
        own, here = f"own{self.functions_made}", f"here{self.functions_made}"
        return self.dice.choice(
            [
                f"def {own}({name}, *, k=lambda {name}: {name}):\n    return {name}\n",
                f"def {own}():\n    {name} = [{name} for {name} in ()]\n    return {name}\n",
                f"def {own}():\n    for {name} in (): pass\n    def inner(): return {name}\n    return inner\n",
                f"def {own}():\n    '''Doc.'''\n    from .gone import {local} as {here}\n    api.include_router({here})\n",
                f"def {own}(): from .gone import {local} as {here}\n",
                f"class Own:\n    {name} = 1; x = {name}\n",
                f"async def {own}():\n    try:\n        from pkg import gone as {here}, kept as there; api.include_router({here}.{local})\n    finally:\n        there\n",
            ]
        )

    def exports(self) -> str:
        """`__all__` in some form."""
        top = [name for name in self.routers + self.functions + self.kept if "." not in name]
        names = [f"'{name}'" for name in self.dice.sample(top, min(len(top), self.dice.randrange(0, 4)))]
        listed = ", ".join(names)
        if not names:
            return ""
        return self.dice.choice(
            [
                f"__all__ = [{listed}]\n",
                f"__all__: list[str] = ['api', {listed}]\n",
                f"__all__ = ({listed}, )\n",
                f"__all__ = ('api', {listed})\n",
                f"__all__ = ({listed}, 'api')\n",
                f"__all__ = {listed}, 'api'\n",
                f"__all__ = ['api']\n__all__ += [{listed}]\n__all__.extend(({listed},))\n",
                "__all__ = []\n" + "".join(f"__all__.append({name})\n" for name in names),
                f"__all__ = ['api'] + sorted([{listed}])\n",
            ]
        )

    def use(self) -> str:
        """Something that can't be taken out."""
        plain = [name for name in self.functions if "." not in name]
        uses = ["print({})", "x = f'{{{}}}'", "LEVELS = {{'a': {}}}", "LEVELS = {{{}}}", "y = [{}]", "z = lambda a: {}", "x = ({}, 1)"]
        uses += ["x: 'list[{}]' = []", "x = list['{}']", "cast('{}', 1)", "def own(a: {} = 1): ...", "def own(): return {}", "del {}"]
        uses += ["def own(): return [a for a in {}]", "class Own({}): ...", "x = {}.a.b", "[api.include_router(a) for a in [{}, 1]]"]
        if plain:
            name = self.dice.choice(plain)
            return self.dice.choice(uses).format(name) + f"  {USE}\n"
        return ""


SAFE = [Writer.list, Writer.list, Writer.taken, Writer.taken, Writer.function, Writer.imports]


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())


def uses(text: str) -> set[int]:
    """The lines of what can't be taken out."""
    return {number for number, line in enumerate(text.splitlines(), 1) if line.endswith(USE)}


def unbound(text: str) -> set[str]:
    """Names that a module reads and that nothing binds."""
    top = symtable.symtable(text, "module", "exec")
    known = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()}
    known |= set(dir(builtins)) | {"__name__", "__file__"}
    found = set()

    def look(table: symtable.SymbolTable) -> None:
        for symbol in table.get_symbols():
            if symbol.is_referenced() and symbol.is_global() and symbol.get_name() not in known:
                found.add(symbol.get_name())
            is_bound = symbol.is_assigned() or symbol.is_imported() or symbol.is_parameter() or symbol.is_namespace()
            if symbol.is_referenced() and symbol.is_local() and not is_bound and table is not top:
                found.add(symbol.get_name())
        for inner in table.get_children():
            look(inner)

    look(top)
    return found | {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()} - known


def without(text: str) -> str:
    """The tree of a module without what comes from `pkg.gone`."""
    tree = ast.parse(text)
    return ast.dump(Without(tree).visit(tree))


class Without(ast.NodeTransformer):
    """Takes it out of the tree."""

    def __init__(self, tree: ast.Module) -> None:
        self.bound = set()
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.bound |= {alias.asname or alias.name for alias in node.names if self.is_gone(node, alias)}
        self.chains = self.bound | {f"both.{name}" for name in ROUTERS}
        self.is_export = False

    def is_gone(self, node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
        if isinstance(node, ast.Import):
            return alias.name == "pkg.gone"
        module = (node.module or "").removeprefix("pkg.").replace("pkg", "")
        return module == "gone" or (module == "both" and alias.name[0] in "rf") or (module == "" and alias.name == "gone")

    def goes(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Tuple):
            return any(self.goes(part) for part in node.elts)
        if self.is_export:
            return isinstance(node, ast.Constant) and node.value in self.bound
        chain = ast.unparse(node)
        return isinstance(node, (ast.Name, ast.Attribute)) and any(chain == one or chain.startswith(f"{one}.") for one in self.chains)

    def visit_Import(self, node):
        node.names = [alias for alias in node.names if not self.is_gone(node, alias)]
        return node if node.names else None

    visit_ImportFrom = visit_Import

    def visit_Expr(self, node):
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            method = call.func.attr
            if method in ("include_router", "mount") and self.goes(call.args[-1]):
                return None
            if method in ("append", "extend"):
                return self.export(node, method == "append")
        return self.generic_visit(node)

    def export(self, node, alone: bool = False):
        self.is_export = True
        goes = alone and self.goes(node.value.args[0])
        node = None if goes else self.generic_visit(node)
        self.is_export = False
        return node

    def visit_Assign(self, node):
        is_export = "__all__" in ast.unparse(node).split("=")[0]
        return self.export(node) if is_export else self.generic_visit(node)

    visit_AnnAssign = visit_AugAssign = visit_Assign

    def visit_List(self, node):
        node.elts = [part for part in node.elts if not self.goes(part)]
        return self.generic_visit(node)

    visit_Set = visit_List

    def visit_Tuple(self, node):
        return self.visit_List(node) if self.is_export else self.generic_visit(node)

    def visit_Dict(self, node):
        pairs = [(key, value) for key, value in zip(node.keys, node.values) if key is None or not self.goes(value)]
        node.keys, node.values = [key for key, _ in pairs], [value for _, value in pairs]
        return self.generic_visit(node)

    def generic_visit(self, node):
        blocks = [name for name in ("body", "orelse", "finalbody") if isinstance(getattr(node, name, None), list) and getattr(node, name)]
        super().generic_visit(node)
        for name in blocks:
            if not getattr(node, name):
                setattr(node, name, [ast.Pass()])
        return node
