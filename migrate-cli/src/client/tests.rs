//! Documents in, Python out.

use insta::assert_snapshot;
use scan::used::Uses;
use scan::{Facts, Sides, used};

use super::document::{Api, DocumentError};
use super::functions::{self, Functions};
use super::module::{self, Standing};
use crate::monolith::config::Replaced;

const DOCUMENT: &str = include_str!("tests/things.json");

fn api() -> Api {
    Api::of(DOCUMENT, &|_| true).unwrap()
}

const SERVICE: &str = "\
class Thing: ...
def show(db, thing_id: str, user: str) -> dict[str, object]: ...
def listed(limit: int = 10, *, kind: str | None = None) -> list[dict]: ...
async def made(db, name: str, size: float | None = None) -> dict: ...
def stored(db, fields: dict) -> dict: ...
def row(db, thing_id) -> Thing: ...
def twice(thing_id: str) -> dict: ...
def alone() -> dict: ...
";
const ROUTER: &str = "\
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from . import service
router = APIRouter(prefix='/v1/things')
class New(BaseModel): ...
@router.get('/{id}')
def show(id: str, db=Depends(session), user: str = Depends(user)):
    return service.show(db, id, user=user)
@router.get('')
def listed(limit: int = 10, kind: str = None):
    found = service.listed(limit, kind=kind)
    return found
@router.post('')
async def made(body: New, db=Depends(session)):
    return await service.made(db, body.name, size=body.size)
@router.put('/{id}')
def stored(id: str, body: New, db=Depends(session)):
    return service.stored(db, body.model_dump())
@router.delete('/{id}')
def row(id: str, db=Depends(session)):
    return service.row(db, id)
@router.get('/{id}/a')
def a(id: str):
    return service.twice(id)
@router.get('/{id}/b')
def b(id: str):
    return service.twice(id)
";

fn uses(importer: &str) -> Uses {
    uses_of(SERVICE, ROUTER, importer)
}

fn uses_of(service: &str, router: &str, importer: &str) -> Uses {
    let files = [
        ("app/__init__.py", ""),
        (
            "app/main.py",
            "from app import router\napp = FastAPI()\napp.include_router(router.router)\n",
        ),
        ("app/service.py", service),
        ("app/router.py", router),
        ("app/jobs.py", importer),
    ];
    let facts: Vec<Facts> = files.iter().map(|(_, text)| Facts::of(text)).collect();
    let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    let sides = Sides { extracted: [2, 3].into(), ..Sides::default() };
    let text = |path: &str| {
        files.iter().find(|(known, _)| *known == path).map(|(_, text)| (*text).to_owned())
    };
    used::of(&paths, &facts, &sides, &text)
}

fn found(importer: &str, said: &str) -> Functions {
    let replaced: Replaced = toml::from_str(said).unwrap();
    functions::of(&uses(importer), &api(), &replaced)
}

/// What stands against a client for an importer.
fn against(importer: &str, said: &str) -> String {
    let found = found(importer, said).against;
    let shown = found.iter().map(|it| format!("{}:{} {}", it.file, it.line, it.what));
    shown.collect::<Vec<_>>().join("\n")
}

const SAID: &str = "without = ['db']\n[arguments]\nuser = 'api_key'\n";

#[test]
fn a_module_is_written_whole() {
    let importer = "from .service import show, listed, made\nfrom app import service as s\n\
        show(db, 'a', user='ann')\nlisted(kind='b')\nasync def f():\n    await made(db, 'c', size=1.5)\n    s.show(db, thing_id='a', user='u')\n";
    let found = found(importer, SAID);
    assert!(found.against.is_empty(), "{:?}", found.against);
    let text =
        module::write(&api(), &found.all, "migrate client generate --openapi things.json").unwrap();
    assert!(Facts::of(&text).mistake.is_none());
    // The digest of the first line would hide what has changed.
    insta::assert_snapshot!("module", text.split_once('\n').unwrap().1);
}

#[test]
fn what_is_not_known_is_said_with_its_place() {
    let importer = "from .service import Thing, alone, row, twice, stored, show, made\nalone()\nrow(db, 1)\ntwice(1)\nThing()\n\
                    stored(db, {})\nshow(*all)\nshow(db, 'a', 'b', 'c')\nx = made\n";
    assert_snapshot!(against(importer, SAID), @r"
    app/jobs.py:5 uses Thing of app/service.py, which is no function
    app/jobs.py:7 calls show of app/service.py: unpacks arguments, so that can't be told which
    app/jobs.py:8 calls show of app/service.py: gives 4 arguments by place
    app/jobs.py:9 uses made of app/service.py and does not call it
    app/service.py:5 stored: changeThing needs `id`, which no parameter gives
    app/service.py:6 row: gives back `Thing`, and the client plain data
    app/service.py:7 twice: is what several routes answer with: app/router.py:22, app/router.py:25
    app/service.py:8 alone: gives back what no route answers with
    ");
}

#[test]
fn what_maps_to_nothing_stands_against_the_call() {
    assert_snapshot!(against("from .service import show\nshow(db, 'a', user='ann')\n", ""), @r"
    app/jobs.py:2 calls show of app/service.py: gives `db`, which showThing knows nothing of
    app/jobs.py:2 calls show of app/service.py: gives `user`, which showThing knows nothing of
    ");
}

#[test]
fn what_somebody_says_is_taken_for_true() {
    let importer = "from .service import row, alone, twice\nrow(db, 1)\nalone()\ntwice(1)\n";
    let said = "without = ['db']\nby_hand = ['service.alone']\n\
                [names]\n'app.service.row' = 'showThing'\n'service.twice' = 'nothing'\n[arguments]\n'service.row.thing_id' = 'id'\n";
    assert_snapshot!(against(importer, said), @r"
    app/service.py:7 twice: is to be `nothing`, an operation that the client does not have
    ");
    let found = found(importer, said);
    assert_eq!(found.by_hand, ["app/service.py:alone"]);
    let known: Vec<&str> = found.all.iter().map(|it| it.operation.as_str()).collect();
    assert_eq!(known, ["showThing"]);
}

#[test]
fn an_edit_shows() {
    let text = module::write(&api(), &[], "x").unwrap();
    assert_eq!(module::standing(&text), Standing::Generated);
    assert_eq!(module::standing(&text.replace("30.0", "31.0")), Standing::Edited);
    assert_eq!(module::standing("import os\n"), Standing::Foreign);
}

#[test]
fn what_can_t_be_a_client_is_refused() {
    let of = |text: &str| Api::of(text, &|_| true).map(|_| ()).unwrap_err();
    assert!(matches!(of("[]"), DocumentError::Shape(_)));
    assert!(matches!(of(r#"{"openapi": "3.0.3"}"#), DocumentError::Version(_)));
    let twice = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
        "/a": {"get": {"operationId": "getA", "responses": {}}, "put": {"operationId": "get_a", "responses": {}}}}}"#;
    assert!(of(twice).to_string().contains("`getA` and `get_a`"));
}

/// A client of a document with these schemas and these operations.
fn with(schemas: &str, paths: &str) -> Api {
    let text = format!(
        r#"{{"openapi": "3.1.0", "info": {{"title": "t", "version": "1"}}, "paths": {{{paths}}}, "components": {{"schemas": {{{schemas}}}}}}}"#
    );
    Api::of(&text, &|_| true).unwrap()
}

/// An operation at `/NAME` that answers with a schema.
fn answering(name: &str, status: &str) -> String {
    format!(
        r##""/{name}": {{"get": {{"responses": {{"{status}": {{"description": "", "content": {{"application/json": {{"schema": {{"$ref": "#/components/schemas/{name}"}}}}}}}}}}}}}}"##
    )
}

fn answers(api: &Api) -> String {
    let lines = api.operations.iter().map(|it| format!("{} {}", it.name, it.answer.annotation));
    let records = api.records.iter().map(|record| {
        let all = record.required.iter().chain(&record.optional);
        let all: Vec<_> = all.map(|it| format!("{}: {}", it.name, it.annotation)).collect();
        format!("{} {}", record.name, all.join(", "))
    });
    lines.chain(records).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_has_no_fields_and_is_in_itself_ends() {
    let json = r##""Json": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#/components/schemas/Json"}},
        {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Json"}}]}"##;
    assert_snapshot!(answers(&with(json, &answering("Json", "200"))), @"get_json str | list[Any] | dict[str, Any]");
    // Each doubles the one before.
    let chain: Vec<String> = (0..60)
        .map(|at| {
            let next = at + 1;
            format!(
                r##""C{at}": {{"anyOf": [{{"type": "array", "items": {{"$ref": "#/components/schemas/C{next}"}}}},
                {{"type": "object", "additionalProperties": {{"$ref": "#/components/schemas/C{next}"}}}}]}}"##
            )
        })
        .chain([r#""C60": {"type": "string"}"#.to_owned()])
        .collect();
    let text = answers(&with(&chain.join(","), &answering("C0", "200")));
    assert!(text.len() < 5_000, "{}", text.len());
}

#[test]
fn types_are_the_same_wherever_they_stand() {
    let node = r##""Node": {"type": ["object", "null"], "required": ["next"], "properties": {
        "next": {"$ref": "#/components/schemas/Node"}, "again": {"$ref": "#/components/schemas/Node"}}}"##;
    let paths =
        [answering("Node", "200"), answering("Node", "default").replace("/Node", "/more/Node")];
    let paths = paths.map(|it| it.replace("schemas/more/", "schemas/"));
    assert_snapshot!(answers(&with(node, &paths.join(","))), @r"
    get_node Node | None
    get_more_node Node | None
    Node next: Node | None, again: Node | None
    ");
}

#[test]
fn names_of_python_stay_pythons() {
    let schemas = r##""ValueError": {"type": "object", "properties": {"loc": {"type": "string"}}},
        "Odd": {"type": "object", "required": ["type", "a-b"], "description": "Odd.", "properties": {"type": {"type": "string"},
            "a-b": {"$ref": "#/components/schemas/ValueError"}, "class": {"type": ["integer", "null"]}, "list": {"type": "integer"}}},
        "Plain": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}, "id": {"type": "string"}}},
        "Kind": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Plain"}}"##;
    let paths = [answering("ValueError", "200"), answering("Odd", "200"), answering("Kind", "200")];
    let api = with(schemas, &paths.join(","));
    assert_snapshot!(answers(&api), @r"
    get_value_error ValueError_
    get_odd Odd
    get_kind dict[str, Plain]
    ValueError_ loc: str
    Odd type: str, a-b: ValueError_, class: int | None, list: int
    Plain type: str, id: str
    ");
    let text = module::write(&api, &[], "x").unwrap();
    assert!(Facts::of(&text).mistake.is_none(), "{text}");
    insta::assert_snapshot!(
        "odd",
        text.split_once("raise ApiError")
            .unwrap()
            .0
            .split_once('\n')
            .unwrap()
            .1
            .split_once("def _given")
            .unwrap()
            .0
    );
}

#[test]
fn names_that_nobody_has_said_are_told_apart() {
    let get = r#"{"get": {"responses": {}}}"#;
    let said = r#"{"get": {"operationId": "get_a_", "responses": {}}}"#;
    let api = with("", &format!(r#""/a": {get}, "/a/": {get}, "/b": {said}"#));
    let names: Vec<&str> = api.operations.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["get_a_", "get_a__", "get_a"]);
}

/// What stands against `listed`, whose handler is this.
fn listed(function: &str, handler: &str, said: &str) -> String {
    let service = SERVICE.replace(
        "def listed(limit: int = 10, *, kind: str | None = None) -> list[dict]: ...",
        function,
    );
    let (before, rest) = ROUTER.split_once("@router.get('')\n").unwrap();
    let (_, after) = rest.split_once("    return found\n").unwrap();
    let router = format!("{before}{handler}{after}");
    let replaced: Replaced = toml::from_str(&format!("{SAID}{said}")).unwrap();
    let uses = uses_of(&service, &router, "from .service import listed\nlisted()\n");
    let against = functions::of(&uses, &api(), &replaced).against;
    against.iter().map(|it| it.what.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_route_that_answers_otherwise_is_refused() {
    let function = "def listed(limit: int = 10, active: bool = False) -> list[dict]: ...";
    let plain = "    return service.listed(limit)\n";
    let with = |decorator: &str, body: &str| {
        listed(
            function,
            &format!("@router.get(''{decorator})\ndef listed(limit: int = 10):\n{body}"),
            "",
        )
    };
    // What changes nothing is accepted.
    for (decorator, body) in [
        ("", plain),
        (", response_model=list[dict], status_code=201, tags=['x']", plain),
        (", response_model=list[dict[str, Any]]", plain),
        (", response_model=None, response_class=ORJSONResponse", plain),
        (", response_model_exclude_none=False, status_code=status.HTTP_201_CREATED", plain),
        ("", "    return service.listed(limit, active=False)\n"),
        ("", "    if limit > 9:\n        raise TooMany\n    return service.listed(limit)\n"),
        (
            "",
            "    found = service.listed(limit)\n    logger.info('found', found)\n    return found\n",
        ),
    ] {
        assert_eq!(with(decorator, body), "", "{decorator} {body}");
    }
    let refused = [
        with(", response_model=list[Thing]", plain),
        with(", response_model_exclude_none=True", plain),
        with(", response_class=PlainTextResponse", plain),
        with(", status_code=204", plain),
        with(", **COMMON", plain),
        with("", "    return service.listed(limit, active=True)\n"),
        with(
            "",
            "    found = service.listed(limit)\n    if not found:\n        raise Nothing\n    return found\n",
        ),
        with("", "    found = service.listed(limit)\n    or_404(found)\n    return found\n"),
    ];
    assert_snapshot!(refused.join("\n"), @r"
    listed: the route answers with `list[Thing]`, which may have less of it (app/router.py:9)
    listed: the route changes what it gives back, by response_model_exclude_none=True (app/router.py:9)
    listed: the route changes what it gives back, by response_class=PlainTextResponse (app/router.py:9)
    listed: the route changes what it gives back, by status_code=204 (app/router.py:9)
    listed: the route that answers with it says more than can be told (app/router.py:9)
    listed: the handler gives `True` as `active`, not what a request has (app/router.py:9)
    listed: the handler looks at it, and may raise in its place (app/router.py:13)
    listed: gives back what no route answers with
    ");
    let none = "def listed(limit: int = 10) -> list[dict] | None: ...";
    let raises = "@router.get('')\ndef listed(limit: int = 10):\n    if limit > 9:\n        raise TooMany\n    return service.listed(limit)\n";
    assert_snapshot!(listed(none, raises, ""), @"listed: may give back None, and the handler raises (app/router.py:12)");
    // Somebody has looked at it.
    let names = "[names]\n'service.listed' = 'listThings'\n";
    let handler = format!(
        "@router.get('', response_model=list[Thing])\ndef listed(limit: int = 10):\n{plain}"
    );
    assert_eq!(listed(function, &handler, names), "");
}
