//! Requests to servers in this process, and who is asked in which way.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);

/// Answers one connection with these bytes, or with nothing until the test ends; its address.
fn server(answer: Option<&'static [u8]>) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        match answer {
            Some(answer) => {
                let asked = stream.read(&mut [0; 4096]).unwrap();
                assert!(asked > 0, "nothing was asked");
                stream.write_all(answer).unwrap();
            }
            // Until the client has gone.
            None => drop(stream.read_to_end(&mut Vec::new())),
        }
    });
    (url, thread)
}

async fn sent(url: &str, limit: Duration, most: usize) -> Result<Reply, Silence> {
    let table = table("http://127.0.0.1:1", "");
    let http = Http::of_url(url, &table, Path::new("."), limit).unwrap();
    http.send(Method::GET, url, HeaderMap::new(), Bytes::new(), most).await
}

/// Two backends; `more`: lines of the second.
fn table(target: &str, more: &str) -> RouteTable {
    let text = format!(
        "format = 1\n[backends.a]\ntargets = [\"{target}\"]\n[backends.b]\n{more}\ntargets = [\"https://other:1\", \"{}\"]\n\
         [defaults]\nfallback = \"a\"\n",
        target.replace("http://", "https://")
    );
    RouteTable::parse(Path::new("routes.toml"), &text).unwrap()
}

// Connections end while the test waits for the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_an_answer_away_is_told_apart() {
    let (url, thread) = server(Some(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour"));
    assert_eq!(sent(&url, LIMIT, 4).await.unwrap().body, "four");
    thread.join().unwrap();
    let (url, thread) = server(Some(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour"));
    assert!(matches!(sent(&url, LIMIT, 3).await, Err(Silence::TooLarge(3))));
    thread.join().unwrap();
    // Nobody listens there any more.
    let refused = sent(&url, LIMIT, 3).await.unwrap_err();
    assert!(matches!(refused, Silence::Unconnected(_)), "{refused:?}");
    assert!(refused.to_string().contains("Connection refused"), "{refused}");
    let (url, thread) = server(Some(b"SSH-2.0-x\r\n\r\n"));
    assert!(matches!(sent(&url, LIMIT, 3).await, Err(Silence::Broken(_))));
    thread.join().unwrap();
    let (url, thread) = server(None);
    assert!(matches!(sent(&url, Duration::from_millis(50), 3).await, Err(Silence::Late(_))));
    thread.join().unwrap();
    assert!(matches!(sent("nowhere", LIMIT, 3).await, Err(Silence::Unsendable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_to_prove_who_it_is_is_never_asked_without() {
    let url = "https://127.0.0.1:1";
    let http = Http::of_url(url, &table(url, ""), Path::new("."), LIMIT).unwrap();
    let (plain, thread) = server(None);
    let key = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("a-secret"))]);
    let asked = http.send(Method::GET, &plain, key, Bytes::new(), 3).await;
    assert!(matches!(asked, Err(Silence::Unconnected(_))), "{asked:?}");
    std::net::TcpStream::connect(plain.trim_start_matches("http://")).unwrap();
    thread.join().unwrap();
}

#[test]
fn a_server_of_the_table_is_trusted_as_the_table_says() {
    let way = |url: &str, table: &RouteTable| {
        Http::of_url(url, table, Path::new("/nowhere"), LIMIT)
            .map(|http| (http.help().to_owned(), http.way.err()))
            .map_err(|failure| failure.to_string())
    };
    let here = "https://127.0.0.1:8443";
    let own = table("http://127.0.0.1:8443", "tls = { ca = \"ca.pem\" }");
    let (help, why) = way(&format!("{here}/below"), &own).unwrap();
    assert!(help.contains("[backends.b]"), "{help}");
    assert!(why.unwrap().contains("/nowhere/ca.pem"));
    let (help, _) = way("https://127.0.0.1:8444", &own).unwrap();
    assert!(help.contains("this machine"), "{help}");
    let (help, why) = way("http://127.0.0.1:8443", &own).unwrap();
    assert_eq!((help.as_str(), why), ("", None));

    let both = table(here, "tls = { server_name = \"b.example\" }");
    let refused = way(here, &both).unwrap_err();
    assert!(refused.contains("of a and of b"), "{refused}");
    assert!(way(here, &table(here, "")).is_ok());
}
