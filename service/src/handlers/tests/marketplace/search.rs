//! What is found, in which order, and what the whole looks like.

use serde_json::json;

use super::{completed, get, names, post, refusal};
use crate::logic::marketplace::services::put_in_place;
use crate::testing::TestApp;

#[tokio::test]
async fn the_best_are_found_first_and_the_oldest_of_equal_ones() {
    let test = TestApp::new().await;
    for (agent, name) in [("a", "one"), ("a", "two"), ("b", "three"), ("c", "four")] {
        test.service(json!({"agent_id": agent, "name": name})).await;
    }
    let found = get(&test, "bob", "search").await;
    assert_eq!(names(&found), ["one", "two", "three", "four"]);
    let ids: Vec<&str> =
        found.as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    for (service, rating) in [(ids[2], 5), (ids[1], 4)] {
        let request = test.request(service, json!({})).await;
        test.advance_request(&request, &["accept", "complete"]).await;
        post(&test, "bob", &format!("requests/{request}/rate"), json!({"rating": rating})).await;
    }
    // What a has gained with two moves one before four, which is as unrated.
    assert_eq!(names(&get(&test, "bob", "search").await), ["three", "two", "one", "four"]);
    assert_eq!(names(&get(&test, "bob", "search?limit=2&offset=1").await), ["two", "one"]);
    assert_eq!(names(&get(&test, "bob", "search?min_rating=4.5").await), ["three"]);
    assert_eq!(names(&get(&test, "bob", "search?min_rating=4").await), ["three", "two"]);
    for id in ids {
        let stored = test.app.store.market_service_find(id).await.unwrap().unwrap();
        let mut anew = stored.clone();
        put_in_place(&mut anew);
        assert_eq!(stored.place, anew.place, "SQL and logic agree on places");
    }
}

#[tokio::test]
async fn a_search_filters_by_all_that_is_asked() {
    let test = TestApp::new().await;
    for fields in [
        json!({"name": "Polish", "tags": ["pl", "Slavic"], "base_price": 5}),
        json!({"name": "Latin", "tags": ["la"], "base_price": 50, "description": "Dead LANGUAGES, alive"}),
        json!({"name": "Charts", "tags": [], "base_price": 500, "service_type": "data_analysis"}),
    ] {
        test.service(fields).await;
    }
    for (query, found) in [
        ("", vec!["Polish", "Latin", "Charts"]),
        ("?service_type=translation", vec!["Polish", "Latin"]),
        ("?tags=la&tags=pl", vec!["Polish", "Latin"]),
        ("?tags=slavic", vec![]),
        ("?query=SLAV", vec!["Polish"]),
        ("?query=languages", vec!["Latin"]),
        ("?query=Chart", vec!["Charts"]),
        // A percent sign is a percent sign.
        ("?query=%25", vec![]),
        ("?query=", vec!["Polish", "Latin", "Charts"]),
        ("?min_price=50", vec!["Latin", "Charts"]),
        ("?max_price=50", vec!["Polish", "Latin"]),
        ("?min_price=0&max_price=0", vec!["Polish", "Latin", "Charts"]),
        ("?service_type=translation&query=a&max_price=49.99&tags=pl", vec!["Polish"]),
        ("?min_rating=1", vec![]),
    ] {
        let list = get(&test, "bob", &format!("search{query}")).await;
        assert_eq!(names(&list), found, "{query}");
    }
}

#[tokio::test]
async fn a_service_is_found_by_what_it_is_now() {
    let test = TestApp::new().await;
    let service = test.service(json!({"tags": ["old"]})).await;
    let path = format!("/marketplace/services/{service}");
    let change = json!({"tags": ["new"], "name": "Renamed", "base_price": 7.25});
    let refused = test.ask("bob", "PUT", &path, Some(change.clone())).await;
    assert_eq!(refused.status.as_u16(), 403);
    let changed = test.ask("alice", "PUT", &path, Some(change)).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["base_price"]), (200, &json!(7.25)));
    assert_eq!(names(&get(&test, "bob", "search?tags=new&query=renamed").await), ["Renamed"]);
    assert!(get(&test, "bob", "search?tags=old").await.as_array().unwrap().is_empty());
    let refused = test.ask("alice", "PUT", &path, Some(json!({"base_price": 0}))).await;
    assert_eq!(refusal(&refused), (400, "Price below minimum: 0.001".to_owned()));
}

#[tokio::test]
async fn lists_are_paged_newest_first_and_ones_own() {
    let test = TestApp::new().await;
    for name in ["one", "two", "three"] {
        test.service(json!({"name": name, "agent_id": name})).await;
    }
    let listed = get(&test, "alice", "services").await;
    assert_eq!(names(&listed), ["three", "two", "one"]);
    assert_eq!(names(&get(&test, "alice", "services?limit=1&offset=1").await), ["two"]);
    assert!(get(&test, "bob", "services").await.as_array().unwrap().is_empty());
    assert_eq!(names(&get(&test, "bob", "services?agent_id=two").await), ["two"]);
    let service = listed[0]["id"].as_str().unwrap();
    let [first, second] =
        [test.request(service, json!({})).await, test.request(service, json!({})).await];
    test.advance_request(&first, &["accept"]).await;
    let ids = async |caller: &str, query: &str| -> Vec<String> {
        let list = get(&test, caller, &format!("requests{query}")).await;
        list.as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("bob", "").await, [second.clone(), first.clone()]);
    assert_eq!(ids("bob", "?status=accepted").await, [first.as_str()]);
    assert_eq!(ids("alice", "").await, [""; 0]);
    assert_eq!(ids("alice", "?role=provider&limit=1").await, [second]);
    assert_eq!(ids("mallory", "?role=provider").await, [""; 0]);
}

#[tokio::test]
async fn categories_and_figures_tell_what_was_offered_and_sold() {
    let test = TestApp::new().await;
    let (service, _) = completed(&test).await;
    for _ in 0..10 {
        test.service(json!({"agent_id": "second", "base_price": 30})).await;
    }
    let suspended = test.service(json!({"service_type": "writing"})).await;
    post(&test, "alice", &format!("services/{suspended}/suspend"), json!(null)).await;
    test.request(&service, json!({})).await;
    let categories = get(&test, "bob", "categories").await;
    let categories = categories.as_array().unwrap();
    assert_eq!(categories.len(), 20);
    let of = |name: &str| categories.iter().find(|category| category["name"] == name).unwrap();
    let mut translation = of("translation").clone();
    assert_eq!(translation["popular_services"].as_array().unwrap().len(), 3);
    assert_eq!(translation["popular_services"][0], service.as_str());
    translation["popular_services"] = json!("three");
    insta::assert_json_snapshot!(translation, @r#"
    {
      "name": "translation",
      "description": "Services related to translation",
      "service_count": 11,
      "active_services": 11,
      "completed_jobs": 1,
      "total_volume": 10.5,
      "average_price": 28.1818182,
      "is_active": true,
      "trending": true,
      "popular_services": "three"
    }
    "#);
    let writing = of("writing");
    assert_eq!(
        (&writing["service_count"], &writing["is_active"], &writing["trending"]),
        (&json!(1), &json!(false), &json!(false))
    );
    insta::assert_json_snapshot!(get(&test, "bob", "analytics").await, @r#"
    {
      "total_services": 12,
      "active_services": 11,
      "total_requests": 2,
      "pending_requests": 1,
      "total_volume": 10.2375,
      "total_guilds": 0,
      "average_service_price": 28.1818182,
      "popular_categories": [
        "translation"
      ],
      "top_agents": [
        "linguist",
        "second"
      ],
      "revenue_trends": {
        "2026-11-22": 10.5
      },
      "growth_metrics": {
        "volume_last_30_days": 10.5,
        "volume_30_days_before": 0.0
      }
    }
    "#);
}
