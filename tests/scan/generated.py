"""A monolith of a thousand modules with every form of import, from a seed."""

import random
from pathlib import Path

PACKAGES = 50
MODULES = 19  # in each package, besides its own file


def write(folder: Path, seed: int) -> None:
    """Writes it below `folder`: packages `mono.pNN` with modules `mNN`, half of them in nested packages."""
    dice = random.Random(seed)
    put(folder / "mono/__init__.py", "")
    packages = [f"mono.p{number:02}" if number % 2 else f"mono.deep.p{number:02}" for number in range(PACKAGES)]
    put(folder / "mono/deep/__init__.py", "")
    modules = [f"{package}.m{number:02}" for package in packages for number in range(MODULES)]
    for module in modules:
        text = "class Thing: ...\nclass Other: ...\ndef work(): ...\n_hidden = 1\n"
        if dice.random() < 0.3:
            text += '__all__ = ["Thing", "work"]\n'
        for _ in range(dice.randrange(1, 6)):
            text += statement(dice, module, dice.choice([other for other in modules if other != module]))
        put(folder / f"{module.replace('.', '/')}.py", text)
    for package in packages:
        text = '"""mono.p01.m01 is named in a docstring and no import."""\n'
        for number in dice.sample(range(MODULES), 3):
            text += f"from .m{number:02} import Thing as Thing{number:02}\n"
        text += f"from .m{dice.randrange(MODULES):02} import *\n"
        put(folder / f"{package.replace('.', '/')}/__init__.py", text)


def statement(dice: random.Random, module: str, other: str) -> str:
    """One import of `other` in some form, with some use of it."""
    package, name = other.rsplit(".", 1)
    up = relative(module, package)
    mark = f"v{dice.randrange(10**9)}"
    forms = [
        f"import {other}\n{other}.work()\n",
        f"import {other} as {mark}\n{mark}.Thing.make()\n",
        f"from {other} import Thing as {mark}, work as {mark}w\n",
        f"from {package} import {name} as {mark}\nprint({mark}.Other, {mark})\n",
        f"from {up} import {name} as {mark}\n{mark}.work()\n",
        f"from {up}{'' if up.endswith('.') else '.'}{name} import (\n    Other as {mark},\n)\n",
        f"from {other} import *\n\ndef {mark}():\n    return Thing, _hidden\n",
        f"def {mark}():\n    from {other} import work\n    return work()\n",
        f"def {mark}():\n    import {other} as here\n    return here.Thing\n",
        f"if TYPE_CHECKING:\n    from {other} import Thing as {mark}\nelse:\n    {mark} = None\n",
        f"try:\n    from {other} import Other as {mark}\nexcept ImportError:\n    {mark} = None\n",
        f"import importlib\n{mark} = importlib.import_module('{other}')\n{mark}.work()\n",
        f"from importlib import import_module as {mark}\n{mark}('{other}').Thing\n",
        f"__import__('{other}')\n",
        f"{mark} = '{other}'\n",
        f"{mark} = ['{other}:Thing', 'no.such.module', 'see {other}']\n",
        f"{mark} = lambda: patch('{other}.Other.method')\n",
        f"class {mark}:\n    from {other} import Thing\n",
        "import logging, json\nfrom fastapi import APIRouter\n",
    ]
    return dice.choice(forms)


def relative(module: str, package: str) -> str:
    """`package` as seen from `module`, with dots."""
    here, there = module.split(".")[:-1], package.split(".")
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    return "." * (len(here) - shared + 1) + ".".join(there[shared:])


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
