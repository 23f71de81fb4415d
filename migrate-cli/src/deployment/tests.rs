//! What the templates come to.

use proptest::prelude::*;

use super::*;
use crate::testing::Folder;

fn deployment() -> Deployment {
    Deployment {
        binaries: "/usr/local/bin".to_owned(),
        settings: "/etc/strangler".to_owned(),
        table: "/var/lib/strangler/routes.toml".to_owned(),
        table_folder: None,
        service: "agent-service".to_owned(),
        service_user: "agent-service".to_owned(),
        service_port: 8012,
        database: None,
        database_folder: None,
        is_database_local: true,
        proxy_address: "127.0.0.1:8080".parse().unwrap(),
        has_low_port: false,
        monolith_addresses: vec!["127.0.0.1:8011".to_owned()],
        prefixes: vec!["/api/v1/agent".to_owned()],
        is_proxy_local: true,
    }
}

fn text(deployment: &Deployment, ending: &str) -> String {
    let files = deployment.files().unwrap();
    files.into_iter().find(|file| file.path.ends_with(ending)).unwrap().text
}

#[test]
fn units_say_who_runs_what_and_how() {
    let made = deployment();
    insta::assert_snapshot!("strangler-proxy.service", text(&made, "strangler-proxy.service"));
    insta::assert_snapshot!("agent-service.service", text(&made, "agent-service.service"));
}

#[test]
fn nginx_sends_the_paths_of_the_routes_to_the_proxy() {
    insta::assert_snapshot!(text(&deployment(), "etc/nginx/snippets/strangler.conf"));
}

#[test]
fn a_database_in_a_file_may_be_written_where_it_is() {
    let mut made = deployment();
    assert!(!text(&made, "agent-service.service").contains("ReadWritePaths"));
    assert!(text(&made, "agent-service.env").contains("\n# DATABASE_URL="));
    made.database = Some("sqlite:////srv/data/coordinator.db".to_owned());
    made.database_folder = Some("/srv/data".to_owned());
    assert!(text(&made, "agent-service.service").contains("\nReadWritePaths=/srv/data\n"));
    assert!(
        text(&made, "agent-service.env")
            .contains("\nDATABASE_URL=sqlite:////srv/data/coordinator.db\n")
    );
}

#[test]
fn who_speaks_with_other_machines_is_let() {
    let mut made = deployment();
    assert!(text(&made, "strangler-proxy.service").contains("\nIPAddressAllow=localhost\n"));
    (made.is_proxy_local, made.is_database_local) = (false, false);
    assert!(!text(&made, "strangler-proxy.service").contains("IPAddress"));
    assert!(!text(&made, "agent-service.service").contains("IPAddress"));
}

#[test]
fn a_port_below_1024_takes_the_capability_for_it_and_no_users_of_its_own() {
    let capability = "Capabilities=CAP_NET_BIND_SERVICE\n";
    let mut made = deployment();
    for unit in ["strangler-proxy.service", "agent-service.service"] {
        let closed = text(&made, unit);
        assert!(
            !closed.contains(capability) && closed.contains("\nPrivateUsers=yes\n"),
            "{closed}"
        );
    }
    made.has_low_port = true;
    let open = text(&made, "strangler-proxy.service");
    assert!(open.contains(&format!("\nAmbient{capability}")), "{open}");
    assert!(open.contains("\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"), "{open}");
    assert!(!open.contains("\nPrivateUsers"), "{open}");
    assert!(!text(&made, "agent-service.service").contains(capability));
    made.service_port = 812;
    assert!(text(&made, "agent-service.service").contains(capability));
}

#[test]
fn a_user_that_there_is_already_is_not_made() {
    let mut made = deployment();
    assert!(text(&made, "sysusers.d/strangler.conf").contains("u agent-service"));
    made.service_user = "aitbc".to_owned();
    assert!(!text(&made, "sysusers.d/strangler.conf").contains("aitbc"));
    assert!(text(&made, "agent-service.service").contains("\nUser=aitbc\nGroup=aitbc\n"));
}

#[test]
fn prefixes_end_before_the_first_parameter_and_take_each_other_in() {
    let folder = Folder::with_proxies(&[]);
    assert_eq!(prefixes(&folder.table()), ["/api/v1/agent/executions", "/api/v1/agent/workflows"]);
    for (pattern, expected) in
        [("/{*rest}", "/"), ("/a/{b}/c", "/a"), ("/a/x y/c", "/a"), ("/a/\"b", "/a"), ("/a", "/a")]
    {
        assert_eq!(prefix(pattern), expected);
    }
}

proptest! {
    #[test]
    fn what_is_fit_is_one_word_of_a_unit(word in "\\PC{0,20}") {
        if unfit(&word).is_none() {
            prop_assert!(!word.is_empty());
            let means_something = |c: char| c.is_whitespace() || "\"'\\%${}#;=,".contains(c);
            prop_assert!(!word.contains(means_something));
        }
    }
}
