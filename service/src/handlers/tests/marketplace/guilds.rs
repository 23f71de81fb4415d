//! Guilds: who comes, who goes, and what follows from it.

use serde_json::json;

use super::{get, names, post, refusal};
use crate::testing::TestApp;

#[tokio::test]
async fn a_guild_has_members_services_earnings_and_the_mean_of_reputations() {
    let test = TestApp::new().await;
    let guild = test.guild().await;
    let path = format!("guilds/{guild}");
    let join = async |caller: &str, agent: &str| {
        post(&test, caller, &format!("{path}/join"), json!({"agent_id": agent})).await
    };
    let leave = async |caller: &str, agent: &str| {
        post(&test, caller, &format!("{path}/leave"), json!({"agent_id": agent})).await
    };
    assert_eq!(join("alice", "linguist").await.json()["member_count"], 2);
    assert_eq!(refusal(&join("alice", "linguist").await), (409, "Already a member".to_owned()));
    assert_eq!(join("carol", "linguist").await.status.as_u16(), 403);
    let outside = json!({
        "agent_id": "hermit", "service_type": "writing", "name": "n", "description": "On my own here",
        "base_price": 1, "guild_id": guild,
    });
    let refused = post(&test, "carol", "services", outside).await;
    assert_eq!(refusal(&refused), (403, "Not a member of the guild".to_owned()));

    let service = test.service(json!({"guild_id": guild})).await;
    let request = test.request(&service, json!({})).await;
    test.advance_request(&request, &["accept", "complete"]).await;
    post(&test, "bob", &format!("requests/{request}/rate"), json!({"rating": 2})).await;
    let shown = get(&test, "bob", &path).await;
    // (1000 + 900) / 2, and 10.5 less 2.5 %.
    assert_eq!(
        (&shown["reputation"], &shown["total_services"], &shown["total_earnings"]),
        (&json!(950), &json!(1), &json!(10.2375))
    );
    let members = get(&test, "bob", &format!("{path}/members")).await;
    let member = |n: usize| {
        let one = &members[n];
        (
            one["agent_id"].clone(),
            one["role"].clone(),
            one["reputation"].clone(),
            one["contributions"].clone(),
        )
    };
    assert_eq!(member(0), (json!("founder"), json!("founder"), json!(1000), json!(0)));
    assert_eq!(member(1), (json!("linguist"), json!("member"), json!(900), json!(1)));

    assert_eq!(
        refusal(&leave("alice", "founder").await),
        (409, "The founder is the last to leave".to_owned())
    );
    let left = leave("alice", "linguist").await.json();
    assert_eq!((&left["member_count"], &left["total_services"]), (&json!(1), &json!(0)));
    assert_eq!(get(&test, "bob", &format!("services/{service}")).await["guild_id"], json!(null));
    assert_eq!(refusal(&leave("alice", "linguist").await), (409, "Not a member".to_owned()));
    let closed = leave("alice", "founder").await.json();
    assert_eq!((&closed["member_count"], &closed["status"]), (&json!(0), &json!("inactive")));
    assert_eq!(refusal(&join("carol", "new").await), (409, "Guild not active".to_owned()));
}

#[tokio::test]
async fn guilds_are_listed_by_reputation_and_take_who_has_half_of_it() {
    let test = TestApp::new().await;
    let guild = test.guild().await;
    test.sql("UPDATE agent_service_market_guilds SET reputation = 2002").await;
    let refused =
        post(&test, "bob", &format!("guilds/{guild}/join"), json!({"agent_id": "b"})).await;
    assert_eq!(refusal(&refused), (400, "Insufficient reputation".to_owned()));
    let body = json!({"founder_id": "b", "name": "ab", "service_category": "writing"});
    let refused = post(&test, "bob", "guilds", body).await;
    assert_eq!(refusal(&refused), (400, "Invalid guild name".to_owned()));
    let body = json!({"founder_id": "b", "name": "Writers", "service_category": "writing"});
    assert_eq!(post(&test, "bob", "guilds", body).await.status.as_u16(), 201);
    assert_eq!(names(&get(&test, "bob", "guilds").await), ["Translators", "Writers"]);
    assert_eq!(names(&get(&test, "bob", "guilds?category=writing").await), ["Writers"]);
}
