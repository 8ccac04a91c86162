//! Where the user's settings and our state live, and whether a repository is trusted.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use astraea_code_access::{AccessError, Error, RepoPath, Repository, StateDir, fs};

use crate::config::{ConfigError, ConfigLayer};
use crate::domain::MethodFile;
use crate::error::GoalError;

/// The largest settings or method file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// The record that says that the user trusts a repository.
const TRUSTED: &str = "trusted";

/// The directory that `variable` names, else `$HOME/<below>`.
pub(crate) fn home(
    env: &BTreeMap<String, String>,
    variable: &'static str,
    below: &str,
    what: &'static str,
) -> Result<PathBuf, GoalError> {
    let absolute = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable)
        .or_else(|| absolute("HOME").map(|home| home.join(below)))
        .ok_or(GoalError::NoHome { what, variable })
}

/// The user's own settings, if there are any.
pub(crate) fn user_layer(config_home: &Path) -> Result<Option<(String, ConfigLayer)>, GoalError> {
    let path = config_home.join("astra").join("config.toml");
    let origin = path.display().to_string();
    match fs::read_user_file(&path, MAX_FILE) {
        Ok(bytes) => Ok(Some((origin.clone(), parse(&origin, bytes)?))),
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::Unreadable { origin, message: error.to_string() }.into()),
    }
}

/// The repository's settings, if there are any.
pub(crate) fn repository_layer(
    repo: &Repository,
) -> Result<Option<(String, ConfigLayer)>, ConfigError> {
    let origin = "astra.toml".to_owned();
    match read(repo, &origin)? {
        Some(bytes) => Ok(Some((origin.clone(), parse(&origin, bytes)?))),
        None => Ok(None),
    }
}

fn read(repo: &Repository, name: &str) -> Result<Option<Vec<u8>>, ConfigError> {
    let unreadable = |message: String| ConfigError::Unreadable { origin: name.to_owned(), message };
    let path = RepoPath::new(name).map_err(|error| unreadable(error.to_string()))?;
    match repo.door().read(&path, MAX_FILE) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(AccessError::FileNotFound { .. }) => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

fn parse(origin: &str, bytes: Vec<u8>) -> Result<ConfigLayer, ConfigError> {
    let text = String::from_utf8(bytes).map_err(|_| ConfigError::Malformed {
        origin: origin.to_owned(),
        message: "it is not UTF-8 text".to_owned(),
    })?;
    ConfigLayer::from_toml(origin, &text)
}

/// A method file that the user named on the command line.
pub(crate) fn method_file(path: &Path) -> Result<MethodFile, GoalError> {
    let name = path.display().to_string();
    let bytes = fs::read_user_file(path, MAX_FILE)
        .map_err(|error| GoalError::Domain { file: name.clone(), message: error.to_string() })?;
    methods(name, bytes)
}

/// A method file of the repository; only for those that are trusted.
pub(crate) fn repository_methods(repo: &Repository, name: &str) -> Result<MethodFile, GoalError> {
    let bytes = read(repo, name)?.ok_or_else(|| GoalError::Domain {
        file: name.to_owned(),
        message: "it does not exist; `methods` in the settings names it".to_owned(),
    })?;
    methods(name.to_owned(), bytes)
}

/// Files of rules of the repository; only for those that are trusted.
pub(crate) fn repository_rules(
    repo: &Repository,
    names: &[String],
) -> Result<Vec<(String, String)>, ConfigError> {
    let wrong = |name: &str, message: &str| ConfigError::Unreadable {
        origin: name.to_owned(),
        message: message.to_owned(),
    };
    names
        .iter()
        .map(|name| {
            let bytes = read(repo, name)?.ok_or_else(|| {
                wrong(name, "it does not exist; `rules` in the settings names it")
            })?;
            let text = String::from_utf8(bytes).map_err(|_| wrong(name, "it is not UTF-8 text"))?;
            Ok((name.clone(), text))
        })
        .collect()
}

fn methods(name: String, bytes: Vec<u8>) -> Result<MethodFile, GoalError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(MethodFile { name, text }),
        Err(_) => Err(GoalError::Domain { file: name, message: "it is not UTF-8 text".to_owned() }),
    }
}

/// The user's records about one repository, kept away from it.
#[derive(Debug)]
pub(crate) struct Trust(StateDir);

impl Trust {
    /// The records about the repository at `root`.
    pub(crate) fn open(config_home: &Path, root: &Path) -> Result<Self, GoalError> {
        Ok(Self(StateDir::open(config_home, root)?))
    }

    /// Whether the user trusts it.
    pub(crate) fn holds(&self, root: &Path) -> Result<bool, GoalError> {
        let record = self.0.read(TRUSTED)?;
        Ok(record.is_some_and(|bytes| bytes == root_record(root)))
    }

    /// Says that the user trusts it, or no longer does.
    pub(crate) fn set(&self, root: &Path, on: bool) -> Result<(), GoalError> {
        if on {
            self.0.write_atomic(TRUSTED, &root_record(root))?;
        } else {
            self.0.remove(TRUSTED)?;
        }
        Ok(())
    }

    /// Where the user's key for this repository lies.
    pub(crate) fn dir(&self) -> &StateDir {
        &self.0
    }
}

fn root_record(root: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    root.as_os_str().as_bytes().to_vec()
}
