//! What shall be on the machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

/// The proxy's unit.
pub(crate) const PROXY: &str = "strangler-proxy";

/// Everything that an installation consists of.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// In the order of their paths.
    pub(crate) files: Vec<WantedFile>,
    /// In the order in which they start.
    pub(crate) units: [String; 2],
    /// The route table, if the machine has none yet.
    pub(crate) table: Option<WantedFile>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct WantedFile {
    /// Below the machine's root.
    pub(crate) path: PathBuf,
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
}

impl WantedFile {
    pub(crate) fn digest(&self) -> String {
        digest(&self.content)
    }
}

/// SHA-256, in lower-case hex digits.
pub(crate) fn digest(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

/// Why a folder is no installation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// A file that must be there can't be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A unit says nothing of what it runs.
    #[error("{}: no ExecStart= with a path", path.display())]
    NoProgram {
        /// The unit's file.
        path: PathBuf,
    },
}

impl Wanted {
    /// What `migrate deploy render` has written to `from`; and the programs, if they are to be copied as well.
    pub(crate) fn read(
        from: &Path,
        programs: Option<&Path>,
        service: &str,
        has_nginx: bool,
    ) -> Result<Self, Unfit> {
        let mut files = Vec::new();
        for entry in WalkDir::new(from.join("etc")).sort_by_file_name() {
            let entry = entry.map_err(|problem| Unfit::Unreadable {
                path: problem.path().unwrap_or(from).to_owned(),
                source: problem.into(),
            })?;
            let below = entry.path().strip_prefix(from).unwrap_or(entry.path()).to_owned();
            if entry.file_type().is_file() && (has_nginx || !below.starts_with("etc/nginx")) {
                files.push(read(entry.path(), below, 0o644)?);
            }
        }
        for (unit, names) in
            [(PROXY, ["strangler-proxy", "migrate"].as_slice()), (service, &["agent-service"])]
        {
            let folder = program_folder(&unit_file(from, unit))?;
            for name in names.iter().filter(|_| programs.is_some()) {
                let source = programs.unwrap_or(from).join(name);
                files.push(read(&source, folder.join(name), 0o755)?);
            }
        }
        Ok(Self { files, units: [service.to_owned(), PROXY.to_owned()], table: None })
    }

    /// Adds the route table for a machine that has none where the proxy's settings say it is.
    pub(crate) fn with_table(mut self, text: &str) -> Self {
        let settings = self.files.iter().find(|file| file.path.ends_with("strangler-proxy.env"));
        let settings = settings.map(|file| String::from_utf8_lossy(&file.content).into_owned());
        let place = settings.as_deref().and_then(table_in).and_then(|it| it.strip_prefix('/'));
        self.table = place.map(|place| WantedFile {
            path: PathBuf::from(place),
            content: text.as_bytes().to_vec(),
            mode: 0o660,
        });
        self
    }
}

/// Where the proxy's settings say that the route table is: a path, or the URL of a database.
pub(crate) fn table_in(settings: &str) -> Option<&str> {
    settings.lines().filter_map(|line| line.strip_prefix("STRANGLER_ROUTES=")).next_back()
}

/// Where a unit is described.
pub(crate) fn unit_file(root: &Path, unit: &str) -> PathBuf {
    root.join(format!("etc/systemd/system/{unit}.service"))
}

/// The folder of what a unit runs, below the root.
fn program_folder(unit: &Path) -> Result<PathBuf, Unfit> {
    let text = std::fs::read_to_string(unit)
        .map_err(|source| Unfit::Unreadable { path: unit.to_owned(), source })?;
    let program = text.lines().find_map(|line| line.strip_prefix("ExecStart=/"));
    let program = program.and_then(|line| line.split(' ').next()).map(Path::new);
    program
        .and_then(Path::parent)
        .map(Path::to_owned)
        .ok_or_else(|| Unfit::NoProgram { path: unit.to_owned() })
}

fn read(file: &Path, path: PathBuf, mode: u32) -> Result<WantedFile, Unfit> {
    let content = std::fs::read(file)
        .map_err(|source| Unfit::Unreadable { path: file.to_owned(), source })?;
    Ok(WantedFile { path, content, mode })
}

/// The permission bits alone.
pub(crate) fn mode(metadata: &std::fs::Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}
