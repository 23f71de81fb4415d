//! Durability of trainings: what happens when trainers stop, die or are told to, and what comes of it all.

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::testing::{TestApp, until};

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A trainer as one process has one.
fn start(test: &TestApp) -> Running {
    let stop = CancellationToken::new();
    let calculator = Calculator::giving_way("trainer").unwrap();
    let trainer = Trainer::new(Arc::clone(&test.app), calculator, stop.clone());
    Running { stop, task: tokio::spawn(trainer.work()) }
}

impl Running {
    /// Ends the trainer as `kill -9` would: in the middle of whatever it does.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// A learner of alice's and a training that waits; the ids of both.
async fn begin(test: &TestApp, episodes: u32) -> (String, String) {
    let learner = test.learner(json!({"hidden_size": 16, "max_episodes": episodes})).await;
    let path = format!("/learning/agents/{learner}/train");
    let begun = test.ask("alice", "POST", &path, Some(json!({"seed": 5}))).await;
    assert_eq!(begun.status.as_u16(), 201, "{begun:?}");
    let training = begun.json()["id"].as_str().unwrap().to_owned();
    (learner, training)
}

async fn progress(test: &TestApp, training: &str) -> Value {
    test.ask("alice", "GET", &format!("/learning/trainings/{training}"), None).await.json()
}

async fn ends_as(test: &TestApp, training: &str, status: &str) -> Value {
    until(status, || async { progress(test, training).await["status"] == status }).await;
    progress(test, training).await
}

async fn checksum(test: &TestApp, learner: &str) -> Value {
    let path = format!("/learning/agents/{learner}");
    test.ask("alice", "GET", &path, None).await.json()["model"]["checksum"].clone()
}

/// Longer than any test waits.
const ENDLESS: u32 = 5000;

/// Over in a moment.
const SHORT: u32 = 16;

#[tokio::test]
async fn a_training_ends_in_a_model_that_decides_and_is_measured() {
    let test = TestApp::new().await;
    let (learner, training) = begin(&test, SHORT).await;
    let path = format!("/learning/agents/{learner}");
    let act = format!("{path}/act");
    let mut state = json!({"state": TestApp::state()});
    state["state"]["demand"] = json!(0.9);
    let early = test.ask("alice", "POST", &act, Some(state.clone())).await;
    assert_eq!(early.status.as_u16(), 409);
    assert_eq!(test.ask("alice", "GET", &path, None).await.json()["status"], "queued");

    let trainer = start(&test);
    let done = ends_as(&test, &training, "completed").await;
    assert_eq!((&done["progress"], &done["attempts"]), (&json!(1.0), &json!(1)));
    assert!(done["episodes_done"].as_u64().unwrap() >= u64::from(SHORT));
    assert!(!done["reward_history"].as_array().unwrap().is_empty());
    assert!(done.get("lease_token").is_none());
    let shown = test.ask("alice", "GET", &path, None).await.json();
    assert_eq!((&shown["status"], &shown["model"]["training_id"]), (&json!("ready"), &done["id"]));
    assert_eq!(shown["model"]["evaluation"]["episodes"], 100);

    let decision = test.ask("alice", "POST", &act, Some(state)).await.json();
    let scores = decision["scores"].as_object().unwrap();
    let sum: f64 = scores.values().map(|score| score.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-4 && scores.len() == 4, "{decision}");
    assert!(scores.contains_key(decision["action"].as_str().unwrap()));
    let body = json!({"episodes": 20, "seed": 3});
    let evaluate = async || {
        test.ask("alice", "POST", &format!("{path}/evaluate"), Some(body.clone())).await.json()
    };
    let evaluation = evaluate().await;
    assert_eq!((&evaluation["episodes"], &evaluation["seed"]), (&json!(20), &json!(3)));
    assert!(evaluation["policy"]["low"].as_f64() < evaluation["policy"]["high"].as_f64());
    assert_eq!(evaluation, evaluate().await, "the same seeds are the same episodes");
    trainer.stop().await;
}

#[tokio::test]
async fn a_crash_costs_time_and_nothing_else() {
    let test = TestApp::new().await;
    let (undisturbed, short) = begin(&test, SHORT).await;
    let trainer = start(&test);
    ends_as(&test, &short, "completed").await;
    trainer.stop().await;

    let (learner, training) = begin(&test, ENDLESS).await;
    let first = start(&test);
    ends_as(&test, &training, "running").await;
    first.kill().await;
    // The same as before from here on, so that both can be compared.
    test.sql(&format!(
        "UPDATE agent_service_rl_jobs SET episodes = {SHORT}, \
         settings = (SELECT settings FROM agent_service_rl_jobs WHERE id = '{short}')"
    ))
    .await;
    let second = start(&test);
    assert_eq!(progress(&test, &training).await["status"], "running");
    test.clock.advance(11);
    let done = ends_as(&test, &training, "completed").await;
    assert_eq!(done["attempts"], 2);
    assert_eq!(checksum(&test, &learner).await, checksum(&test, &undisturbed).await);
    second.stop().await;
}

#[tokio::test]
async fn a_stopped_trainer_gives_its_training_back() {
    let test = TestApp::new().await;
    let (_, training) = begin(&test, ENDLESS).await;
    let trainer = start(&test);
    let goes_on = async || progress(&test, &training).await["episodes_done"].as_i64() > Some(0);
    until("the training goes on", goes_on).await;
    trainer.stop().await;
    let waiting = progress(&test, &training).await;
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(0)));
    // It will begin from its seed, and says so.
    assert_eq!((&waiting["progress"], &waiting["steps_done"]), (&json!(0.0), &json!(0)));
    assert_eq!((&waiting["mean_reward"], &waiting["reward_history"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn a_cancelled_training_stays_cancelled_and_makes_room() {
    let test = TestApp::new().await;
    let (learner, training) = begin(&test, ENDLESS).await;
    let trainer = start(&test);
    ends_as(&test, &training, "running").await;
    let train = format!("/learning/agents/{learner}/train");
    let second = test.ask("alice", "POST", &train, Some(json!({}))).await;
    assert_eq!(second.status.as_u16(), 409);

    let cancel = format!("/learning/trainings/{training}/cancel");
    assert_eq!(test.ask("alice", "POST", &cancel, None).await.status.as_u16(), 200);
    assert_eq!(test.ask("alice", "POST", &cancel, None).await.status.as_u16(), 409);
    let body = json!({"max_episodes": SHORT});
    let next = test.ask("alice", "POST", &train, Some(body)).await.json();
    // The trainer takes the next one up, which it can only when it has let go of the first.
    ends_as(&test, next["id"].as_str().unwrap(), "completed").await;
    assert_eq!(progress(&test, &training).await["status"], "cancelled");
    trainer.stop().await;
}

#[tokio::test]
async fn a_training_of_a_deleted_learner_ends() {
    let test = TestApp::new().await;
    let (learner, training) = begin(&test, ENDLESS).await;
    let trainer = start(&test);
    ends_as(&test, &training, "running").await;
    let path = format!("/learning/agents/{learner}");
    assert_eq!(test.ask("alice", "DELETE", &path, None).await.status.as_u16(), 200);
    let lost = r#"agent_service_trainings_total{outcome="lost"} 1"#;
    until("the training is let go", || async { test.app.metrics.text().unwrap().contains(lost) })
        .await;
    assert_eq!(test.ask("alice", "GET", &path, None).await.status.as_u16(), 404);
    trainer.stop().await;
}

#[tokio::test]
async fn what_takes_too_long_or_is_cut_off_too_often_fails() {
    let test = TestApp::with(&[("LEARNING_TIMEOUT_SECONDS", "1")]).await;
    let (_, training) = begin(&test, ENDLESS).await;
    let trainer = start(&test);
    let failed = ends_as(&test, &training, "failed").await;
    assert_eq!(failed["error"], "Training timed out after 1 s");
    trainer.stop().await;

    let (learner, training) = begin(&test, SHORT).await;
    test.sql("UPDATE agent_service_rl_jobs SET attempts = 5 WHERE status = 'QUEUED'").await;
    let trainer = start(&test);
    let failed = ends_as(&test, &training, "failed").await;
    assert_eq!(failed["error"], "Given up after 5 attempts that were cut off");
    let shown = test.ask("alice", "GET", &format!("/learning/agents/{learner}"), None).await;
    assert_eq!((&shown.json()["status"], &shown.json()["model"]), (&json!("failed"), &Value::Null));
    trainer.stop().await;
}

#[tokio::test]
async fn two_trainers_share_the_work_and_never_a_training() {
    let test = TestApp::new().await;
    let mut trainings = Vec::new();
    for _ in 0..4 {
        trainings.push(begin(&test, SHORT).await.1);
    }
    let (one, other) = (start(&test), start(&test));
    for training in &trainings {
        assert_eq!(ends_as(&test, training, "completed").await["attempts"], 1);
    }
    one.stop().await;
    other.stop().await;
}
