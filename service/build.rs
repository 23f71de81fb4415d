//! Makes the build id: a digest of the sources and of the locked dependencies.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let lock = here.join("../Cargo.lock");
    let mut files = vec![here.join("Cargo.toml"), lock.clone()];
    collect(&here.join("src"), &mut files)?;
    files.sort();
    let mut digest = Fnv(0xcbf2_9ce4_8422_2325);
    for file in files.iter().filter(|file| file.is_file()) {
        digest.add(file.strip_prefix(&here).unwrap_or(file).to_string_lossy().as_bytes());
        digest.add(&fs::read(file)?);
    }
    write(&here, &lock, &digest)
}

fn write(here: &Path, lock: &Path, digest: &Fnv) -> io::Result<()> {
    use io::Write as _;
    let mut out = io::stdout().lock();
    writeln!(out, "cargo::rustc-env=SERVICE_SOURCE_DIGEST={:016x}", digest.0)?;
    writeln!(out, "cargo::rerun-if-changed={}", here.join("src").display())?;
    writeln!(out, "cargo::rerun-if-changed={}", here.join("Cargo.toml").display())?;
    writeln!(out, "cargo::rerun-if-changed={}", lock.display())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// FNV-1a: enough to tell builds apart, and the same with every compiler.
struct Fnv(u64);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
