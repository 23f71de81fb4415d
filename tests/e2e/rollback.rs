//! The way back is open at every moment: without a proxy, without a network, without a good table.

use e2e::stack::Kept;
use e2e::{RouteSpec, Stack};
use serde_json::Value;

use crate::{NEW, OLD, stack};

async fn two_routes(kept: Kept) -> Stack {
    stack()
        .kept(kept)
        .route(RouteSpec::new("a", "/a/{*rest}"))
        .route(RouteSpec::new("b", "/b/{*rest}"))
        .start()
        .await
}

#[tokio::test]
async fn a_route_goes_back_to_where_it_was_before_its_last_flip() {
    for kept in Kept::BOTH {
        let stack = two_routes(kept).await;
        stack.migrate_ok(&["cutover", "a", "--to", "shadow"]).await;
        stack.cut_over(&["a", "b", "--to", "service"]).await;
        stack.migrate_ok(&["rollback", "a"]).await;
        assert_eq!(stack.who_answers("/a/1").await, OLD);
        assert_eq!(stack.who_answers("/b/1").await, NEW, "the other stays");
        assert!(stack.read_routes().contains("stage = \"shadow\""), "{}", stack.read_routes());
    }
}

#[tokio::test]
async fn the_whole_table_goes_back_to_a_generation() {
    for kept in Kept::BOTH {
        let stack = two_routes(kept).await;
        stack.cut_over(&["a", "--to", "service"]).await;
        let kept = stack.routes_report().await.generation.number;
        stack.cut_over(&["b", "--to", "service"]).await;
        stack.migrate_ok(&["rollback", "--to", &kept.to_string()]).await;
        assert_eq!(
            (stack.who_answers("/a/1").await, stack.who_answers("/b/1").await),
            (NEW.into(), OLD.into())
        );
        let number = stack.routes_report().await.generation.number;
        assert!(number > kept + 1, "generation numbers never repeat");
    }
}

#[tokio::test]
async fn it_works_while_every_proxy_is_down() {
    for kept in Kept::BOTH {
        let mut stack = two_routes(kept).await;
        stack.cut_over(&["a", "--to", "service"]).await;
        stack.proxy().kill();
        let output = stack.migrate_ok(&["--output", "json", "rollback", "a"]).await;
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(report["result"], "done", "{report:#}");
        stack.start_proxy().await;
        assert_eq!(stack.who_answers("/a/1").await, OLD);
    }
}

#[tokio::test]
async fn a_cutover_without_its_proxies_is_refused_and_changes_nothing() {
    for kept in Kept::BOTH {
        let mut stack = two_routes(kept).await;
        let before = stack.read_routes();
        stack.proxy().kill();
        let output = stack.migrate(&["cutover", "a", "--to", "service"]).await;
        assert_eq!(output.code, Some(4), "{output:#?}");
        assert!(
            output.stderr.contains(&stack.admin_url())
                || output.stdout.contains(&stack.admin_url()),
            "{output:#?}"
        );
        assert_eq!(stack.read_routes(), before);
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_follow_has_the_old_table_put_back() {
    for kept in Kept::BOTH {
        let mut stack = two_routes(kept).await;
        let before = stack.read_routes();
        stack.recorded().await;
        stack.proxy().signal(rustix::process::Signal::STOP);
        let words =
            ["cutover", "a", "--to", "service", "--wait", "1s", "--force", "--reason", "rehearsal"];
        let output = stack.migrate(&words).await;
        stack.proxy().signal(rustix::process::Signal::CONT);
        assert_eq!(output.code, Some(4), "{output:#?}");
        assert_eq!(stack.read_routes(), before, "the table is as it was");
        assert_eq!(stack.who_answers("/a/1").await, OLD);
    }
}

#[tokio::test]
async fn a_rehearsal_changes_nothing() {
    for kept in Kept::BOTH {
        let stack = two_routes(kept).await;
        stack.recorded().await;
        let first = stack.home.journal().unwrap().entries;
        let before = stack.read_routes();
        let output = stack.cut_over(&["a", "--to", "service", "--dry-run"]).await;
        assert!(output.stdout.contains("+stage = \"service\""), "{}", output.stdout);
        assert_eq!(stack.read_routes(), before);
        assert_eq!(stack.home.journal().unwrap().entries, first, "the journal is as it was");
    }
}
