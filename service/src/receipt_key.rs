//! Brings the key that signs receipts: given in a setting, or kept in a file that is made on the first start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::config::ReceiptKey;
use crate::logic::signing::Signer;

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("receipt key file {}: cannot be {doing}; give this user access or set RECEIPT_KEY_FILE", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        doing: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error("receipt key file {}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// No randomness for a new key.
    #[error("no new receipt key can be made: the system gives no randomness")]
    Randomness,
}

/// The signer with the configured key.
pub fn signer(key: &ReceiptKey) -> Result<Signer, KeyError> {
    match key {
        ReceiptKey::Given(secret) => {
            from_hex(secret.reveal(), Path::new("RECEIPT_SIGNING_KEY_HEX"))
        }
        ReceiptKey::File(path) => {
            if !path.exists() {
                make(path)?;
            }
            let text = fs::read_to_string(path).map_err(failed(path, "read"))?;
            check_mode(path)?;
            from_hex(text.trim(), path)
        }
    }
}

fn from_hex(text: &str, path: &Path) -> Result<Signer, KeyError> {
    let mut secret = [0; 32];
    hex::decode_to_slice(text, &mut secret).map_err(|_why| {
        let problem = "holds no Ed25519 key; it must be 64 hexadecimal digits".to_owned();
        KeyError::Content { path: path.to_owned(), problem }
    })?;
    Ok(Signer::new(&secret))
}

/// A key that others can read signs nothing.
fn check_mode(path: &Path) -> Result<(), KeyError> {
    let mode = fs::metadata(path).map_err(failed(path, "read"))?.mode();
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    let problem = format!("is open to other users (mode {:03o}); chmod 600 it", mode & 0o777);
    Err(KeyError::Content { path: path.to_owned(), problem })
}

/// Makes the file whole or not at all. Of several processes that start at once, one wins and all use its key.
fn make(path: &Path) -> Result<(), KeyError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_why| KeyError::Randomness)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    let written = write(&draft, &secret).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = fs::remove_file(&draft);
    written.and(removed).map_err(failed(path, "made"))
}

fn write(draft: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(file, "{}", hex::encode(secret))?;
    file.sync_all()
}

fn failed(path: &Path, doing: &'static str) -> impl Fn(io::Error) -> KeyError {
    move |source| KeyError::File { path: path.to_owned(), doing, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.db.receipt-key");
        let key = ReceiptKey::File(path.clone());
        let first = signer(&key).unwrap().public_key();
        assert_eq!(signer(&key).unwrap().public_key(), first);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_will_not_do_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let ask = || signer(&ReceiptKey::File(path.clone())).unwrap_err().to_string();
        fs::write(&path, "no key").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(ask().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(ask().contains("64 hexadecimal digits"));
        let nowhere = ReceiptKey::File(folder.path().join("none/key"));
        assert!(signer(&nowhere).unwrap_err().to_string().contains("cannot be made"));
    }
}
