//! A file that a scan reads, written once.

use insta::assert_snapshot;
use serde_json::json;

use crate::exit_code::Exit;
use crate::testing::Folder;

fn monolith() -> (Folder, String, String) {
    let folder = Folder::with_proxies(&[]);
    let at = folder.path().parent().unwrap().join("mono");
    std::fs::create_dir_all(at.join("app/tests")).unwrap();
    for (name, text) in [
        ("app/__init__.py", ""),
        ("app/agent_[a].py", "from .domain import Agent\nfrom .util import x\n"),
        ("app/agents.py", ""),
        ("app/domain.py", "class Agent: ...\n"),
        ("app/util.py", "x = 1\n"),
        ("app/tests/test_agent.py", ""),
    ] {
        std::fs::write(at.join(name), text).unwrap();
    }
    let file = folder.path().parent().unwrap().join("migration.toml");
    (folder, at.to_str().unwrap().to_owned(), file.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_is_written_is_what_a_scan_reads() {
    let (folder, dir, file) = monolith();
    let line = ["init", &dir, "--named", "agent", "--shared", "app/domain.py", "--to", &file];
    let ran = folder.run(&[&line[..], &["--dry-run"]].concat()).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    assert!(!std::path::Path::new(&file).exists());
    assert_snapshot!(ran.out, @r#"
    # Where the border runs between what leaves the monolith and the rest. Globs over paths below the scanned folder:
    # `*` stays within a folder, `**` does not. `migrate scan` reads this file.
    format = 1

    [scan]
    # The files that leave the monolith.
    extracted = [
        "app/agent_[[]a[]].py",
        "app/agents.py",
    ]
    # Files that both sides may import.
    shared = [
        "app/domain.py",
        # needed by the extracted files:
        # "app/util.py",
    ]

    would be written: migration.toml; 2 files leave
    "#);

    assert_eq!(folder.run(&line).await.exit, Exit::Done);
    let (exit, report) = folder.json(&["scan", &dir, "--config", &file]).await;
    assert_eq!(exit, Exit::Refused);
    assert_eq!(report["extracted"], json!(["app/agent_[a].py", "app/agents.py"]));
    assert_eq!(report["needs"][0]["to"], "app/util.py");

    let before = std::fs::read_to_string(&file).unwrap();
    let again = folder.run(&line).await;
    assert_eq!(again.exit, Exit::Usage);
    assert!(again.err.contains("is there already"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}

#[tokio::test]
async fn a_word_or_a_glob_that_fits_nothing_is_refused() {
    let (folder, dir, file) = monolith();
    for which in [["--named", "zebra"], ["--extract", "zebra/**"]] {
        let ran = folder.run(&["init", &dir, which[0], which[1], "--to", &file]).await;
        assert_eq!(ran.exit, Exit::Usage, "{}", ran.err);
        assert!(ran.err.contains("zebra"), "{}", ran.err);
    }
}
