//! The stand-in for the monolith, with its executions and workflows as what leaves.

use std::path::Path;

use insta::assert_snapshot;

use crate::exit_code::Exit;
use crate::testing::Folder;

fn monolith() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/monolith");
    folder.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_stand_in_is_scanned() {
    let folder = Folder::with_proxies(&[]);
    let dir = monolith();
    let ran = folder
        .run(&[
            "scan",
            &dir,
            "--extract",
            "coordinator/executions.py",
            "coordinator/workflows.py",
            "coordinator/engine.py",
            "--shared",
            "coordinator/tables.py",
            "coordinator/errors.py",
        ])
        .await;
    assert_eq!(ran.exit, Exit::Refused, "{}", ran.err);
    // How many files the stand-in has is its own affair.
    let (_, crossings) = ran.out.split_once("\n\n").unwrap();
    let (crossings, more) = crossings.split_once("\n\nExtracted files serve").unwrap();
    assert_snapshot!(crossings, @r#"
    The rest imports extracted files (2)
      coordinator/server.py:12 → coordinator/executions.py: router (takes a router in, no more)
      coordinator/server.py:12 → coordinator/workflows.py: router (takes a router in, no more)
    
    Extracted files import the rest (5)
      coordinator/engine.py:10 → coordinator/proofs.py: prove
      coordinator/executions.py:11 → coordinator/context.py: AdminUser
      coordinator/executions.py:11 → coordinator/context.py: Database
      coordinator/workflows.py:10 → coordinator/context.py: AdminUser
      coordinator/workflows.py:10 → coordinator/context.py: Database
    "#);
    for wanted in [
        "  POST /v1/agents/workflows coordinator/workflows.py",
        "  PUT /api/v1/agents/workflows/{workflow_id} coordinator/workflows.py",
        "(/api/v1/agents/executions/{execution_id}/status)",
        "  agent_executions read by 1 file, written by 1; nobody else uses it",
        "crossed: the border is not clean",
    ] {
        assert!(more.contains(wanted), "{wanted}: {more}");
    }
}

#[tokio::test]
async fn a_clean_border_ends_with_0() {
    let folder = Folder::with_proxies(&[]);
    let at = folder.path();
    let at = at.parent().unwrap();
    std::fs::create_dir(at.join("app")).unwrap();
    for (name, text) in [
        ("app/__init__.py", ""),
        ("app/agents.py", "from .domain import Agent\nrouter = APIRouter()\n"),
        ("app/domain.py", "class Agent: ...\n"),
        ("app/main.py", "from .agents import router\napp.include_router(router)\n"),
        ("ignored.py", "def (:\n"),
    ] {
        std::fs::write(at.join(name), text).unwrap();
    }
    std::fs::write(at.join(".gitignore"), "ignored.py\n").unwrap();
    let file = at.join("migration.toml");
    let text = "format = 1\n[scan]\nextracted = ['app/agents.py']\nshared = ['app/domain.py']\n";
    std::fs::write(&file, text).unwrap();
    let (dir, file) = (at.to_str().unwrap(), file.to_str().unwrap());
    let (exit, report) = folder.json(&["scan", dir, "--config", file]).await;
    assert_eq!((exit, &report["clean"]), (Exit::Done, &serde_json::json!(true)), "{report}");
    assert_eq!(report["files"], 4);
    assert_eq!(report["importers"][0]["role"], "mounts");

    std::fs::write(at.join("app/main.py"), "from .agents import router\nprint(router)\n").unwrap();
    let (exit, report) = folder.json(&["scan", dir, "--config", file]).await;
    assert_eq!(exit, Exit::Refused);
    assert_eq!(report["importers"][0]["names"], serde_json::json!(["router"]));
}

#[tokio::test]
async fn a_glob_that_fits_nothing_is_refused() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["scan", &monolith(), "--extract", "coordinator/agents_*.py"]).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("agents_*.py"), "{}", ran.err);
}

#[tokio::test]
async fn what_has_changed_since_a_revision_is_told_and_the_tree_stays() {
    let folder = Folder::with_proxies(&[]);
    let at = folder.path().parent().unwrap().join("repo");
    let write = |path: &str, text: &str| {
        let path = at.join("src").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let git = |words: &[&str]| {
        let own = ["-c", "user.name=ann", "-c", "user.email=ann@box", "-c", "commit.gpgSign=false"];
        let mut git = std::process::Command::new("git");
        let done = git.arg("-C").arg(&at).args(own).args(words).output().unwrap();
        assert!(done.status.success(), "{words:?} {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    write("app/__init__.py", "");
    write("app/agents.py", "def run(): ...\n");
    write("app/main.py", "from .agents import run\n");
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    write("app/main.py", "\n\nfrom .agents import stop\n");
    write("call.sh", "curl http://a/v1/agents\n");
    let before = git(&["status", "--porcelain"]);
    let dir = at.join("src").to_str().unwrap().to_owned();
    let line = ["scan", &dir, "--extract", "app/agents.py", "--since", "HEAD"];
    let (exit, report) = folder.json(&line).await;
    assert_eq!(exit, Exit::Refused, "{report}");
    let fact = |what: &str| serde_json::json!([{ "kind": "importer", "what": what }]);
    assert_eq!(report["since"]["appeared"], fact("app/main.py → app/agents.py: stop"));
    assert_eq!(report["since"]["gone"], fact("app/main.py → app/agents.py: run"));
    assert_eq!(git(&["status", "--porcelain"]), before);

    let ran = folder.run(&["scan", &dir, "--extract", "app/agents.py", "--since=--all"]).await;
    assert_eq!(ran.exit, Exit::Usage);
}
