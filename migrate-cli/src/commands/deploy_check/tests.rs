//! Rendered files that were spoiled in one place each.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::exit_code::Exit;
use crate::testing::{Folder, TABLE};

/// A folder with everything in it, on ports that are free.
async fn rendered() -> (Folder, PathBuf, [TcpListener; 2]) {
    let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [proxy, service] = free.each_ref().map(|port| port.local_addr().unwrap());
    let (folder, root) = rendered_at(proxy, service).await;
    (folder, root, free)
}

async fn rendered_at(proxy: SocketAddr, service: SocketAddr) -> (Folder, PathBuf) {
    let table = TABLE.replace("PROXIES", "");
    let table = table.replacen("[proxies]", &format!("[listen]\nhttp = \"{proxy}\"\n[proxies]"), 1);
    let folder = Folder::with_table(&table);
    let root = folder.path().parent().unwrap().join("deployment");
    let port = service.port().to_string();
    let words = ["deploy", "render", "--to", root.to_str().unwrap(), "--service-port", &port];
    let ran = folder.run(&words).await;
    assert_eq!(ran.exit, Exit::Done, "{}", ran.err);
    let binaries = root.join("usr/local/bin");
    std::fs::create_dir_all(&binaries).unwrap();
    for program in ["strangler-proxy", "agent-service"] {
        let program = binaries.join(program);
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    (folder, root)
}

/// Everything but `systemd-analyze verify`, which wants the programs where they will be.
async fn bad(folder: &Folder, root: &Path) -> Vec<String> {
    let words = ["deploy", "check", "--root", root.to_str().unwrap(), "--output", "json"];
    let ran = folder.run(&words).await;
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() > 1, "{}", ran.out);
    assert_eq!(ran.exit == Exit::Done, report["fits"].as_bool().unwrap());
    let bad = checks.iter().filter(|check| check["verdict"] == "fails");
    let named = |check: &Value| {
        let (unit, what) = (check["unit"].as_str().unwrap(), check["what"].as_str().unwrap());
        format!("{unit} {what}")
    };
    bad.map(named).filter(|name| !name.ends_with("systemd-analyze verify")).collect()
}

#[tokio::test]
async fn what_was_rendered_would_run() {
    let (folder, root, ports) = rendered().await;
    drop(ports);
    assert_eq!(bad(&folder, &root).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_port_below_1024_is_for_a_unit_that_may_take_it() {
    let low = "127.0.0.1:997".parse().unwrap();
    let service = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (folder, root) = rendered_at(low, service).await;
    // Its exposure counts as well.
    assert_eq!(bad(&folder, &root).await, Vec::<String>::new());
    let unit = root.join("etc/systemd/system/strangler-proxy.service");
    let text = std::fs::read_to_string(&unit).unwrap();
    std::fs::write(&unit, text.replace("AmbientCapabilities=CAP_NET_BIND_SERVICE\n", "")).unwrap();
    assert_eq!(bad(&folder, &root).await, ["strangler-proxy port"]);
}

#[tokio::test]
async fn what_would_keep_it_from_running_is_named() {
    let (folder, root, ports) = rendered().await;
    let taken = ["strangler-proxy port", "agent-service port"];
    assert_eq!(bad(&folder, &root).await, taken);
    drop(ports);
    let mode = |path: &str, mode| {
        let path = root.join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };

    mode("usr/local/bin/agent-service", 0o644);
    assert_eq!(bad(&folder, &root).await, ["agent-service program"]);
    mode("usr/local/bin/agent-service", 0o755);

    mode("etc/strangler/strangler-proxy.env", 0o666);
    assert_eq!(bad(&folder, &root).await, ["strangler-proxy settings"]);
    mode("etc/strangler/strangler-proxy.env", 0o644);

    let secrets = root.join("etc/strangler/secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("agent-service.env"), "ADMIN_API_KEYS=…\n").unwrap();
    mode("etc/strangler/secrets/agent-service.env", 0o640);
    assert_eq!(bad(&folder, &root).await, ["agent-service secrets"]);
    mode("etc/strangler/secrets/agent-service.env", 0o600);
    assert_eq!(bad(&folder, &root).await, Vec::<String>::new());

    std::fs::remove_file(root.join("etc/sysusers.d/strangler.conf")).unwrap();
    assert_eq!(bad(&folder, &root).await, ["strangler-proxy user", "agent-service user"]);
    std::fs::remove_file(root.join("etc/systemd/system/strangler-proxy.service")).unwrap();
    assert_eq!(bad(&folder, &root).await, ["strangler-proxy unit", "agent-service user"]);
}
