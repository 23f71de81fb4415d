//! The files of a folder as they were at a revision, read out of Git: the work tree stays as it is.

use crate::failure::Failure;

use super::files;
use super::git::Git;

/// What was there.
#[derive(Debug)]
pub(crate) struct Revision {
    /// The commit that the revision means.
    pub(crate) commit: String,
    /// Paths below the folder and what stood in them, those wanted only.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// Reads the wanted files at a revision.
pub(crate) async fn read(
    git: &Git,
    revision: &str,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Revision, Failure> {
    // What looks like a flag is none.
    let name = format!("{revision}^{{commit}}");
    let words = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
    let commit = git.line(&words).await.map_err(|_missing| Failure::Usage {
        message: format!("there is no revision `{revision}`"),
        help: "name a commit, a branch or a tag of the repository that the folder lies in"
            .to_owned(),
    })?;
    let listed = git.ask(&["ls-tree", "-r", "-z", "-l", &commit, "."]).await?;
    let listed = String::from_utf8_lossy(&listed);
    let wanted: Vec<(&str, &str)> = listed
        .split('\0')
        .filter_map(entry)
        .filter(|(path, _)| is_wanted(path) && !files::is_left_out(path))
        .collect();
    let ids: Vec<&str> = wanted.iter().map(|(_, id)| *id).collect();
    let ids = ids.join("\n").into_bytes();
    let answer = git.tell(&["cat-file", "--batch"], ids).await?;
    let mut rest = answer.as_slice();
    let mut files = Vec::new();
    for (path, _) in wanted {
        let (text, after) = object(rest).ok_or_else(|| Failure::Other {
            message: format!("Git's answer ends before {path}"),
            help: "look at the repository with `git fsck`".to_owned(),
        })?;
        files.push((path.to_owned(), text.to_vec()));
        rest = after;
    }
    Ok(Revision { commit, files })
}

/// The path and the identifier of a file that is not too large: `100644 blob ID SIZE<TAB>PATH`.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (about, path) = line.split_once('\t')?;
    let mut about = about.split_whitespace();
    let (mode, _, id, size) = (about.next()?, about.next()?, about.next()?, about.next()?);
    let is_file = mode.starts_with("100") && size.parse::<u64>().ok()? <= files::LARGEST;
    is_file.then_some((path, id))
}

/// One object of `cat-file --batch`, and what comes after it: `ID blob SIZE<LF>BYTES<LF>`.
fn object(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answer.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = answer.split_at_checked(end)?;
    let size = std::str::from_utf8(head).ok()?.rsplit(' ').next()?.parse().ok()?;
    let (text, after) = rest.get(1..)?.split_at_checked(size)?;
    Some((text, after.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_lists_is_read() {
        assert_eq!(entry("100644 blob abc     12\ta/b c.py"), Some(("a/b c.py", "abc")));
        assert_eq!(entry("120000 blob abc     12\tlink.py"), None);
        assert_eq!(entry("160000 commit abc       -\tsub"), None);
        assert_eq!(entry("100644 blob abc 99999999\tlarge.py"), None);
    }

    #[test]
    fn what_git_gives_is_cut_by_its_size() {
        let answer = b"abc blob 3\na\nb\ndef blob 0\n\n";
        let (first, rest) = object(answer).unwrap();
        assert_eq!(first, b"a\nb");
        assert_eq!(object(rest), Some((&b""[..], &b""[..])));
        assert_eq!(object(b"abc blob 9\nab\n"), None);
        assert_eq!(object(b"abc missing\n"), None);
    }
}
