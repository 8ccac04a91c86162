//! What git ignores: `.gitignore` files read through our door, `info/exclude`, and the user's global list.

use std::path::PathBuf;
use std::rc::Rc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::dir::{Dir, path_of};
use crate::path::RepoPath;

/// The largest ignore file that is read, in bytes.
const MAX: u64 = 1 << 20;

/// The rules that hold in one directory: its own, then those above it.
#[derive(Debug)]
pub(crate) struct Rules {
    own: Gitignore,
    depth: usize,
    above: Option<Rc<Self>>,
}

fn compile(bytes: &[u8], case: bool) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    drop(builder.case_insensitive(case));
    for line in String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').lines() {
        // A line that is no glob ignores nothing, as in git.
        drop(builder.add_line(None, line));
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

impl Rules {
    /// The rules for the whole repository, lowest first: the user's list, `info/exclude`.
    pub(crate) fn base(global: Option<Vec<u8>>, exclude: Option<Vec<u8>>, case: bool) -> Rc<Self> {
        let empty = || Vec::new();
        let global = Rc::new(Self {
            own: compile(&global.unwrap_or_else(empty), case),
            depth: 0,
            above: None,
        });
        Rc::new(Self {
            own: compile(&exclude.unwrap_or_else(empty), case),
            depth: 0,
            above: Some(global),
        })
    }

    /// The rules of a directory: with those of its `.gitignore`, if it has one.
    pub(crate) fn enter(
        above: &Rc<Self>,
        dir: &Dir,
        path: Option<&RepoPath>,
        case: bool,
    ) -> Rc<Self> {
        match dir.read(b".gitignore", MAX) {
            Ok((bytes, _)) => Rc::new(Self {
                own: compile(&bytes, case),
                depth: path.map_or(0, |path| path.as_bytes().len() + 1),
                above: Some(Rc::clone(above)),
            }),
            Err(_) => Rc::clone(above),
        }
    }

    /// Whether a path in the directory is ignored by its own name. The caller asks about the directories above it first.
    pub(crate) fn ignores(&self, path: &RepoPath, is_dir: bool) -> bool {
        let mut rules = Some(self);
        while let Some(here) = rules {
            if !here.own.is_empty() {
                let rest: PathBuf = path_of(&path.as_bytes()[here.depth..]).to_owned();
                match here.own.matched(rest, is_dir) {
                    Match::Ignore(_) => return true,
                    Match::Whitelist(_) => return false,
                    Match::None => {}
                }
            }
            rules = here.above.as_deref();
        }
        false
    }
}
