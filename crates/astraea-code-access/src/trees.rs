//! Trees of git objects: listing, comparing, changing. No file system.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Repository, Tree};

use crate::error::Error;
use crate::ids::{BlobId, FileMode, TreeId};
use crate::path::RepoPath;

/// A file in a tree: its contents and kind.
pub(crate) type Leaf = (BlobId, FileMode);

/// A changed path, as its components.
type Split<'a> = (&'a [&'a [u8]], Option<Leaf>);

/// A tree as a map; names that are no paths (`..`, a slash) are left out.
pub(crate) type Files = BTreeMap<RepoPath, Leaf>;

/// One path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: RepoPath,
    pub(crate) old: Option<Leaf>,
    pub(crate) new: Option<Leaf>,
}

fn git(e: &git2::Error) -> Error {
    Error::git("read a tree", e)
}

fn under(dir: Option<&RepoPath>, name: &[u8]) -> Option<RepoPath> {
    match dir {
        None => RepoPath::new(name).ok(),
        Some(dir) => dir.join(name).ok(),
    }
    .filter(|_| !name.contains(&b'/'))
}

/// Every file below a tree.
pub(crate) fn flatten(repo: &Repository, id: Oid, dir: Option<&RepoPath>) -> Result<Files, Error> {
    let mut files = Files::new();
    let mut todo = vec![(dir.cloned(), id)];
    while let Some((dir, id)) = todo.pop() {
        let tree = repo.find_tree(id).map_err(|e| git(&e))?;
        for entry in &tree {
            let Some(path) = under(dir.as_ref(), entry.name_bytes()) else { continue };
            match entry.kind() {
                Some(ObjectType::Tree) => todo.push((Some(path), entry.id())),
                _ => {
                    if let Some(mode) = FileMode::from_bits(entry.filemode() as u32) {
                        files.insert(path, (entry.id().into(), mode));
                    }
                }
            }
        }
    }
    Ok(files)
}

/// The paths that differ, ordered. Equal subtrees are not entered.
pub(crate) fn compare(
    repo: &Repository,
    old: Option<Oid>,
    new: Option<Oid>,
) -> Result<Vec<Change>, Error> {
    let mut changes = BTreeMap::new();
    let mut todo = vec![(None::<RepoPath>, old, new)];
    while let Some((dir, old, new)) = todo.pop() {
        if old == new {
            continue;
        }
        let open = |id: Option<Oid>| -> Result<Option<Tree<'_>>, Error> {
            id.map(|id| repo.find_tree(id).map_err(|e| git(&e))).transpose()
        };
        let (old, new) = (open(old)?, open(new)?);
        let mut names: BTreeMap<Vec<u8>, [Option<(Oid, i32)>; 2]> = BTreeMap::new();
        for (side, tree) in [&old, &new].into_iter().enumerate() {
            for entry in tree.iter().flat_map(|tree| tree.iter()) {
                names.entry(entry.name_bytes().to_vec()).or_default()[side] =
                    Some((entry.id(), entry.filemode()));
            }
        }
        for (name, [old, new]) in names {
            if old == new {
                continue;
            }
            let Some(path) = under(dir.as_ref(), &name) else { continue };
            let tree =
                |e: Option<(Oid, i32)>| e.filter(|(_, mode)| *mode == 0o040_000).map(|e| e.0);
            let leaf = |e: Option<(Oid, i32)>| {
                let (id, mode) = e?;
                Some((id.into(), FileMode::from_bits(mode as u32)?))
            };
            let (old_leaf, new_leaf) = (leaf(old), leaf(new));
            if old_leaf != new_leaf {
                let change = Change { path: path.clone(), old: old_leaf, new: new_leaf };
                changes.insert(path.clone(), change);
            }
            if tree(old).is_some() || tree(new).is_some() {
                todo.push((Some(path), tree(old), tree(new)));
            }
        }
    }
    Ok(changes.into_values().collect())
}

/// What is at `path`.
pub(crate) fn find(
    repo: &Repository,
    tree: Oid,
    path: &RepoPath,
) -> Result<Option<(Oid, i32)>, Error> {
    let mut id = tree;
    let mut found = None;
    for name in path.components() {
        if found.is_some_and(|(_, mode)| mode != 0o040_000) {
            return Ok(None);
        }
        let tree = repo.find_tree(id).map_err(|e| git(&e))?;
        // Names are compared by hand: the lookup by name wants UTF-8.
        match tree.iter().find(|entry| entry.name_bytes() == name) {
            None => return Ok(None),
            Some(entry) => {
                id = entry.id();
                found = Some((id, entry.filemode()));
            }
        }
    }
    Ok(found)
}

/// The file at `path`; `None` for a directory or nothing.
pub(crate) fn leaf(repo: &Repository, tree: Oid, path: &RepoPath) -> Result<Option<Leaf>, Error> {
    Ok(find(repo, tree, path)?
        .and_then(|(id, mode)| Some((id.into(), FileMode::from_bits(mode as u32)?))))
}

/// A tree with some paths changed; written to `repo`. New trees are added to `written`.
///
/// A directory that becomes empty disappears; a file that stands where a directory is needed, too.
pub(crate) fn update(
    repo: &Repository,
    base: Option<Oid>,
    changes: &[(RepoPath, Option<Leaf>)],
    written: &mut Vec<Oid>,
) -> Result<TreeId, Error> {
    let split: Vec<(Vec<&[u8]>, Option<Leaf>)> =
        changes.iter().map(|(path, leaf)| (path.components().collect(), *leaf)).collect();
    let refs: Vec<Split<'_>> =
        split.iter().map(|(parts, leaf)| (parts.as_slice(), *leaf)).collect();
    let made = level(repo, base, &refs, written)?;
    let id = match made {
        Some(id) => id,
        None => {
            let empty = repo.treebuilder(None).and_then(|b| b.write());
            let id = empty.map_err(|e| Error::git("write the empty tree", &e))?;
            written.push(id);
            id
        }
    };
    Ok(id.into())
}

fn level(
    repo: &Repository,
    base: Option<Oid>,
    changes: &[Split<'_>],
    written: &mut Vec<Oid>,
) -> Result<Option<Oid>, Error> {
    let fail = |e: git2::Error| Error::git("write a tree", &e);
    let old = base.map(|id| repo.find_tree(id)).transpose().map_err(fail)?;
    let mut builder = repo.treebuilder(old.as_ref()).map_err(fail)?;
    let mut below: BTreeMap<&[u8], Vec<Split<'_>>> = BTreeMap::new();
    let mut here: BTreeMap<&[u8], Option<Leaf>> = BTreeMap::new();
    for (parts, leaf) in changes {
        match parts {
            [name] => {
                here.insert(name, *leaf);
            }
            [name, rest @ ..] => below.entry(name).or_default().push((rest, *leaf)),
            [] => {}
        }
    }
    let existing = |name: &[u8]| {
        old.as_ref()
            .and_then(|t| t.iter().find(|e| e.name_bytes() == name).map(|e| (e.id(), e.filemode())))
    };
    let mut removed = Vec::new();
    for (name, leaf) in &here {
        match leaf {
            Some((id, mode)) => {
                builder.insert(*name, id.oid(), mode.bits() as i32).map_err(fail)?;
            }
            // A deletion of a file never removes a directory of that name.
            None => match existing(name) {
                Some((_, mode)) if mode != 0o040_000 => {
                    builder.remove(*name).map_err(fail)?;
                    removed.push(*name);
                }
                _ => {}
            },
        }
    }
    for (name, changes) in below {
        let was = existing(name);
        let subtree = was.filter(|(_, mode)| *mode == 0o040_000).map(|(id, _)| id);
        if here.get(name).is_some_and(Option::is_some)
            && changes.iter().all(|(_, leaf)| leaf.is_none())
        {
            continue; // The directory gave way to a file.
        }
        if subtree.is_none() && changes.iter().all(|(_, leaf)| leaf.is_none()) {
            continue; // Nothing to delete there.
        }
        match level(repo, subtree, &changes, written)? {
            Some(id) => {
                builder.insert(name, id, 0o040_000).map_err(fail)?;
            }
            None if was.is_some() && !removed.contains(&name) => {
                builder.remove(name).map_err(fail)?;
            }
            None => {}
        }
    }
    if builder.is_empty() {
        return Ok(None);
    }
    let id = builder.write().map_err(fail)?;
    if base != Some(id) {
        written.push(id);
    }
    Ok(Some(id))
}
