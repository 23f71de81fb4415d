//! The table at the top of the project is real: it starts, and every group of the agent API finds its way.

use e2e::Stack;
use e2e::programs::project;

use crate::{NEW, OLD, stack};

const GROUPS: [&str; 7] =
    ["workflows", "executions", "networks", "integration", "performance", "creativity", "security"];

/// The first user's table with addresses and backends of a stack's own.
async fn first_users_table() -> Stack {
    let mut stack = stack().start_without_proxy().await;
    let text = std::fs::read_to_string(project().join("routes.toml")).unwrap();
    let own = [
        ("127.0.0.1:8080", stack.table.http.to_string()),
        ("127.0.0.1:8081", stack.table.admin.to_string()),
        ("http://127.0.0.1:8011", stack.old.url()),
        ("http://127.0.0.1:8012", stack.new.url()),
    ];
    let text = own.iter().fold(text, |text, (theirs, own)| {
        assert!(text.contains(theirs), "the table names {theirs}");
        text.replace(theirs, own)
    });
    stack.write_routes(&text);
    stack.start_proxy().await;
    stack
}

/// Asks for a path and returns the path as the old backend got it.
async fn as_the_monolith_gets_it(stack: &mut Stack, path: &str) -> String {
    let marked = format!("{path}?marked");
    stack.get(&marked).await;
    let seen = stack.old.fake().seen();
    let target = seen.iter().rev().find(|seen| seen.target.ends_with("?marked")).unwrap();
    target.target.trim_end_matches("?marked").to_owned()
}

#[tokio::test]
async fn every_group_reaches_the_monolith_under_a_path_that_it_knows() {
    let mut stack = first_users_table().await;
    for group in GROUPS {
        for (asked, known) in [
            ("/api/v1/agent", "/api/v1/agents"),
            ("/api/v1/agents", "/api/v1/agents"),
            ("/v1/agents", "/v1/agents"),
        ] {
            for rest in ["", "/x", "/x/y"] {
                let asked = format!("{asked}/{group}{rest}");
                let known = format!("{known}/{group}{rest}");
                assert_eq!(as_the_monolith_gets_it(&mut stack, &asked).await, known, "{asked}");
            }
        }
    }
    for (asked, known) in [
        ("/api/v1/agent/services/llm", "/api/v1/services/llm"),
        ("/api/v1/services/llm", "/api/v1/services/llm"),
        ("/v1/services/llm", "/v1/services/llm"),
        ("/v1/jobs", "/v1/jobs"),
        ("/", "/"),
    ] {
        assert_eq!(as_the_monolith_gets_it(&mut stack, asked).await, known, "{asked}");
    }
}

#[tokio::test]
async fn all_three_ways_to_a_group_move_in_one_generation() {
    let stack = first_users_table().await;
    let words = ["workflows", "workflows-api", "workflows-v1", "--to", "service"];
    let before = stack.routes_report().await.generation.number;
    stack.cut_over(&words).await;
    assert_eq!(stack.routes_report().await.generation.number, before + 1);
    for path in ["/api/v1/agent/workflows/x", "/api/v1/agents/workflows", "/v1/agents/workflows/x"]
    {
        assert_eq!(stack.who_answers(path).await, NEW, "{path}");
    }
    assert_eq!(stack.who_answers("/api/v1/agents/executions/x/status").await, OLD);
}
