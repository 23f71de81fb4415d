//! `migrate guard acknowledge`, and what `status` and `history` say of the guard.

use std::time::Duration;

use insta::assert_snapshot;
use routes::Stage;
use routes::journal::{self, Action, Move, Phase, Record};

use crate::exit_code::Exit;
use crate::testing::{FakeProxy, Folder, Manner, settings};

/// What a proxy does when it takes the first route back, where it stands in the file already.
fn take_back(folder: &Folder) {
    let generation = folder.table().generation;
    let lock = folder.file().lock("proxy@box", Duration::ZERO).unwrap();
    let step = Move {
        route: "workflows".to_owned(),
        from: Stage::Service,
        to: Stage::Shadow,
        percent: None,
    };
    let record = Record {
        who: "proxy@box".to_owned(),
        action: Action::Guard,
        phase: Phase::Done,
        before: Some(generation.clone()),
        after: generation,
        moves: vec![step],
        reason: Some("error rate 31.0 % of 42 (limit 2 %, old backend 0.0 %)".to_owned()),
        text: Some(folder.text()),
        text_before: None,
    };
    journal::append(&folder.file().journal_path(), &lock, record).unwrap();
}

#[tokio::test]
async fn what_the_guard_did_shows_until_it_is_acknowledged() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    proxy.follow(&folder);
    assert_eq!(
        folder.run(&["guard", "acknowledge"]).await.out,
        "the guard took nothing back that is not acknowledged already\n"
    );
    take_back(&folder);
    let status = folder.run(&["status"]).await.out;
    let alarm: Vec<&str> = status.lines().skip(6).take(2).collect();
    settings().bind(|| assert_snapshot!(alarm.join("\n"), @"
    the guard took workflows back: service → shadow at [time]: error rate 31.0 % of 42 (limit 2 %, old backend 0.0 %)
      seen? migrate guard acknowledge workflows
    "));
    let (_, json) = folder.json(&["status"]).await;
    assert_eq!(json["routes"][0]["guard"]["to"], "shadow");
    assert!(json["routes"][1].get("guard").is_none());

    let planned = folder.run(&["guard", "acknowledge", "--dry-run"]).await;
    let done = folder.run(&["guard", "acknowledge", "workflows", "--reason", "bad build"]).await;
    assert_eq!((planned.exit, done.exit), (Exit::Done, Exit::Done));
    settings().bind(|| assert_snapshot!(format!("{}{}", planned.out, done.out), @"
    planned workflows: service → shadow at [time], error rate 31.0 % of 42 (limit 2 %, old backend 0.0 %)
      it stays at shadow
    acknowledged workflows: service → shadow at [time], error rate 31.0 % of 42 (limit 2 %, old backend 0.0 %)
      it stays at shadow
    "));
    let (_, again) = folder.json(&["guard", "acknowledge", "workflows"]).await;
    assert_eq!(again, serde_json::json!({"result": "nothing-to-do", "routes": []}));
    assert!(!folder.run(&["status"]).await.out.contains("the guard took"));
    let history = folder.run(&["history"]).await;
    settings().bind(|| assert_snapshot!(history.out, @"
       GENERATION          WHEN (UTC)           WHO        WHAT         MOVES                        ENDED  WHY
    ▶  0 [digest]  [time]  proxy@box  guard        workflows: service → shadow  done   error rate 31.0 % of 42 (limit 2 %, old backend 0.0 %)
       0 [digest]  [time]  ann@box    acknowledge  workflows: shadow → shadow   done   bad build
    "));
}

#[tokio::test]
async fn a_flip_acknowledges_as_well() {
    let proxy = FakeProxy::start(Manner::Follows, true);
    let folder = proxy.folder();
    proxy.follow(&folder);
    take_back(&folder);
    let flip = folder.run(&["cutover", "workflows", "--force", "--reason", "fixed"]).await;
    assert_eq!(flip.exit, Exit::Done, "{}", flip.err);
    let (_, json) = folder.json(&["status"]).await;
    assert!(json["routes"][0].get("guard").is_none(), "{json}");
}

#[tokio::test]
async fn a_route_that_does_not_exist_can_t_be_acknowledged() {
    let folder = Folder::with_proxies(&[]);
    let ran = folder.run(&["guard", "acknowledge", "workflow"]).await;
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.err.contains("did you mean `workflows`"), "{}", ran.err);
}
