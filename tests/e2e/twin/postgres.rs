//! The same where both databases are PostgreSQL's: two stand-ins, one of them on a clone, because the service speaks SQLite.

use e2e::postgres::Postgres;

use super::*;

/// The stand-in on a shared database, and another on a clone of it.
async fn twin_in(postgres: &Postgres) -> Stack {
    postgres.query("postgres", "CREATE DATABASE shared").await;
    let old = vec![("DATABASE_URL".to_owned(), postgres.python_url("shared"))];
    let to = [postgres.url("clone"), postgres.python_url("clone")];
    let new = Player::PostgresTwin { from: postgres.url("shared"), to };
    shadowed(Player::MonolithWith(old), new, &[&databases(postgres)]).start().await
}

fn databases(postgres: &Postgres) -> String {
    let [shared, clone] = ["shared", "clone"].map(|name| postgres.url(name));
    format!("twin = {{ shared = \"{shared}\", clone = \"{clone}\" }}")
}

/// Kind and path of each difference.
fn found(route: &RouteEvidence) -> Vec<(DifferenceKind, &str)> {
    let differences = route.operations.iter().flat_map(|operation| &operation.differences);
    differences.map(|found| (found.kind, found.path.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_lives_compare_equal_and_a_planted_row_is_found() {
    const CLIENTS: u64 = 3;
    const LIVES: u64 = 4;
    let postgres = Postgres::start().await;
    let mut stack = twin_in(&postgres).await;
    let sent = AtomicU64::new(0);
    let client =
        |number: u64| Client { stack: &stack, key: format!("client-{number}"), sent: &sent };
    let lives = async |number: u64| {
        let client = client(number);
        for life in 0..LIVES {
            client.life(&format!("w{number} {life}")).await;
        }
    };
    join_all((0..CLIENTS).map(lives)).await;
    let sent_so_far = sent.load(Ordering::Relaxed);
    let route = evidence(&stack, sent_so_far).await;
    let compared: u64 = route.operations.iter().map(|operation| operation.compared).sum();
    eprintln!(
        "{} lives, {compared} of {sent_so_far} compared, {:?}",
        CLIENTS * LIVES,
        route.dropped
    );
    assert_eq!(mismatches(&route), Vec::<String>::new());
    let matched: u64 = route.operations.iter().map(|operation| operation.matched).sum();
    assert_eq!(compared, matched);
    assert!(compared > sent_so_far / 2, "{route:#?}");
    let noted = "SELECT count(DISTINCT tbl) FROM strangler_twin.write_log";
    assert_eq!(postgres.query("clone", noted).await, "2", "the log was there to be read");
    let made = "SELECT count(*) FROM pg_namespace WHERE nspname = 'strangler_twin'";
    assert_eq!(postgres.query("shared", made).await, "0", "nothing is made in the shared database");

    let plant = "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 NEW.execution_receipt := '{\"planted\": 1}'; RETURN NEW; END $$; \
                 CREATE TRIGGER planted BEFORE INSERT ON agent_executions FOR EACH ROW EXECUTE FUNCTION planted()";
    postgres.query("shared", plant).await;
    let client = client(0);
    let id = client.create("with a receipt").await;
    let inputs = json!({"workflow_id": id, "inputs": {}});
    client.call("POST", &format!("{WORKFLOWS}/{id}/execute"), Some(inputs)).await;
    let route = evidence(&stack, sent.load(Ordering::Relaxed)).await;
    assert_eq!(
        found(&route),
        [(DifferenceKind::Row, "agent_executions.execution_receipt")],
        "{:#?}",
        mismatches(&route)
    );
    let output = stack.proxy().output();
    assert!(!output.contains("rows are not compared"), "{}", stack.proxy().tail());
    stack.proxy().stop(LIMIT).await;
}

/// The clone is written while a read is mirrored, and by nobody else.
#[tokio::test]
async fn a_read_that_changes_the_clone_is_found_once_it_is_watched() {
    let postgres = Postgres::start().await;
    for name in ["shared", "clone"] {
        postgres.query("postgres", &format!("CREATE DATABASE {name}")).await;
        postgres.query(name, "CREATE TABLE w (id TEXT PRIMARY KEY, seen INTEGER)").await;
        postgres.query(name, "INSERT INTO w VALUES ('w_01f3aa', 0)").await;
    }
    let mut stack = stack()
        .new_line("mirror_writes = \"twin\"")
        .new_line(&databases(&postgres))
        .route(RouteSpec::new("w", "/w/{*rest}").stage("shadow"))
        .start()
        .await;
    stack.old.fake().answer(Answer::json("{}"));
    stack.new.fake().answer(Answer::json("{}").after(Duration::from_millis(800)));
    let read = async |stack: &mut Stack| {
        let asked = stack.new.fake().count();
        stack.get("/w/w_01f3aa").await;
        wait::until("the read is mirrored", LIMIT, async || {
            (stack.new.fake().count() > asked).then_some(())
        })
        .await;
        postgres.query("clone", "UPDATE w SET seen = seen + 1 WHERE id = 'w_01f3aa'").await;
    };
    read(&mut stack).await;
    let route = evidence(&stack, 1).await;
    assert_eq!(found(&route), []);
    let said = stack.proxy().output();
    assert!(said.contains("migrate db watch"), "{}", stack.proxy().tail());

    let clone = postgres.url("clone");
    let watched = stack.migrate_ok(&["db", "watch", "--clone", &clone]).await;
    assert!(watched.stdout.contains("1 tables note what changes"), "{watched:?}");
    read(&mut stack).await;
    let route = evidence(&stack, 2).await;
    assert_eq!(found(&route), [(DifferenceKind::Row, "w")], "{route:#?}");

    stack.migrate_ok(&["db", "watch", "--clone", &clone, "--remove"]).await;
    let left = "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = 'strangler_twin') \
                + (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal)";
    assert_eq!(postgres.query("clone", left).await, "0");
    stack.proxy().stop(LIMIT).await;
}
