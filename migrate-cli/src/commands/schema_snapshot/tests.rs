//! Snapshots of real files.

use rusqlite::Connection;

use crate::exit_code::Exit;
use crate::testing::Folder;

#[tokio::test]
async fn a_snapshot_is_taken_once_and_tells_what_changed_since() {
    let folder = Folder::with_proxies(&[]);
    let here = folder.path().parent().unwrap().to_owned();
    let (database, file) = (here.join("shared.db"), here.join("before.json"));
    let connection = Connection::open(&database).unwrap();
    connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)").unwrap();
    let (url, out) = (format!("sqlite://{}", database.display()), file.display().to_string());
    let words = ["schema", "snapshot", "--database", &url, "--out", &out];
    let planned = folder.run(&[&words[..], &["--dry-run"]].concat()).await;
    assert_eq!((planned.exit, file.exists()), (Exit::Done, false), "{}", planned.err);
    let taken = folder.run(&words).await;
    assert_eq!((taken.exit, file.exists()), (Exit::Done, true), "{}", taken.err);
    assert_eq!(folder.run(&words).await.exit, Exit::Refused);
    assert_eq!(folder.run(&[&words[..], &["--replace"]].concat()).await.exit, Exit::Done);

    let diff = ["schema", "diff", &out, &url];
    assert_eq!(folder.run(&diff).await.exit, Exit::Done);
    connection.execute_batch("ALTER TABLE t RENAME COLUMN a TO b").unwrap();
    let (exit, json) = folder.json(&diff).await;
    assert_eq!((exit, json["result"].as_str()), (Exit::Refused, Some("differs")));
    let names: Vec<_> = json["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["part"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a", "b"]);

    std::fs::write(&file, "{}").unwrap();
    let damaged = folder.run(&diff).await;
    assert_eq!(damaged.exit, Exit::Failed);
    assert!(damaged.err.contains("missing field `format`"), "{}", damaged.err);
}
