"""Which file imports which, and what of it, by Python's own `ast`: the question that `migrate scan` answers, asked once more."""

import ast
import importlib.util
from pathlib import Path

Found = set[tuple[str, int, str, tuple[str, ...]]]


class Source:
    """A package on disk, read by `ast`."""

    def __init__(self, folder: Path) -> None:
        self.path: dict[str, str] = {}
        self.tree: dict[str, ast.Module] = {}
        for file in sorted(folder.rglob("*.py")):
            parts = list(file.relative_to(folder).with_suffix("").parts)
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            self.path[module] = file.relative_to(folder).as_posix()
            self.tree[module] = ast.parse(file.read_text())

    def exports(self, module: str) -> list[str]:
        """What a star would bring of the names that a module defines by itself."""
        names = []
        for statement in self.tree[module].body:
            if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
                names.append(statement.name)
            if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "__all__":
                return list(ast.literal_eval(statement.value))
        return [name for name in names if not name.startswith("_")]

    def links(self) -> Found:
        """Importer, line, imported file, names."""
        found: Found = set()
        for module in self.tree:
            for line, other, names in Reader(self, module).read():
                if other != module:
                    found.add((self.path[module], line, self.path[other], tuple(sorted(names))))
        return found


class Reader:
    """One module. What it yields: line, imported module, names."""

    def __init__(self, source: Source, module: str) -> None:
        self.source, self.module = source, module
        self.tree = source.tree[module]
        is_package = source.path[module].endswith("__init__.py")
        self.package = module if is_package else module.rpartition(".")[0]
        self.docstrings = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        self.chains = {chain for node in ast.walk(self.tree) if (chain := dotted(node)) is not None}
        self.loaders = {"import_module", "__import__"}
        self.read_as: set[int] = set()

    def read(self):
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module == "importlib":
                self.loaders |= {alias.asname or alias.name for alias in node.names}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in self.source.tree:
                        yield alias.lineno, alias.name, self.taken(alias.asname or alias.name)
            elif isinstance(node, ast.ImportFrom):
                yield from self.import_from(node)
            elif isinstance(node, ast.Call):
                yield from self.dynamic(node)
        for node in ast.walk(self.tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and id(node) not in self.docstrings | self.read_as:
                yield from self.text(node)

    def taken(self, bound: str) -> set[str]:
        """The names that the code takes of what it calls `bound`."""
        return {chain[len(bound) + 1 :].split(".")[0] for chain in self.chains if chain.startswith(bound + ".")}

    def import_from(self, node: ast.ImportFrom):
        name = "." * node.level + (node.module or "")
        base = importlib.util.resolve_name(name, self.package) if node.level else name
        if base not in self.source.tree:
            return
        for alias in node.names:
            below = f"{base}.{alias.name}"
            if alias.name == "*":
                roots = {chain.split(".")[0] for chain in self.chains}
                own = {n.name for n in self.tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
                yield alias.lineno, base, (set(self.source.exports(base)) & roots) - own
            elif below in self.source.tree:
                yield alias.lineno, below, self.taken(alias.asname or alias.name)
            else:
                yield alias.lineno, base, {alias.name}

    def dynamic(self, node: ast.Call):
        function = (dotted(node.func) or "").rpartition(".")[2]
        if function in self.loaders and node.args and isinstance(node.args[0], ast.Constant):
            self.read_as.add(id(node.args[0]))
            if node.args[0].value in self.source.tree:
                names: set[str] = set()
                for other in ast.walk(self.tree):
                    if isinstance(other, ast.Assign) and other.value is node:
                        names = self.taken(other.targets[0].id)
                    if isinstance(other, ast.Attribute) and other.value is node:
                        names = {other.attr}
                yield node.lineno, node.args[0].value, names

    def text(self, node: ast.Constant):
        module, _, name = node.value.partition(":")
        rest = [name] if name else []
        while "." in module:
            if module in self.source.tree:
                yield node.lineno, module, set(rest[:1])
                return
            module, _, last = module.rpartition(".")
            rest.insert(0, last)


def dotted(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)) is not None:
        return f"{before}.{node.attr}"
    return None
