//! Ends the trainings that requests have begun, so that a crash between an answer and its training loses nothing.
//!
//! A training is simulated and takes no time; what makes it last is its row, written with the model and removed with the
//! figures, each in one transaction. Several processes may end the same one: the first wins.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::http::error::chain;
use crate::logic::performance::meta_learning::{TRAINING, end_training};
use crate::store::StoreError;

/// How often somebody looks for what another process has left, or what did not succeed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How many trainings are looked at in one go.
const BATCH: u8 = 100;

/// Ends trainings until told to stop, first of all those that an earlier process has left.
pub async fn work(app: Arc<App>, stop: CancellationToken) {
    loop {
        if let Err(error) = end_all(&app).await {
            tracing::warn!(error = chain(&error), "trainings are put off");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.meta_training_bell.heard() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Ends every training that is recorded. Models that the monolith trains are not.
pub async fn end_all(app: &App) -> Result<(), StoreError> {
    loop {
        let recorded = app.store.meta_training_list(BATCH).await?;
        if recorded.is_empty() {
            return Ok(());
        }
        for training in recorded {
            end(app, &training.model_id).await?;
        }
    }
}

/// Ends one training: figures and status of the model, if it still waits for them. A model that is gone, that somebody
/// else has changed or that cannot be read has none to wait for.
async fn end(app: &App, model_id: &str) -> Result<(), StoreError> {
    let mut writing = app.store.write().await?;
    if !writing.meta_training_remove(model_id).await? {
        return Ok(());
    }
    match writing.meta_model_find(model_id).await {
        Ok(Some(mut model)) if model.status == TRAINING => {
            end_training(&mut model, app.clock.now());
            writing.meta_model_update(&model).await?;
        }
        Ok(_) => tracing::info!(model_id, "a training has nothing to end"),
        Err(error @ StoreError::Unreadable { .. }) => {
            tracing::error!(model_id, error = chain(&error), "a training is given up");
        }
        Err(error) => return Err(error),
    }
    writing.commit().await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{TestApp, until};

    async fn create(test: &TestApp) -> String {
        let body = json!({
            "model_name": "m", "base_algorithms": ["maml"], "meta_strategy": "meta_learning",
            "adaptation_targets": ["text_generation"],
        });
        let path = "/performance/meta-learning/models";
        let created = test.ask("", "POST", path, Some(body)).await.json();
        assert_eq!(
            (&created["status"], &created["trained_at"]),
            (&json!("training"), &Value::Null)
        );
        created["model_id"].as_str().unwrap().to_owned()
    }

    async fn models(test: &TestApp) -> Value {
        test.ask("", "GET", "/performance/meta-learning/models", None).await.json()
    }

    #[tokio::test]
    async fn what_a_process_has_left_the_next_one_ends() {
        let test = TestApp::new().await;
        create(&test).await;
        // Nobody was there when the bell rang.
        assert_eq!(models(&test).await[0]["status"], "training");
        let stop = CancellationToken::new();
        let worker = tokio::spawn(work(Arc::clone(&test.app), stop.clone()));
        let ready = async || models(&test).await[0]["status"] == "ready";
        until("the training ends", ready).await;
        stop.cancel();
        worker.await.unwrap();
        let model = &models(&test).await[0];
        assert_eq!(
            (&model["meta_accuracy"], &model["adaptation_speed"]),
            (&json!(0.8), &json!(0.88))
        );
        assert!(model["trained_at"].is_string());
        assert!(test.app.store.meta_training_list(1).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_bell_is_enough() {
        let test = TestApp::new().await;
        let stop = CancellationToken::new();
        let worker = tokio::spawn(work(Arc::clone(&test.app), stop.clone()));
        create(&test).await;
        let ready = async || models(&test).await[0]["status"] == "ready";
        until("the training ends", ready).await;
        stop.cancel();
        worker.await.unwrap();
    }

    #[tokio::test]
    async fn a_model_of_the_monolith_is_left_alone() {
        let test = TestApp::new().await;
        create(&test).await;
        end_all(&test.app).await.unwrap();
        test.sql("UPDATE meta_learning_models SET status = 'training'").await;
        end_all(&test.app).await.unwrap();
        assert_eq!(models(&test).await[0]["status"], "training");
    }

    #[tokio::test]
    async fn what_cannot_be_trained_does_not_stop_the_rest() {
        let test = TestApp::on_file().await;
        let [unreadable, gone, changed] =
            [create(&test).await, create(&test).await, create(&test).await];
        let last = create(&test).await;
        for (id, statement) in [
            (&unreadable, "UPDATE meta_learning_models SET meta_strategy = 'x'"),
            (&gone, "DELETE FROM meta_learning_models"),
            (&changed, "UPDATE meta_learning_models SET status = 'deprecated'"),
        ] {
            test.sql(&format!("{statement} WHERE model_id = '{id}'")).await;
        }
        end_all(&test.app).await.unwrap();
        assert!(test.app.store.meta_training_list(1).await.unwrap().is_empty());
        test.sql(&format!("DELETE FROM meta_learning_models WHERE model_id = '{unreadable}'"))
            .await;
        let listed = models(&test).await;
        let stands: Vec<_> =
            listed.as_array().unwrap().iter().map(|m| (&m["model_id"], &m["status"])).collect();
        assert_eq!(
            stands,
            [(&json!(last), &json!("ready")), (&json!(changed), &json!("deprecated"))]
        );
    }
}
