"""A FastAPI application of many routers, made, named and taken in in every form, from a seed; and what FastAPI serves of it."""

import json
import random
import subprocess
import sys
from pathlib import Path

ROUTERS = 120

SETTINGS = """import os

ROOT = "/root"
DEEP = f"{ROOT}/deep"
TABLE_PREFIX = ROOT + "/t"
FROM_ENVIRONMENT = os.getenv("NOBODY_SETS_THIS", "/env")


class Settings:
    prefix: str = "/set"
    other = "/other"


settings = Settings()


def get_settings():
    return settings
"""

SERVED = """
import json, sys
from mono.main import application
from starlette.routing import Mount, WebSocketRoute

def walk(routes, before):
    for route in routes:
        if isinstance(route, Mount):
            yield from walk(route.routes, before + route.path)
        elif hasattr(route, "endpoint") and route.endpoint.__module__.startswith("mono"):
            code = route.endpoint.__code__
            methods = sorted(route.methods) if getattr(route, "methods", None) else ["GET"]
            # Starlette answers HEAD wherever it answers GET.
            methods = [method for method in methods if method != "HEAD"]
            yield [code.co_filename, code.co_firstlineno, methods, before + route.path]

json.dump(sorted(walk(application.routes, "")), sys.stdout)
"""


def write(folder: Path, seed: int) -> None:
    """Writes package `mono` below `folder`, with `mono.main.application`."""
    dice = random.Random(seed)
    put(folder / "mono/__init__.py", "")
    put(folder / "mono/settings.py", SETTINGS)
    names = [f"r{number:03}" for number in range(ROUTERS)]
    spelled = {name: router(folder, dice, name) for name in names}
    takers = {name: dice.choice(FORMS) for name in names}
    main = "from fastapi import FastAPI\nfrom mono.settings import ROOT, DEEP, TABLE_PREFIX, FROM_ENVIRONMENT, settings, get_settings\n\n\n"
    ends: list[str] = []
    inside: list[str] = []
    for name in names:
        before, during, after = takers[name](folder, name, spelled[name], prefix(dice))
        main += before
        inside += during
        ends += after
    main += "\n\ndef create():\n    app = FastAPI()\n" + "".join(f"    {line}\n" for line in inside) + "    return app\n\n\n"
    main += "application = create()\n" + "".join(f"{line}\n" for line in ends)
    put(folder / "mono/main.py", main)


def router(folder: Path, dice: random.Random, name: str) -> str:
    """Writes a module with a router and gives back the router's name in it."""
    spelled = dice.choice(["router", name, "api"])
    own = dice.choice(["", f'prefix="/{name}"', f'prefix=f"{{settings.other}}/{name}", tags=["x"]'])
    maker = dice.choice(["from fastapi import APIRouter", "from fastapi import APIRouter as Maker", "import fastapi"])
    call = {"from fastapi import APIRouter": "APIRouter", "from fastapi import APIRouter as Maker": "Maker"}.get(maker, "fastapi.APIRouter")
    text = f"{maker}\nfrom mono.settings import settings\nWORD = '/word'\n{spelled} = {call}({own})\n\n"
    for number in range(dice.randrange(1, 4)):
        path = f"/{name}-{number}/{{id}}"
        doubled = path.replace("{", "{{").replace("}", "}}")
        text += dice.choice(
            [
                f'@{spelled}.get("{path}")\nasync def h{number}(id): ...\n\n',
                f'@{spelled}.post(path="{path}", status_code=201)\ndef h{number}(id): ...\n\n',
                f'@{spelled}.delete(WORD + "{path}")\ndef h{number}(id): ...\n\n',
                f'@{spelled}.api_route(f"{{WORD}}{doubled}", methods=["PUT", "PATCH"])\ndef h{number}(id): ...\n\n',
                f'@{spelled}.websocket("{path}")\nasync def h{number}(id): ...\n\n',
            ]
        )
    put(folder / f"mono/{name}.py", text)
    return spelled


def prefix(dice: random.Random) -> str:
    """A prefix in some form."""
    return dice.choice(
        ['"/v1"', 'f"{ROOT}/v2"', "DEEP", "settings.prefix", 'get_settings().prefix + "/x"', "FROM_ENVIRONMENT", "TABLE_PREFIX", '""']
    )


def plain(folder: Path, name: str, spelled: str, before: str):
    return f"from mono.{name} import {spelled} as {name}\n", [f"app.include_router({name}, prefix={before})"], []


def by_module(folder: Path, name: str, spelled: str, before: str):
    return f"from mono import {name}\n", [f"app.include_router({name}.{spelled}, prefix={before})"], []


def by_whole_name(folder: Path, name: str, spelled: str, before: str):
    return f"import mono.{name}\n", [f"app.include_router(mono.{name}.{spelled}, prefix={before})"], []


def in_the_function(folder: Path, name: str, spelled: str, before: str):
    return "", [f"from .{name} import {spelled} as {name}", f"app.include_router(router={name}, prefix={before})"], []


def after_it_was_made(folder: Path, name: str, spelled: str, before: str):
    return f"from .{name} import {spelled} as {name}\n", [], [f"application.include_router({name}, prefix={before})"]


def in_a_list(folder: Path, name: str, spelled: str, before: str):
    lists = f"from .{name} import {spelled} as one\nALL = [(one, '/listed')]\n"
    put(folder / f"mono/lists_{name}.py", lists)
    take = f"from mono.lists_{name} import ALL as all_{name}\n"
    return take, [f"for each, where in all_{name}:", f"    app.include_router(each, prefix=where + '/{name}')"], []


def in_a_table(folder: Path, name: str, spelled: str, before: str):
    take = f"from .{name} import {spelled} as {name}\nTABLE_{name} = {{'/a': {name}, '/b': {name}}}\n"
    return take, [f"for where, each in TABLE_{name}.items():", f"    app.include_router(each, prefix=where)"], []


def in_a_comprehension(folder: Path, name: str, spelled: str, before: str):
    take = f"from .{name} import {spelled} as {name}\n"
    return take, [f"[app.include_router(each, prefix=f'/c{{v}}') for v in ('1', '2') for each in [{name}]]"], []


def by_a_function(folder: Path, name: str, spelled: str, before: str):
    text = f"from .{name} import {spelled} as {name}\n\n\ndef register(target, where='/never', *, also=None):\n"
    text += f"    target.include_router({name}, prefix=where)\n"
    put(folder / f"mono/register_{name}.py", text)
    return f"from .register_{name} import register as register_{name}\n", [f"register_{name}(app, where={before})"], []


def made_by_a_function(folder: Path, name: str, spelled: str, before: str):
    text = f"from fastapi import APIRouter\n\n\ndef make(word):\n    made = APIRouter(prefix='/made')\n\n"
    text += f"    @made.get('/{name}')\n    def own(): ...\n\n    return made\n"
    put(folder / f"mono/make_{name}.py", text)
    return f"from .make_{name} import make as make_{name}\n", [f"app.include_router(make_{name}('x'), prefix={before})"], []


def nested(folder: Path, name: str, spelled: str, before: str):
    text = f"from fastapi import APIRouter\nfrom mono.{name} import {spelled}\nouter = APIRouter(prefix='/outer')\n"
    text += f"outer.include_router({spelled}, prefix='/in')\nalias = outer\n"
    put(folder / f"mono/nest_{name}/__init__.py", "from .deeper import alias as passed_on\n")
    put(folder / f"mono/nest_{name}/deeper.py", text)
    return f"from mono.nest_{name} import passed_on as nest_{name}\n", [f"app.include_router(nest_{name}, prefix={before})"], []


def mounted(folder: Path, name: str, spelled: str, before: str):
    text = f"from fastapi import FastAPI\nfrom mono.{name} import {spelled}\nsub = FastAPI()\nsub.include_router({spelled}, prefix='/sub')\n"
    put(folder / f"mono/mount_{name}.py", text)
    return f"from . import mount_{name}\n", [f"app.mount('/m-{name}/', mount_{name}.sub)"], []


def of_a_class(folder: Path, name: str, spelled: str, before: str):
    text = f"from mono.{name} import {spelled}\n\n\nclass Holder:\n    def __init__(self):\n        self.router = {spelled}\n\n\nholder = Holder()\n"
    put(folder / f"mono/hold_{name}.py", text)
    return f"from .hold_{name} import holder as hold_{name}\n", [f"app.include_router(hold_{name}.router, prefix={before})"], []


def by_nobody(folder: Path, name: str, spelled: str, before: str):
    return f"from .{name} import {spelled} as {name}\n", [], []


def twice(folder: Path, name: str, spelled: str, before: str):
    return f"from .{name} import {spelled} as {name}\n", [f"app.include_router({name})", f"app.include_router({name}, prefix='/again')"], []


FORMS = [
    plain,
    by_module,
    by_whole_name,
    in_the_function,
    after_it_was_made,
    in_a_list,
    in_a_table,
    in_a_comprehension,
    by_a_function,
    made_by_a_function,
    nested,
    mounted,
    of_a_class,
    by_nobody,
    twice,
]


def served(folder: Path) -> set[tuple[str, int, tuple[str, ...], str]]:
    """What FastAPI itself serves: file, line, methods, path."""
    command = [sys.executable, "-c", SERVED]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {(str(Path(file).relative_to(folder)), line, tuple(methods), path) for file, line, methods, path in found}


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
