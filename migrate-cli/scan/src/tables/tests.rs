//! Every form in which a table is declared, read and written.

use insta::assert_snapshot;

use super::*;
use crate::facts::Facts;
use crate::modules::Modules;
use crate::names::Monolith;

const DOMAIN: &str = "from sqlmodel import SQLModel, Field\n\
class Agent(SQLModel, table=True):\n    __tablename__ = 'agents'\n    id: str\n\
class Run(SQLModel, table=True):\n    agent: str = Field(foreign_key='agents.id')\n    owner: str = Field(foreign_key='users.id')\n\
class User(Base):\n    __tablename__ = 'users'\n    run = Column(ForeignKey('run.id'))\n\
class Plain(SQLModel):\n    id: str\n\
logs = Table('logs', metadata, Column('a', ForeignKey('agents.id')))\n";

/// Who does what with which table; `app/agents.py` is extracted.
fn tables(agents: &str, rest: &str) -> String {
    let files = [
        ("app/__init__.py", ""),
        ("app/domain.py", DOMAIN),
        ("app/agents.py", agents),
        ("app/rest.py", rest),
    ];
    let facts: Vec<Facts> = files.iter().map(|(_, text)| Facts::of(text)).collect();
    let modules = Modules::of(files.iter().map(|(path, _)| *path));
    let lookup = Lookup::new(Monolith { facts: &facts, modules: &modules });
    let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    let sides = Sides { extracted: [2].into(), ..Sides::default() };
    let found = of(&lookup, &paths, &sides, &|_| false);
    let lines = found.tables.iter().flat_map(|table| {
        let head = format!("{} {:?} {}", table.name, table.side, table.declared.join(" "));
        let uses = table.extracted.iter().chain(&table.rest);
        let uses = uses.map(|one| {
            format!("  {} reads {:?} writes {:?} {:?}", one.file, one.reads, one.writes, one.how)
        });
        [head].into_iter().chain(uses)
    });
    let keys = found.foreign_keys.iter();
    let keys = keys.map(|key| {
        format!("{} {:?} → {} {:?} {}", key.from, key.from_side, key.to, key.to_side, key.at)
    });
    lines.chain(keys).collect::<Vec<_>>().join("\n")
}

#[test]
fn reads_and_writes_are_told_by_their_form() {
    let agents = "from .domain import Agent as A, Run\nfrom . import domain\n\
        def read(session):\n    session.exec(select(A, Run.agent).join(domain.User))\n    return session.get(A, 1)\n\
        def write(session, run: Run):\n    one = session.get(A, 1)\n    one.name = 'x'\n    run.owner = 'y'\n    session.add(run)\n\
        \x20   session.exec(delete(A).where(A.id == 1))\n    session.query(A).delete()\n    session.add(A(id='z'))\n\
        def other(session):\n    one.name = 'no row here'\n    Plain()\n    x = {}.get('A')\n";
    assert_snapshot!(tables(agents, ""), @r#"
    agents Extracted app/domain.py:2
      app/agents.py reads {4, 5, 7, 12} writes {8, 11, 12, 13} {"constructor", "delete", "field-set", "select", "session-get", "session-query"}
    run Extracted app/domain.py:5
      app/agents.py reads {4} writes {9, 10} {"field-set", "select", "session-add"}
    users Extracted app/domain.py:8
      app/agents.py reads {4} writes {} {"select"}
    "#);
}

#[test]
fn sql_counts_for_tables_that_are_known() {
    let agents = "'''select x from agents'''\nq = 'SELECT * FROM agents JOIN run ON 1'\nw = text('insert into public.logs (a) values (1)')\n\
        u = 'UPDATE run SET x = 1'\nd = 'delete from agents'\ns = 'Update the list from users'\n";
    assert_snapshot!(tables(agents, ""), @r#"
    agents Extracted app/domain.py:2
      app/agents.py reads {2} writes {5} {"sql"}
    logs Extracted app/domain.py:13
      app/agents.py reads {} writes {3} {"sql"}
    run Extracted app/domain.py:5
      app/agents.py reads {2} writes {4} {"sql"}
    "#);
}

#[test]
fn foreign_keys_between_the_sides_are_named() {
    let agents = "from .domain import *\ndef f(s):\n    s.get(Agent, 1)\n    s.get(Run, 1)\n";
    let rest = "from .domain import User, Run, logs\ndef f(s):\n    s.get(User, 1)\n    Run()\n    s.execute(insert(logs))\n";
    assert_snapshot!(tables(agents, rest), @r#"
    agents Extracted app/domain.py:2
      app/agents.py reads {3} writes {} {"session-get"}
    run Both app/domain.py:5
      app/agents.py reads {4} writes {} {"session-get"}
      app/rest.py reads {} writes {4} {"constructor"}
    logs Rest → agents Extracted app/domain.py:13
    run Both → agents Extracted app/domain.py:5
    run Both → users Rest app/domain.py:5
    users Rest → run Both app/domain.py:8
    "#);
}
