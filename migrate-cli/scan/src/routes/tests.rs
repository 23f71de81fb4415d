//! Every form in which routers are made, named and taken in.

use insta::assert_snapshot;

use super::*;
use crate::facts::Facts;
use crate::modules::Modules;
use crate::names::Monolith;

/// Each route and where it is served, then what can't be told.
fn routes(files: &[(&str, &str)]) -> String {
    let facts: Vec<Facts> = files.iter().map(|(_, text)| Facts::of(text)).collect();
    let modules = Modules::of(files.iter().map(|(path, _)| *path));
    let is_test = |file: FileId| files[file].0.starts_with("tests/");
    let lookup = Lookup::new(Monolith { facts: &facts, modules: &modules });
    let found = of(&lookup, &is_test);
    let name = |file: FileId| files[file].0;
    let lines = found.all.iter().map(|route| {
        let methods =
            if route.methods.is_empty() { "any".to_owned() } else { route.methods.join(",") };
        let paths: Vec<String> = route
            .paths
            .iter()
            .map(|path| {
                let at: Vec<String> = path
                    .mounts
                    .iter()
                    .map(|(file, line)| format!("{}:{line}", name(*file)))
                    .collect();
                let settings: Vec<&str> = path.settings.iter().map(String::as_str).collect();
                let settings = if settings.is_empty() {
                    String::new()
                } else {
                    format!(" by {}", settings.join(" "))
                };
                format!("{}{settings} [{}]", path.text.replace(HOLE, "…"), at.join(" "))
            })
            .collect();
        let paths = if paths.is_empty() { "nowhere".to_owned() } else { paths.join(" | ") };
        format!("{}:{} {} {methods} {paths}", name(route.file), route.line, route.handler)
    });
    let untold =
        found.untold.iter().map(|(file, line, what)| format!("{}:{line} ? {what}", name(*file)));
    lines.chain(untold).collect::<Vec<_>>().join("\n")
}

/// A router in `app/jobs.py` with one route, and an application that takes it in somehow.
fn taken_in(main: &str) -> String {
    routes(&[
        ("app/__init__.py", ""),
        (
            "app/settings.py",
            "class Settings(BaseSettings):\n    prefix: str = '/v9'\n    other: str\nsettings = Settings()\n\
            def get_settings():\n    return Settings()\nROOT = '/root'\n",
        ),
        (
            "app/jobs.py",
            "from fastapi import APIRouter\nrouter = APIRouter(prefix='/jobs')\n\n@router.get('/{id}')\ndef read(): ...\n",
        ),
        ("app/main.py", main),
    ])
}

#[test]
fn a_router_is_served_below_every_prefix() {
    let main = "from .jobs import router\napp = FastAPI()\napp.include_router(router, prefix='/v1')\napp.include_router(router)\n";
    assert_snapshot!(taken_in(main), @"app/jobs.py:4 read GET /jobs/{id} [app/main.py:4] | /v1/jobs/{id} [app/main.py:3]");
}

#[test]
fn a_router_that_nobody_takes_in_is_served_nowhere() {
    assert_snapshot!(taken_in("from .jobs import router\n"), @"app/jobs.py:4 read GET nowhere");
}

#[test]
fn prefixes_are_put_together_from_constants_and_settings() {
    let main = "import os\nfrom . import jobs\nfrom .settings import settings, ROOT, get_settings\nfrom fastapi import FastAPI as Api\n\
        V = '/v2'\napp = Api()\napp.include_router(jobs.router, prefix=f'{ROOT}{V}/x')\n\
        app.include_router(jobs.router, prefix=settings.prefix + '/y')\n\
        app.include_router(jobs.router, prefix=get_settings().prefix)\n\
        app.include_router(jobs.router, prefix=settings.other)\n\
        app.include_router(jobs.router, prefix=os.getenv('P', '/env'))\n\
        app.include_router(jobs.router, prefix=read_it())\n";
    assert_snapshot!(taken_in(main), @"app/jobs.py:4 read GET /env/jobs/{id} by P [app/main.py:11] | /root/v2/x/jobs/{id} [app/main.py:7] | /v9/jobs/{id} by get_settings().prefix [app/main.py:9] | /v9/y/jobs/{id} by settings.prefix [app/main.py:8] | …/jobs/{id} [app/main.py:10] | …/jobs/{id} [app/main.py:12]");
}

#[test]
fn an_application_may_be_made_and_handed_over() {
    let main = "from app.jobs import router as jobs\ndef register(app, where='/x'):\n    app.include_router(jobs, prefix=where)\n\
        def create():\n    app = FastAPI()\n    register(app, '/v1')\n    register(where='/v2', app=app)\n    return app\n\
        application = create()\napplication.include_router(jobs, prefix='/v3')\n";
    assert_snapshot!(taken_in(main), @"app/jobs.py:4 read GET /v1/jobs/{id} [app/main.py:3] | /v2/jobs/{id} [app/main.py:3] | /v3/jobs/{id} [app/main.py:10]");
}

#[test]
fn routers_in_lists_are_taken_in_turn_by_turn() {
    let files = [
        ("app/__init__.py", ""),
        ("app/a.py", "router = APIRouter()\n@router.post('/a')\ndef a(): ...\n"),
        ("app/b.py", "b = fastapi.APIRouter()\n@b.put('/b')\nasync def put(): ...\n"),
        (
            "app/lists.py",
            "from . import a, b\nALL = [(a.router, '/one')]\nALL.append((b.b, '/two'))\nTABLE = {'/t': b.b}\n",
        ),
        (
            "app/main.py",
            "from .lists import ALL, TABLE\nfrom .a import router as first\nfrom .b import b\napp = FastAPI()\n\
            for router, prefix in ALL:\n    app.include_router(router, prefix=prefix)\n\
            for prefix, router in TABLE.items():\n    app.include_router(router, prefix=prefix)\n\
            for one in [first, b]:\n    app.include_router(one, prefix='/each')\n\
            [app.include_router(one, prefix=f'/n{v}') for v in ('1', '2') for one in (b,)]\n",
        ),
    ];
    assert_snapshot!(routes(&files), @r"
    app/a.py:2 a POST /each/a [app/main.py:10] | /one/a [app/main.py:6]
    app/b.py:2 put PUT /each/b [app/main.py:10] | /n1/b [app/main.py:11] | /n2/b [app/main.py:11] | /t/b [app/main.py:8] | /two/b [app/main.py:6]
    ");
}

#[test]
fn routers_nest_and_applications_are_mounted() {
    let files = [
        ("app/__init__.py", "from .api import api\n"),
        (
            "app/api.py",
            "from .jobs import make\napi = APIRouter(prefix='/api')\nsub = Starlette()\napi.include_router(make('x'), prefix='/in')\n\
            sub.mount('/deep/', api)\napi.include_router(unknown())\n",
        ),
        (
            "app/jobs.py",
            "def make(name):\n    router = APIRouter()\n    @router.api_route('/j', methods=['get', 'POST'])\n    def j(): ...\n\
            \x20   @router.websocket('/ws')\n    def ws(): ...\n    return router\n",
        ),
        (
            "app/main.py",
            "from app import api\nimport app.api\nclass Server:\n    def __init__(self):\n        self.app = FastAPI()\n\
            \x20       self.app.include_router(api)\n        self.app.mount('/static', StaticFiles())\n    def more(self):\n\
            \x20       self.app.mount('/sub', app.api.sub)\n        self.app.add_api_route('/own', self.own)\n",
        ),
    ];
    assert_snapshot!(routes(&files), @r"
    app/jobs.py:3 j GET,POST /api/in/j [app/main.py:6 app/api.py:4] | /sub/deep/api/in/j [app/main.py:9 app/api.py:5 app/api.py:4]
    app/jobs.py:5 ws GET /api/in/ws [app/main.py:6 app/api.py:4] | /sub/deep/api/in/ws [app/main.py:9 app/api.py:5 app/api.py:4]
    app/main.py:10 self.own GET /own []
    app/api.py:6 ? include_router(unknown())
    ");
}

#[test]
fn what_can_not_be_told_is_named_and_tests_serve_nobody() {
    let files = [
        ("app/__init__.py", ""),
        (
            "app/jobs.py",
            "router = APIRouter()\n@router.get('/j')\ndef j(): ...\n@cache.get(key)\ndef no(): ...\n",
        ),
        (
            "app/main.py",
            "from .jobs import router\ndef setup(target):\n    target.include_router(router, prefix='/x')\n\
            app = FastAPI()\nfor name in names():\n    app.include_router(load(name))\n",
        ),
        (
            "tests/test_jobs.py",
            "from app.jobs import router\napp = FastAPI()\napp.include_router(router)\n",
        ),
    ];
    assert_snapshot!(routes(&files), @r"
    app/jobs.py:2 j GET …/x/j [app/main.py:3]
    app/main.py:3 ? target takes router in
    app/main.py:6 ? include_router(load())
    ");
}

#[test]
fn routers_that_take_each_other_in_end() {
    let text = "a = APIRouter(prefix='/a')\nb = APIRouter(prefix='/b')\na.include_router(b)\nb.include_router(a)\napp = FastAPI()\n\
        app.include_router(a)\n@b.get('/x')\ndef x(): ...\n";
    assert_snapshot!(routes(&[("app/__init__.py", ""), ("app/main.py", text)]), @"app/main.py:7 x GET /a/b/x [app/main.py:6 app/main.py:3]");
}

#[test]
fn names_that_stand_for_themselves_end() {
    let mut lines = vec!["line = line + line", "app = app.x", "app2 = FastAPI()"];
    let nested: Vec<String> = (0..6)
        .map(|depth| {
            let (outer, inner) = ("    ".repeat(depth), "    ".repeat(depth + 1));
            format!(
                "{outer}def f{depth}(router):\n{inner}app = app.x\n{inner}line = f'{{line}}{{line}}'\n\
                 {inner}app.include_router(app.y, prefix=line)\n{inner}f{depth}(app)\n{inner}f{depth}(router)"
            )
        })
        .collect();
    lines.extend(nested.iter().map(String::as_str));
    // Each router twice in the next one: a million ways from the first to the last.
    let chain: Vec<String> = (0..20)
        .map(|number| {
            let next = if number == 19 { "app2".to_owned() } else { format!("r{}", number + 1) };
            format!(
                "r{number} = APIRouter()\n{next}.include_router(r{number})\n\
                 {next}.include_router(r{number}, prefix='/x')"
            )
        })
        .collect();
    lines.extend(chain.iter().map(String::as_str));
    lines.push("@r0.get('/y')\ndef y(): ...\n");
    let text = lines.join("\n");
    assert!(!routes(&[("app/__init__.py", ""), ("app/main.py", &text)]).is_empty());
}
