//! Two clients that change one object at once, through two services on one database, a file or a server: no change is lost.

use futures::future::join_all;
use serde_json::{Map, Value, json};

use crate::testing::TestApp;

/// How many changes each of the two services is asked for at once.
const CHANGES: usize = 12;

/// One request of alice's that must succeed.
async fn good(test: &TestApp, method: &str, path: &str, body: Option<Value>) -> Value {
    let answer = test.ask("alice", method, path, body).await;
    assert_eq!(answer.status.as_u16(), 200, "{method} {path}: {}", answer.text);
    answer.json()
}

/// Sends the same kind of change through both services, all at once; `change` gets the number of each.
async fn all_at_once(
    pair: &[TestApp; 2],
    change: impl Fn(usize) -> (&'static str, String, Option<Value>),
) {
    let changes = (0..2 * CHANGES).map(|number| {
        let (method, path, body) = change(number);
        async move { good(&pair[number % 2], method, &path, body).await }
    });
    join_all(changes).await;
}

#[tokio::test]
async fn a_change_of_a_workflow_leaves_the_fields_of_another_alone() {
    for pair in TestApp::pairs().await {
        let made =
            good(&pair[0], "POST", "/workflows", Some(json!({"name": "w", "steps": {}}))).await;
        let path = format!("/workflows/{}", made["id"].as_str().unwrap());
        for round in 0..CHANGES {
            let (name, tags) = (format!("name {round}"), json!([format!("tag {round}")]));
            tokio::join!(
                good(&pair[0], "PUT", &path, Some(json!({"name": name}))),
                good(
                    &pair[1],
                    "PUT",
                    &path,
                    Some(json!({"tags": tags, "max_execution_time": round}))
                ),
            );
            let found = good(&pair[1], "GET", &path, None).await;
            assert_eq!(
                (&found["name"], &found["max_execution_time"]),
                (&json!(name), &json!(round))
            );
            assert_eq!(found["tags"], tags.to_string());
        }
    }
}

#[tokio::test]
async fn a_change_of_a_policy_leaves_the_fields_of_another_alone() {
    for pair in TestApp::pairs().await {
        let new = "/security/policies?name=p&description=d&security_level=public";
        let made = good(&pair[0], "POST", new, Some(json!({}))).await;
        let path = format!("/security/policies/{}", made["id"].as_str().unwrap());
        for round in 0..CHANGES {
            tokio::join!(
                good(&pair[0], "PUT", &path, Some(json!({"max_data_size": round}))),
                good(&pair[1], "PUT", &path, Some(json!({"max_workflow_steps": round}))),
            );
            let found = good(&pair[0], "GET", &path, None).await;
            assert_eq!(found["max_data_size"], round);
            assert_eq!(found["max_workflow_steps"], round);
        }
        // Each change has its log, and the chain over them holds.
        let chain = good(&pair[1], "GET", "/security/audit-logs/verification", None).await;
        assert_eq!(
            (&chain["intact"], &chain["head"]["sequence"]),
            (&json!(true), &json!(2 * CHANGES + 1))
        );
    }
}

#[tokio::test]
async fn every_outcome_counts_in_a_trust_score() {
    for pair in TestApp::pairs().await {
        all_at_once(&pair, |number| {
            let success = number % 2 == 0;
            let path = format!("/security/trust-scores/agent/a/update?execution_success={success}");
            ("POST", path, None)
        })
        .await;
        let score = good(&pair[0], "GET", "/security/trust-scores/agent/a", None).await;
        assert_eq!(score["total_executions"], 2 * CHANGES);
        assert_eq!(score["successful_executions"], CHANGES);
        let all = good(&pair[0], "GET", "/security/trust-scores", None).await;
        assert_eq!(all.as_array().unwrap().len(), 1, "the first update alone makes the score");
    }
}

#[tokio::test]
async fn every_adaptation_of_a_meta_model_counts() {
    for pair in TestApp::pairs().await {
        let body = json!({"model_name": "m", "base_algorithms": ["maml"], "meta_strategy": "meta_learning",
                          "adaptation_targets": ["reasoning"]});
        let made = good(&pair[0], "POST", "/performance/meta-learning/models", Some(body)).await;
        pair[0].sql("UPDATE meta_learning_models SET status = 'ready', meta_accuracy = 0.8").await;
        let id = made["model_id"].as_str().unwrap();
        let path = format!("/performance/meta-learning/models/{id}/adapt");
        all_at_once(&pair, |_| ("POST", path.clone(), Some(json!({})))).await;
        let models = good(&pair[1], "GET", "/performance/meta-learning/models", None).await;
        assert_eq!(models[0]["deployment_count"], 2 * CHANGES);
    }
}

#[tokio::test]
async fn every_measurement_is_in_the_profile() {
    for pair in TestApp::pairs().await {
        good(&pair[0], "POST", "/performance/profiles", Some(json!({"agent_id": "a"}))).await;
        all_at_once(&pair, |number| {
            let metrics = Map::from_iter([(format!("m{number}"), json!(number))]);
            (
                "POST",
                "/performance/profiles/a/metrics".to_owned(),
                Some(json!({"metrics": metrics})),
            )
        })
        .await;
        let profile = good(&pair[0], "GET", "/performance/profiles/a", None).await;
        assert_eq!(profile["performance_metrics"].as_object().unwrap().len(), 2 * CHANGES);
        assert_eq!(profile["performance_history"].as_array().unwrap().len(), 2 * CHANGES);
    }
}

#[tokio::test]
async fn every_allocation_and_every_evaluation_leaves_its_trace() {
    for pair in TestApp::pairs().await {
        let body = json!({"agent_id": "a", "task_requirements": {}});
        all_at_once(&pair, |_| {
            ("POST", "/performance/resources/allocate".to_owned(), Some(body.clone()))
        })
        .await;
        let listed = good(&pair[0], "GET", "/performance/resources/a?limit=100", None).await;
        assert_eq!(listed.as_array().unwrap().len(), 2 * CHANGES);

        let body = json!({"agent_id": "a", "creative_domain": "art", "capability_type": "t", "generation_models": []});
        let made = good(&pair[0], "POST", "/creativity/capabilities", Some(body)).await;
        let path = format!(
            "/creativity/capabilities/{}/evaluate",
            made["capability_id"].as_str().unwrap()
        );
        all_at_once(&pair, |_| ("POST", path.clone(), Some(json!({"creation_data": {}})))).await;
        let listed = good(&pair[1], "GET", "/creativity/capabilities/a", None).await;
        assert_eq!(listed[0]["creations_generated"], 2 * CHANGES);
        assert_eq!(listed[0]["expert_evaluations"].as_array().unwrap().len(), 2 * CHANGES);
    }
}

#[tokio::test]
async fn two_that_scale_at_once_bring_no_instance_up_twice() {
    for pair in TestApp::pairs().await {
        let workflow = pair[0].workflow(&[]).await;
        let id = pair[0].deployment(&workflow, json!({})).await;
        let path = format!("/integration/deployments/{id}/scale?target_instances=3");
        tokio::join!(good(&pair[0], "POST", &path, None), good(&pair[1], "POST", &path, None));
        let listed = good(&pair[0], "GET", "/integration/deployments/instances", None).await;
        let mut names: Vec<&str> =
            listed.as_array().unwrap().iter().map(|i| i["instance_id"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["four-production-0", "four-production-1", "four-production-2"]);
    }
}

#[tokio::test]
async fn of_two_that_cancel_one_is_told_that_it_was_too_late() {
    for pair in TestApp::pairs().await {
        let workflow = pair[0].workflow(&[]).await;
        for _ in 0..CHANGES {
            let execution = pair[0].execute(&workflow, json!({})).await;
            let path = format!("/executions/{execution}/cancel");
            let (one, two) = tokio::join!(
                pair[0].ask("alice", "POST", &path, None),
                pair[1].ask("alice", "POST", &path, None),
            );
            let mut statuses = [one.status.as_u16(), two.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 400]);
        }
    }
}

/// The same request through both services at once; whether each was done, the one that was first.
async fn both(pair: &[TestApp; 2], caller: &str, path: &str, body: Value) -> [u16; 2] {
    let (one, two) = tokio::join!(
        pair[0].ask(caller, "POST", path, Some(body.clone())),
        pair[1].ask(caller, "POST", path, Some(body)),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
async fn trades_at_once_spend_no_more_than_there_is() {
    for pair in TestApp::pairs().await {
        for (token, price) in [("A", 2), ("B", 4)] {
            let path = format!("/portfolio/prices/{token}");
            good(&pair[0], "PUT", &path, Some(json!({"price": price}))).await;
        }
        let strategy =
            json!({"name": "s", "strategy_type": "balanced", "target_allocations": {"B": 100}});
        let strategy = pair[0].ask("alice", "POST", "/portfolio/strategies", Some(strategy)).await;
        let portfolio = "/portfolio/portfolios/0x00000000000000000000000000000000000000aa";
        let body = json!({
            "agent_address": portfolio.rsplit_once('/').unwrap().1, "strategy_id": strategy.json()["id"],
        });
        pair[0].ask("alice", "POST", "/portfolio/portfolios", Some(body)).await;
        let body = json!({"token_symbol": "A", "amount": 10.5});
        pair[0].ask("alice", "POST", &format!("{portfolio}/transfers"), Some(body)).await;

        let path = format!("{portfolio}/trades");
        let body = json!({"sell_token": "A", "buy_token": "B", "sell_amount": 0.7});
        let trades = (0..2 * CHANGES)
            .map(|number| pair[number % 2].ask("alice", "POST", &path, Some(body.clone())));
        let statuses: Vec<u16> = join_all(trades).await.iter().map(|a| a.status.as_u16()).collect();
        let done = statuses.iter().filter(|status| **status == 201).count();
        // 15 x 0.7 is all there is.
        assert_eq!((done, statuses.iter().filter(|status| **status == 400).count()), (15, 9));
        let shown = good(&pair[1], "GET", portfolio, None).await;
        let balances: Vec<&Value> =
            shown["assets"].as_array().unwrap().iter().map(|asset| &asset["balance"]).collect();
        // B, which the strategy wants, and A: 15 x 0.35, and nothing.
        assert_eq!(balances, [&json!(5.25), &json!(0.0)]);
        let listed = good(&pair[1], "GET", &format!("{path}?limit=100"), None).await;
        assert_eq!(listed.as_array().unwrap().len(), 15);
    }
}

#[tokio::test]
async fn a_request_is_accepted_completed_and_rated_once() {
    for pair in TestApp::pairs().await {
        let service = pair[0].service(json!({})).await;
        for _ in 0..6 {
            let path =
                format!("/marketplace/requests/{}", pair[0].request(&service, json!({})).await);
            for (caller, step, body) in [
                ("alice", "accept", json!({})),
                ("alice", "complete", json!({"results": {}})),
                ("bob", "rate", json!({"rating": 4})),
            ] {
                let statuses = both(&pair, caller, &format!("{path}/{step}"), body).await;
                assert_eq!(statuses, [200, 409], "{step}");
            }
        }
        let shown = good(&pair[1], "GET", &format!("/marketplace/services/{service}"), None).await;
        assert_eq!(
            (&shown["completed_jobs"], &shown["rating_count"], &shown["reputation"]),
            (&json!(6), &json!(6), &json!(1600))
        );
        // 10 x (1 + .5 x reputation / 10000) x (1 + .3 x rating / 5), less 2.5 %: 10.2375 for the first request, and
        // 10 x 1.24 x .975 x (1.055 + 1.06 + 1.065 + 1.07 + 1.075) for the others.
        assert_eq!(shown["total_earnings"], 74.61675);
        let agent = good(&pair[0], "GET", "/marketplace/agents/linguist", None).await;
        assert_eq!(agent["total_earnings"], shown["total_earnings"]);
    }
}

#[tokio::test]
async fn a_name_and_a_place_in_a_guild_are_given_once() {
    for pair in TestApp::pairs().await {
        let guild = pair[0].guild().await;
        for round in 0..CHANGES {
            let body = json!({"agent_id": format!("agent-{round}")});
            let path = format!("/marketplace/guilds/{guild}/join");
            let (alice, bob) = tokio::join!(
                pair[0].ask("alice", "POST", &path, Some(body.clone())),
                pair[1].ask("bob", "POST", &path, Some(body.clone())),
            );
            let mut statuses = [alice.status.as_u16(), bob.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 403], "whoever is second has not got the name");
        }
        let shown = good(&pair[1], "GET", &format!("/marketplace/guilds/{guild}"), None).await;
        assert_eq!(shown["member_count"], CHANGES + 1);
    }
}
