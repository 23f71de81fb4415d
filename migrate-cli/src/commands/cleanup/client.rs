//! The client that takes the place of the extracted files: what of it the commit has to add.

use std::collections::BTreeMap;
use std::path::Path;

use scan::Sides;
use scan::offered::TABLE;

use crate::failure::Failure;
use crate::monolith::commit::Repository;
use crate::monolith::read::Source;

/// Texts by their paths below the folder: the client, where it is new, and an `__init__.py` where its folder lacks one.
pub(super) async fn added(
    client: &str,
    folder: &Path,
    source: &Source,
    sides: &Sides,
    repository: &Repository,
) -> Result<BTreeMap<String, String>, Failure> {
    let refused = |message: String| {
        Failure::Usage {
        message,
        help: "migrate client generate DIR --openapi URL --out DIR/FILE.py, and then the same FILE.py here"
            .to_owned(),
    }
    };
    let is_it = |path: &String| path == client;
    let Some(file) = source.paths.iter().position(is_it) else {
        return Err(refused(format!("there is no {client} below {}", folder.display())));
    };
    if sides.extracted.contains(&file) {
        return Err(refused(format!("{client} is one of the files that go")));
    }
    let facts = source.facts.get(file);
    if !facts.is_some_and(|it| it.bindings.lists.contains_key(TABLE)) {
        let what = format!("{client} has no {TABLE}: it is no client with functions of importers");
        return Err(refused(what));
    }
    let mut added = BTreeMap::new();
    if !repository.is_tracked(client).await? {
        added.insert(client.to_owned(), read(folder, client)?);
    }
    let parent = Path::new(client).parent();
    let beside = |folder: &Path| folder.join("__init__.py").to_string_lossy().into_owned();
    let init = parent.filter(|it| !it.as_os_str().is_empty()).map(|it| (beside(it), it.parent()));
    if let Some((init, Some(above))) = init
        && !repository.is_tracked(&init).await?
    {
        if source.paths.contains(&init) {
            added.insert(init.clone(), read(folder, &init)?);
        } else if source.paths.contains(&beside(above)) {
            added.insert(init, String::new());
        }
    }
    Ok(added)
}

fn read(folder: &Path, path: &str) -> Result<String, Failure> {
    std::fs::read_to_string(folder.join(path)).map_err(|problem| Failure::Other {
        message: format!("{path} can't be read: {problem}"),
        help: "see that you may read it".to_owned(),
    })
}
