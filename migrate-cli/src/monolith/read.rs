//! The monolith's source in memory: what each file says, and on which side of the border it is.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use scan::callers::Other;
use scan::facts::elsewhere;
use scan::{Facts, Sides};

use crate::failure::Failure;

use super::git::Git;
use super::{config, files, revision};

/// Stack of a thread that reads: trees may nest deeply.
const STACK: usize = 32 << 20;

/// Files that are no Python, and may name the path of a request all the same.
const OTHERS: &[&str] =
    &["sh", "bash", "zsh", "conf", "nginx", "yml", "yaml", "js", "mjs", "cjs", "jsx", "ts", "tsx"];

/// What is asked of every command that reads a monolith.
#[derive(Debug, clap::Args)]
pub(crate) struct Monolith {
    /// The folder of the monolith's Python source
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) border: Border,
}

/// Which files leave it.
#[derive(Debug, clap::Args)]
pub(crate) struct Border {
    /// Files that leave the monolith, as a glob over paths below DIR
    #[arg(long, value_name = "GLOB", conflicts_with = "config", num_args = 1..)]
    pub(crate) extract: Vec<String>,
    /// Files that both sides may import
    #[arg(long, value_name = "GLOB", requires = "extract", num_args = 1..)]
    pub(crate) shared: Vec<String>,
    /// The file that says which files leave
    #[arg(long, value_name = "FILE", default_value = "migration.toml")]
    pub(crate) config: PathBuf,
}

/// A folder of Python files.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) folder: PathBuf,
    /// Paths below the folder, with slashes.
    pub(crate) paths: Vec<String>,
    /// What each of them says.
    pub(crate) facts: Vec<Facts>,
    /// Files of other kinds that may call the monolith.
    pub(crate) others: Vec<Other>,
    /// What was not looked at.
    pub(crate) notes: Vec<String>,
}

impl Monolith {
    /// The border that was asked for.
    pub(crate) fn border(&self) -> Result<config::Border, Failure> {
        self.border.read()
    }
}

impl Border {
    /// What was asked for.
    pub(crate) fn read(&self) -> Result<config::Border, Failure> {
        if self.extract.is_empty() {
            return config::Border::read(&self.config);
        }
        Ok(config::Border { extracted: self.extract.clone(), shared: self.shared.clone() })
    }

    /// What is said of names that a client takes the place of; nothing where no file is read.
    pub(crate) fn replaced(&self) -> Result<config::Replaced, Failure> {
        if self.extract.is_empty() {
            config::Replaced::read(&self.config)
        } else {
            Ok(config::Replaced::default())
        }
    }

    /// What somebody has looked at; nothing where no file is read.
    pub(crate) fn looked(&self) -> Result<config::Looked, Failure> {
        if self.extract.is_empty() {
            config::Looked::read(&self.config)
        } else {
            Ok(config::Looked::default())
        }
    }
}

impl Source {
    /// Reads it.
    pub(crate) async fn read(folder: &Path) -> Result<Self, Failure> {
        let found = files::find(folder, is_wanted).await;
        let texts = found.files.into_iter();
        let texts = texts.map(|file| (files::below(folder, &file), Text::Stored(file)));
        let (python, others): (Vec<_>, Vec<_>) =
            texts.partition(|(path, _)| files::is_python(Path::new(path)));
        let source = Self::of(folder, &python, &others, found.notes)?;
        if source.paths.is_empty() {
            return Err(Failure::Usage {
                message: format!("{} has no Python files", folder.display()),
                help: "give the folder of the monolith's Python source".to_owned(),
            });
        }
        Ok(source)
    }

    /// Reads it as it was at a revision; the name of the commit comes with it.
    pub(crate) async fn at(folder: &Path, revision: &str) -> Result<(String, Self), Failure> {
        let git = Git::at(folder);
        let then = revision::read(&git, revision, |path| is_wanted(Path::new(path))).await?;
        let texts = then.files.into_iter().map(|(path, text)| (path, Text::Known(text)));
        let (python, others): (Vec<_>, Vec<_>) =
            texts.partition(|(path, _)| files::is_python(Path::new(path)));
        Ok((then.commit, Self::of(folder, &python, &others, Vec::new())?))
    }

    /// On as many threads as there are cores.
    fn of(
        folder: &Path,
        python: &[(String, Text)],
        others: &[(String, Text)],
        mut notes: Vec<String>,
    ) -> Result<Self, Failure> {
        let threads = rayon::ThreadPoolBuilder::new().stack_size(STACK).build();
        let threads = threads.map_err(|problem| Failure::Other {
            message: format!("the threads that read could not be started: {problem}"),
            help: "try again".to_owned(),
        })?;
        let (facts, words): (Vec<_>, Vec<_>) = threads.install(|| {
            let facts =
                python.par_iter().map(|(path, text)| Ok((path, Facts::of(&text.read(path)?))));
            let words =
                others.par_iter().map(|(path, text)| Ok((path, elsewhere::of(&text.read(path)?))));
            rayon::join(|| facts.collect(), || words.collect())
        });
        let mut source = Self { folder: folder.to_owned(), ..Self::default() };
        for one in facts {
            match one {
                Ok((path, facts)) => {
                    source.paths.push(path.clone());
                    source.facts.push(facts);
                }
                Err(note) => notes.push(note),
            }
        }
        for one in words {
            match one {
                Ok((path, words)) => source.others.push(Other { path: path.clone(), words }),
                Err(note) => notes.push(note),
            }
        }
        Ok(Self { notes, ..source })
    }

    /// Which files are on which side. A glob that fits none is refused.
    pub(crate) fn sides(&self, wanted: &config::Border) -> Result<Sides, Failure> {
        for patterns in [&wanted.extracted, &wanted.shared] {
            if let [pattern, ..] = &config::unmatched(patterns, &self.paths)?[..] {
                let folder = self.folder.display();
                return Err(Failure::Usage {
                    message: format!("no Python file below {folder} fits `{pattern}`"),
                    help: "globs are matched with paths below that folder; `**` crosses folders"
                        .to_owned(),
                });
            }
        }
        self.sides_then(wanted)
    }

    /// Which files were on which side of a border of today: there may have been none.
    pub(crate) fn sides_then(&self, wanted: &config::Border) -> Result<Sides, Failure> {
        let of = |patterns: &[String]| -> Result<_, Failure> {
            let globs = config::globs(patterns)?;
            let matching = self.paths.iter().enumerate().filter(|(_, path)| globs.is_match(path));
            Ok(matching.map(|(file, _)| file).collect())
        };
        Ok(Sides { extracted: of(&wanted.extracted)?, shared: of(&wanted.shared)? })
    }
}

/// Whether a file is read, by its name.
fn is_wanted(path: &Path) -> bool {
    files::is_python(path) || files::has_extension(path, OTHERS)
}

/// What stands in a file.
enum Text {
    /// On disk.
    Stored(PathBuf),
    /// In Git.
    Known(Vec<u8>),
}

impl Text {
    fn read(&self, path: &str) -> Result<String, String> {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self {
            Self::Known(bytes) => Ok(lossy(bytes)),
            Self::Stored(file) => match std::fs::read(file) {
                Ok(bytes) => Ok(lossy(&bytes)),
                Err(problem) => Err(format!("{path}: {problem}")),
            },
        }
    }
}
