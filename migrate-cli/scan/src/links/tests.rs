//! Every form of import, and what is not to be taken for one.

use insta::assert_snapshot;

use super::*;
use crate::facts::Facts;
use crate::modules::Modules;

/// The links, one for each line: who, line, what, names, and whatever is out of the ordinary.
fn links(files: &[(&str, &str)]) -> String {
    let facts: Vec<Facts> = files.iter().map(|(_, text)| Facts::of(text)).collect();
    let modules = Modules::of(files.iter().map(|(path, _)| *path));
    let found = between(Monolith { facts: &facts, modules: &modules });
    let path = |file: FileId| files[file].0;
    let lines = found.all.iter().map(|link| {
        let names: Vec<&str> = link.names.iter().map(String::as_str).collect();
        let through: Vec<&str> = link.through.iter().map(|file| path(*file)).collect();
        let through =
            if through.is_empty() { String::new() } else { format!(" through {through:?}") };
        format!(
            "{}:{} {} [{}] {:?} {:?} {:?}{through}{}",
            path(link.from),
            link.line,
            path(link.to),
            names.join(" "),
            link.form,
            link.moment,
            link.role,
            if link.is_ambiguous { " ambiguous" } else { "" }
        )
    });
    let nowhere = found
        .nowhere
        .iter()
        .map(|it| format!("{}:{} {} leads nowhere", path(it.from), it.line, it.module));
    lines.chain(nowhere).collect::<Vec<_>>().join("\n")
}

/// A package with one module, and a file that imports it.
fn imports(text: &str) -> String {
    links(&[
        ("app/__init__.py", ""),
        ("app/deep/__init__.py", ""),
        ("app/deep/jobs.py", "class Job: ...\ndef run(): ...\n_hidden = 1\n"),
        ("app/user.py", text),
    ])
}

#[test]
fn absolute_imports_say_what_is_taken_of_the_module() {
    assert_snapshot!(imports("import app.deep.jobs\napp.deep.jobs.run()\n"), @"app/user.py:1 app/deep/jobs.py [run] Import Load Uses");
    assert_snapshot!(imports("import app.deep.jobs as j\nj.Job.make()\n"), @"app/user.py:1 app/deep/jobs.py [Job] Import Load Uses");
    assert_snapshot!(imports("from app.deep.jobs import Job as J, run\n"), @r"
    app/user.py:1 app/deep/jobs.py [Job] From Load Uses
    app/user.py:1 app/deep/jobs.py [run] From Load Uses
    ");
    assert_snapshot!(imports("from app.deep import jobs\nprint(jobs)\n"), @"app/user.py:1 app/deep/jobs.py [] From Load Uses");
}

#[test]
fn relative_imports_are_counted_from_the_file() {
    assert_snapshot!(imports("from .deep.jobs import (\n    run,\n)\n"), @"app/user.py:2 app/deep/jobs.py [run] From Load Uses");
    assert_snapshot!(imports("from .deep import jobs as j\nj.run()\n"), @"app/user.py:1 app/deep/jobs.py [run] From Load Uses");
    assert_snapshot!(imports("from .missing import x\nfrom ....above import y\n"), @r"
    app/user.py:1 .missing leads nowhere
    app/user.py:2 ....above leads nowhere
    ");
}

#[test]
fn a_star_brings_what_is_read_and_public() {
    assert_snapshot!(imports("from .deep.jobs import *\nrun(_hidden, other)\n"), @"app/user.py:1 app/deep/jobs.py [run] Star Load Uses");
}

#[test]
fn an_import_has_its_moment() {
    let text = "if TYPE_CHECKING:\n    from .deep.jobs import Job\nelse:\n    from .deep import jobs\n\
                def f():\n    from .deep.jobs import run\n";
    assert_snapshot!(imports(text), @r"
    app/user.py:2 app/deep/jobs.py [Job] From Typing Uses
    app/user.py:4 app/deep/jobs.py [] From Load Uses
    app/user.py:6 app/deep/jobs.py [run] From Call Uses
    ");
}

#[test]
fn dynamic_imports_are_followed_where_they_name_the_module() {
    let text = "from importlib import import_module as load\nm = load('app.deep.jobs')\nm.run()\n\
                __import__('app.deep.jobs').deep\nload('.jobs', package='app.deep').Job\nload(f'app.{x}')\n";
    assert_snapshot!(imports(text), @r"
    app/user.py:2 app/deep/jobs.py [run] Dynamic Load Uses
    app/user.py:4 app/deep/jobs.py [deep] Dynamic Load Uses
    app/user.py:5 app/deep/jobs.py [Job] Dynamic Load Uses
    ");
    let facts = Facts::of(text);
    assert_eq!(facts.imports.untold.len(), 1);
    assert_eq!(facts.imports.untold[0].line, 6);
}

#[test]
fn a_text_that_is_a_modules_name_counts_and_no_other() {
    let text = "run('app.deep.jobs:run')\npatch('app.deep.jobs.Job.make')\nx = 'app.deep'\n\
                y = 'jobs'\nz = 'see app.deep.jobs'\nw = 'a.b.c'\n";
    assert_snapshot!(imports(text), @r"
    app/user.py:1 app/deep/jobs.py [run] Text Load Uses
    app/user.py:2 app/deep/jobs.py [Job] Text Load Uses
    app/user.py:3 app/deep/__init__.py [] Text Load Uses
    ");
    assert_snapshot!(imports("'''app.deep.jobs'''\ndef f():\n    'app.deep.jobs'\n"), @"");
}

#[test]
fn a_table_of_names_counts_where_something_is_imported_by_it() {
    let lazy = "from importlib import import_module\nWHERE = {'Job': '.jobs'}\n\
                def __getattr__(name):\n    return getattr(import_module(WHERE[name], __name__), name)\n";
    let files = [("app/__init__.py", ""), ("app/deep/__init__.py", lazy), ("app/deep/jobs.py", "")];
    assert_snapshot!(links(&files), @"app/deep/__init__.py:2 app/deep/jobs.py [] Text Load Uses");
}

#[test]
fn what_a_package_passes_on_is_followed_to_its_origin() {
    let files = [
        ("app/__init__.py", ""),
        (
            "app/routers/__init__.py",
            "from .services import router as services\nfrom .names import *\n",
        ),
        ("app/routers/services.py", "router = APIRouter()\n"),
        ("app/routers/names.py", "__all__ = ['a']\na = b = 1\n"),
        (
            "app/main.py",
            "from .routers import services, a\nimport app.routers as r\n\
             def make():\n    app.include_router(services, prefix='/v1')\n    return r.a\n",
        ),
    ];
    assert_snapshot!(links(&files), @r#"
    app/routers/__init__.py:1 app/routers/services.py [router] From Load PassesOn
    app/routers/__init__.py:2 app/routers/names.py [] Star Load PassesOn
    app/main.py:1 app/routers/__init__.py [a] From Load Uses
    app/main.py:1 app/routers/__init__.py [services] From Load Mounts
    app/main.py:1 app/routers/services.py [router] From Load Mounts through ["app/routers/__init__.py"]
    app/main.py:1 app/routers/names.py [a] From Load Uses through ["app/routers/__init__.py"]
    app/main.py:2 app/routers/__init__.py [] Import Load Uses
    app/main.py:2 app/routers/__init__.py [a] Import Load Uses
    app/main.py:2 app/routers/names.py [a] Import Load Uses through ["app/routers/__init__.py"]
    "#);
}

#[test]
fn a_router_that_is_only_taken_in_is_mounted() {
    let text = "from .deep import jobs\napp.include_router(jobs.router)\n";
    assert_snapshot!(imports(text), @r#"app/user.py:1 app/deep/jobs.py [router] From Load Mounts"#);
    let text = "from .deep import jobs\napp.include_router(jobs.router)\njobs.run()\n";
    assert_snapshot!(imports(text), @r#"app/user.py:1 app/deep/jobs.py [router run] From Load Uses"#);
}

#[test]
fn what_a_class_imports_is_no_name_of_its_file() {
    let files = [
        ("app/__init__.py", ""),
        ("app/a.py", "class Job: ...\n"),
        ("app/b.py", "class Job: ...\nclass Inner:\n    from .a import Job\n"),
        ("app/c.py", "from .b import Job\n"),
    ];
    assert_snapshot!(links(&files), @r"
    app/b.py:3 app/a.py [Job] From Load Uses
    app/c.py:1 app/b.py [Job] From Load Uses
    ");
}

#[test]
fn circles_of_names_end() {
    let files = [
        ("app/__init__.py", ""),
        ("app/a.py", "from .b import x\nfrom .b import *\n"),
        ("app/b.py", "from .a import x\nfrom .a import *\nprint(x, y)\n"),
    ];
    assert_snapshot!(links(&files), @r#"
    app/a.py:1 app/b.py [x] From Load Uses
    app/a.py:2 app/b.py [] Star Load Uses
    app/b.py:1 app/a.py [x] From Load Uses
    app/b.py:2 app/a.py [] Star Load Uses
    "#);
}
