//! Writes a file that is read by others: whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// What `fill` writes replaces `file`, after it has reached the disk.
///
/// # Errors
///
/// What `fill` or the system says; `file` is then as it was.
pub(crate) fn write(
    file: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    write_as(file, |_| Ok(()), fill)
}

/// The same; `dress` gives the new file mode and owner before it stands there for others.
///
/// # Errors
///
/// What either of them or the system says; `file` is then as it was.
pub(crate) fn write_as(
    file: &Path,
    dress: impl FnOnce(&File) -> io::Result<()>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffered = BufWriter::new(NamedTempFile::new_in(folder_of(file))?);
    fill(&mut buffered)?;
    let whole = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
    dress(whole.as_file())?;
    whole.as_file().sync_all()?;
    whole.persist(file).map_err(|failed| failed.error).map(drop)
}

/// What `fill` writes becomes `file`, after it has reached the disk.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] where there is such a file; what `fill` or the system says.
pub(crate) fn write_new(
    file: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut made = NamedTempFile::new_in(folder_of(file))?;
    fill(&mut made)?;
    made.as_file().sync_all()?;
    made.persist_noclobber(file).map_err(|failed| failed.error).map(drop)
}

/// Where the temporary file must lie to be renamed to `file`.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        write(&file, |out| out.write_all(b"one")).unwrap();
        write(&file, |out| out.write_all(b"two")).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_fails_half_way_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        write(&file, |out| out.write_all(b"one")).unwrap();
        let failed = write(&file, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("torn"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "torn");
        assert_eq!(std::fs::read(&file).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_dressed_is_not_put_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        let failed =
            write_as(&file, |_| Err(io::Error::other("naked")), |out| out.write_all(b"one"));
        assert_eq!(failed.unwrap_err().to_string(), "naked");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_new_file_never_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.json");
        write_new(&file, |out| out.write_all(b"one")).unwrap();
        let refused = write_new(&file, |out| out.write_all(b"two")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&file).unwrap(), b"one");
    }

    #[test]
    fn a_bare_name_lies_in_the_folder_of_now() {
        assert_eq!(folder_of(Path::new("x.json")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/x.json")), Path::new("a"));
    }
}
