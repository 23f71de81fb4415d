//! A folder as the machine, and programs of systemd that only keep account.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::Notify;
use walkdir::WalkDir;

use super::machine::{Answer, Commands, Machine};
use super::wanted::{PROXY, Wanted};
use super::{KEPT, Record, install, plan, uninstall};

/// What its programs were asked, and what they did.
#[derive(Debug, Default)]
struct Systemd {
    lines: RefCell<Vec<String>>,
    enabled: RefCell<BTreeSet<String>>,
    active: RefCell<BTreeSet<String>>,
    /// How many lines go well before one does not.
    good: Cell<Option<usize>>,
    /// Whether that one is never answered: the program is killed there.
    hangs: bool,
    hung: Notify,
    /// Whether the proxy's unit knows how to hand over, and whether a new process then comes so far.
    can_reload: bool,
    is_broken: bool,
    main_process: Cell<u32>,
    /// A file in whose place there is a folder by the time that a line does not go well.
    spoils: Option<PathBuf>,
}

impl Commands for Systemd {
    async fn run(&self, line: &[&str]) -> Result<Answer, String> {
        self.lines.borrow_mut().push(line.join(" "));
        let ask = line.iter().any(|word| word.starts_with("is-") || *word == "show");
        match self.good.get() {
            Some(0) if !ask => {
                if self.hangs {
                    self.hung.notify_one();
                    return std::future::pending().await;
                }
                self.good.set(None);
                if let Some(path) = &self.spoils {
                    std::fs::remove_file(path).unwrap();
                    std::fs::create_dir_all(path.join("in the way")).unwrap();
                }
                return Ok(Answer { ok: false, said: "no".to_owned() });
            }
            Some(good) if !ask => self.good.set(Some(good - 1)),
            _ => {}
        }
        let line: Vec<&str> =
            line.iter().copied().filter(|word| !word.starts_with("--root=")).collect();
        let (mut ok, mut said) = (true, String::new());
        match *line.as_slice() {
            ["systemctl", "is-enabled", unit] => ok = self.enabled.borrow().contains(unit),
            ["systemctl", "is-active", unit] => ok = self.active.borrow().contains(unit),
            ["systemctl", "enable", unit] => self.enabled.borrow_mut().extend([unit.to_owned()]),
            ["systemctl", "disable", unit] => self.enabled.borrow_mut().retain(|it| it != unit),
            ["systemctl", "start" | "restart", unit] => {
                self.active.borrow_mut().extend([unit.to_owned()]);
                self.main_process.update(|id| id + 1);
            }
            ["systemctl", "reload", _] if self.is_broken => {}
            ["systemctl", "reload", _] => self.main_process.update(|id| id + 1),
            ["systemctl", "show", _, property, _] => {
                said = match property {
                    "--property=MainPID" => self.main_process.get().to_string(),
                    "--property=CanReload" if self.can_reload => "yes".to_owned(),
                    "--property=CanReload" => "no".to_owned(),
                    "--property=ActiveState" => "active".to_owned(),
                    other => panic!("{other}"),
                }
            }
            ["systemctl", "stop", unit] => self.active.borrow_mut().retain(|it| it != unit),
            _ => {}
        }
        Ok(Answer { ok, said })
    }

    async fn pause(&self, _time: Duration) {}
}

/// A machine and what was rendered for it.
struct Stand {
    folder: tempfile::TempDir,
}

impl Stand {
    fn new() -> Self {
        let stand = Self { folder: tempfile::tempdir().unwrap() };
        let unit = |program: &str| format!("[Service]\nExecStart=/usr/local/bin/{program}\n");
        let units = "from/etc/systemd/system";
        stand.write(&format!("{units}/strangler-proxy.service"), &unit("strangler-proxy"));
        stand.write(&format!("{units}/agent-service.service"), &unit("agent-service"));
        let routes = "STRANGLER_ROUTES=/var/lib/strangler/routes.toml\n";
        stand.write("from/etc/strangler/strangler-proxy.env", routes);
        for program in ["strangler-proxy", "agent-service", "migrate"] {
            stand.write(&format!("programs/{program}"), &format!("{program} 1"));
        }
        // Something of an earlier life, one of it in the way.
        stand.write("root/etc/strangler/strangler-proxy.env", "by hand\n");
        stand.write("root/etc/hostname", "box\n");
        stand
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    fn wanted(&self) -> Wanted {
        let programs = self.path("programs");
        let wanted = Wanted::read(&self.path("from"), Some(&programs), "agent-service", false);
        wanted.unwrap().with_table("format = 1\n")
    }

    /// Every file of the machine, and every folder.
    fn machine(&self) -> BTreeMap<PathBuf, Option<String>> {
        let root = self.path("root");
        let entries = WalkDir::new(&root).into_iter().map(Result::unwrap);
        let text = |path: &Path| path.is_file().then(|| std::fs::read_to_string(path).unwrap());
        entries.map(|it| (it.path().to_owned(), text(it.path()))).collect()
    }

    async fn install(&self, systemd: &Systemd) -> Result<(), String> {
        let root = self.path("root");
        let machine = Machine::new(&root, true, systemd);
        let wanted = self.wanted();
        let steps = plan(&wanted, &machine).await.unwrap();
        install(&wanted, &steps, &machine).await.map_err(|unfinished| unfinished.to_string())
    }

    async fn uninstall(&self, systemd: &Systemd) {
        let root = self.path("root");
        let machine = Machine::new(&root, true, systemd);
        let record = Record::load(&root).unwrap().unwrap();
        let left = uninstall(&record, &machine).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Lines that change something.
fn changing(systemd: &Systemd) -> Vec<String> {
    let lines = systemd.lines.borrow();
    let asks = |line: &str| line.contains(" is-") || line.contains(" show ");
    lines.iter().filter(|line| !asks(line)).cloned().collect()
}

#[tokio::test]
async fn what_is_wanted_is_there_and_runs_and_goes_away_again() {
    let stand = Stand::new();
    let before = stand.machine();
    let systemd = Systemd::default();
    stand.install(&systemd).await.unwrap();
    assert_eq!(stand.read("root/usr/local/bin/agent-service"), "agent-service 1");
    assert_eq!(stand.read("root/var/lib/strangler/routes.toml"), "format = 1\n");
    assert_eq!(
        changing(&systemd),
        [
            "systemd-sysusers",
            "systemd-tmpfiles --create /etc/tmpfiles.d/strangler.conf",
            "systemctl daemon-reload",
            "systemctl enable agent-service",
            "systemctl start agent-service",
            "systemctl enable strangler-proxy",
            "systemctl start strangler-proxy",
        ]
    );

    stand.uninstall(&systemd).await;
    assert!(systemd.enabled.borrow().is_empty() && systemd.active.borrow().is_empty());
    // The table is data.
    std::fs::remove_dir_all(stand.path("root/var/lib/strangler")).unwrap();
    let mut after = stand.machine();
    after.remove(&stand.path("root/var/lib"));
    after.remove(&stand.path("root/var"));
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_second_run_finds_nothing_to_do_and_a_new_program_is_started_anew() {
    let stand = Stand::new();
    let systemd = Systemd::default();
    stand.install(&systemd).await.unwrap();
    let root = stand.path("root");
    let machine = Machine::new(&root, true, &systemd);
    let steps = plan(&stand.wanted(), &machine).await.unwrap();
    let open: Vec<&str> =
        steps.iter().filter(|step| !step.is_so).map(|step| step.what.word()).collect();
    assert_eq!(open, ["make users", "make folders", "reload units"]);

    stand.write("programs/agent-service", "agent-service 2");
    systemd.lines.borrow_mut().clear();
    stand.install(&systemd).await.unwrap();
    let lines = changing(&systemd);
    assert!(lines.contains(&"systemctl restart agent-service".to_owned()), "{lines:?}");
    assert_eq!(stand.read("root/usr/local/bin/agent-service"), "agent-service 2");
    // The way back still leads to the time before the first of both.
    stand.uninstall(&systemd).await;
    assert!(!stand.path("root/usr/local/bin").exists());
    assert_eq!(stand.read("root/etc/strangler/strangler-proxy.env"), "by hand\n");
}

#[tokio::test]
async fn whatever_step_fails_the_machine_is_as_it_was() {
    let count = {
        let (stand, systemd) = (Stand::new(), Systemd::default());
        stand.install(&systemd).await.unwrap();
        changing(&systemd).len()
    };
    for good in 0..count {
        let stand = Stand::new();
        let before = stand.machine();
        let systemd = Systemd { good: Cell::new(Some(good)), ..Systemd::default() };
        let said = stand.install(&systemd).await.unwrap_err();
        assert!(said.contains("everything was put back as it was"), "{good}: {said}");
        assert!(systemd.enabled.borrow().is_empty() && systemd.active.borrow().is_empty());
        let mut after = stand.machine();
        after.remove(&stand.path("root/var/lib"));
        after.remove(&stand.path("root/var"));
        assert_eq!(after, before, "{good}");
    }
}

/// Another user and group; who is not root can give nothing away, and stays itself.
fn somebody(stand: &Stand) -> (u32, u32) {
    let own = stand.folder.path().metadata().unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root { (4711, 4712) } else { (own.uid(), own.gid()) }
}

#[tokio::test]
async fn what_can_not_be_put_back_is_kept_until_it_can() {
    let stand = Stand::new();
    let before = stand.machine();
    let settings = stand.path("root/etc/strangler/strangler-proxy.env");
    let spoils = Some(settings.clone());
    let systemd = Systemd { good: Cell::new(Some(3)), spoils, ..Systemd::default() };
    let said = stand.install(&systemd).await.unwrap_err();
    assert!(said.contains("not everything could be put back"), "{said}");
    assert!(said.contains("strangler-proxy.env") && said.contains(KEPT), "{said}");
    let kept = format!("root/{KEPT}/before/etc/strangler/strangler-proxy.env");
    assert_eq!(stand.read(&kept), "by hand\n");

    std::fs::remove_dir_all(&settings).unwrap();
    stand.uninstall(&systemd).await;
    assert_eq!(stand.read("root/etc/strangler/strangler-proxy.env"), "by hand\n");
    let _none = std::fs::remove_dir_all(stand.path("root/var"));
    assert_eq!(stand.machine(), before);
}

#[tokio::test]
async fn links_and_owners_come_back_as_they_were() {
    let stand = Stand::new();
    let (env, unit) = ("root/etc/strangler/strangler-proxy.env", "strangler-proxy.service");
    let unit = format!("root/etc/systemd/system/{unit}");
    let (own, owner) = (stand.path(env).metadata().unwrap(), somebody(&stand));
    chown(stand.path(env), Some(owner.0), Some(owner.1)).unwrap();
    stand.write("elsewhere", "a unit of somebody\n");
    std::fs::create_dir_all(stand.path("root/etc/systemd/system")).unwrap();
    symlink("../../../../elsewhere", stand.path(&unit)).unwrap();

    let systemd = Systemd::default();
    stand.install(&systemd).await.unwrap();
    assert!(!stand.path(&unit).is_symlink());
    assert_eq!(stand.path(env).metadata().unwrap().uid(), own.uid());
    stand.uninstall(&systemd).await;
    let back = stand.path(env).metadata().unwrap();
    assert_eq!(((back.uid(), back.gid()), stand.read(env)), (owner, "by hand\n".to_owned()));
    assert_eq!(stand.path(&unit).read_link().unwrap(), Path::new("../../../../elsewhere"));
    assert_eq!(stand.read("elsewhere"), "a unit of somebody\n");
}

#[tokio::test]
async fn a_copy_of_a_run_that_came_to_nothing_is_not_what_comes_back() {
    let stand = Stand::new();
    let kept = format!("root/{KEPT}/before/etc/strangler/strangler-proxy.env");
    stand.write(&kept, "long ago\n");
    let systemd = Systemd::default();
    stand.install(&systemd).await.unwrap();
    stand.uninstall(&systemd).await;
    assert_eq!(stand.read("root/etc/strangler/strangler-proxy.env"), "by hand\n");
}

#[tokio::test]
async fn the_table_stands_there_with_its_owner_or_not_at_all() {
    let stand = Stand::new();
    let (user, group) = somebody(&stand);
    stand.write("root/etc/passwd", &format!("strangler:x:{user}:{group}::/:/bin/false\n"));
    // As a run leaves it that was killed before the folder had an owner.
    std::fs::create_dir_all(stand.path("root/var/lib/strangler")).unwrap();
    stand.install(&Systemd::default()).await.unwrap();
    for (path, mode) in
        [("root/var/lib/strangler", 0o2770), ("root/var/lib/strangler/routes.toml", 0o660)]
    {
        let it = stand.path(path).metadata().unwrap();
        assert_eq!((it.uid(), it.gid(), it.mode() & 0o7777), (user, group, mode), "{path}");
    }
}

#[tokio::test]
async fn an_update_that_fails_leaves_the_version_before_it_running() {
    let stand = Stand::new();
    stand.install(&Systemd::default()).await.unwrap();
    let before = stand.machine();
    stand.write("programs/agent-service", "agent-service 2");
    let running = || RefCell::new(BTreeSet::from(["agent-service".to_owned(), PROXY.to_owned()]));
    let systemd = Systemd { enabled: running(), active: running(), ..Systemd::default() };
    // Users, folders, reload; then the service does not start.
    systemd.good.set(Some(3));
    let said = stand.install(&systemd).await.unwrap_err();
    assert!(said.starts_with("`systemctl restart agent-service`: does not start"), "{said}");
    assert_eq!(stand.machine(), before);
    assert_eq!(systemd.active, running());
    assert!(
        changing(&systemd).iter().filter(|it| it.contains("restart agent-service")).count() == 2
    );
}

/// A machine on which version 1 runs, and the programs of it.
async fn running(stand: &Stand, can_reload: bool, is_broken: bool) -> Systemd {
    let systemd = Systemd { can_reload, is_broken, ..Systemd::default() };
    stand.install(&systemd).await.unwrap();
    systemd.lines.borrow_mut().clear();
    systemd
}

#[tokio::test]
async fn a_new_proxy_takes_over_where_the_unit_knows_how_and_nothing_else_is_disturbed() {
    for (can_reload, line) in [(true, "reload"), (false, "restart")] {
        let stand = Stand::new();
        let systemd = running(&stand, can_reload, false).await;
        stand.write("programs/strangler-proxy", "strangler-proxy 2");
        stand.install(&systemd).await.unwrap();
        let lines = changing(&systemd);
        assert_eq!(lines.last().unwrap(), &format!("systemctl {line} strangler-proxy"));
        assert!(!lines.iter().any(|line| line.contains("agent-service")), "{lines:?}");
    }
    let stand = Stand::new();
    let systemd = running(&stand, true, false).await;
    stand.write("programs/strangler-proxy", "strangler-proxy 2");
    stand.write("from/etc/strangler/strangler-proxy.env", "RUST_LOG=debug\n");
    stand.install(&systemd).await.unwrap();
    let lines = changing(&systemd);
    assert!(lines.contains(&"systemctl restart strangler-proxy".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn a_new_proxy_that_does_not_come_so_far_leaves_the_one_that_runs_alone() {
    let stand = Stand::new();
    let systemd = running(&stand, true, true).await;
    let (before, process) = (stand.machine(), systemd.main_process.get());
    stand.write("programs/strangler-proxy", "strangler-proxy 2");
    let said = stand.install(&systemd).await.unwrap_err();
    assert!(said.starts_with("`systemctl reload strangler-proxy`: no new process"), "{said}");
    assert!(said.contains("everything was put back as it was"), "{said}");
    assert_eq!((stand.machine(), systemd.main_process.get()), (before, process));
    assert!(!changing(&systemd).iter().any(|line| line.contains("restart")));
}

#[tokio::test]
async fn a_run_that_is_killed_can_be_taken_back_and_made_whole() {
    for good in 0..7 {
        let stand = Stand::new();
        let before = stand.machine();
        let killed = Systemd { good: Cell::new(Some(good)), hangs: true, ..Systemd::default() };
        tokio::select! {
            _ = stand.install(&killed) => panic!("it went through"),
            () = killed.hung.notified() => {}
        }
        let systemd =
            Systemd { enabled: killed.enabled, active: killed.active, ..Systemd::default() };
        if good % 2 == 0 {
            stand.install(&systemd).await.unwrap();
            assert_eq!(systemd.active.borrow().len(), 2);
        }
        stand.uninstall(&systemd).await;
        assert!(systemd.enabled.borrow().is_empty() && systemd.active.borrow().is_empty());
        let _none = std::fs::remove_dir_all(stand.path("root/var"));
        assert_eq!(stand.machine(), before, "{good}");
    }
}

#[tokio::test]
async fn what_was_edited_since_is_kept_under_another_name() {
    let stand = Stand::new();
    let systemd = Systemd::default();
    stand.install(&systemd).await.unwrap();
    stand.write("root/etc/strangler/strangler-proxy.env", "edited\n");
    let record = Record::load(&stand.path("root")).unwrap().unwrap();
    let edited = record.edited(&stand.path("root")).unwrap();
    assert_eq!(edited, [Path::new("etc/strangler/strangler-proxy.env")]);
    stand.uninstall(&systemd).await;
    assert_eq!(stand.read("root/etc/strangler/strangler-proxy.env.edited"), "edited\n");
    assert_eq!(stand.read("root/etc/strangler/strangler-proxy.env"), "by hand\n");
    assert!(!stand.path("root").join(KEPT).exists());
}

#[tokio::test]
async fn nothing_is_started_in_an_image() {
    let stand = Stand::new();
    let systemd = Systemd::default();
    let root = stand.path("root");
    let machine = Machine::new(&root, false, &systemd);
    let wanted = stand.wanted();
    let steps = plan(&wanted, &machine).await.unwrap();
    install(&wanted, &steps, &machine).await.unwrap();
    let lines = changing(&systemd);
    assert_eq!(lines.len(), 4, "{lines:?}");
    let told = format!("--root={}", root.display());
    assert!(lines.iter().all(|line| line.split(' ').nth(1) == Some(&told)), "{lines:?}");
    assert!(systemd.active.borrow().is_empty());
}
