//! Finding the toolchains and caches of this machine.

#![expect(
    clippy::disallowed_methods,
    reason = "looks for toolchains: this crate is the door to processes"
)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::{Mount, Toolchains, Upper};

/// How a place of the home is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    /// As it is, read-only.
    Read,
    /// Under a layer that takes the writes, where there can be one: tools lock and unpack there.
    Layer,
}

/// Places below the home that are shown when they exist: programs and caches, nothing that holds
/// credentials (so not `.npmrc`, `.cargo/credentials.toml`, `.gradle/gradle.properties` …).
const PLACES: &[(&str, Show)] = &[
    (".local/bin", Show::Read),
    (".local/lib", Show::Read),
    (".local/share/pipx", Show::Read),
    (".local/share/uv", Show::Read),
    (".local/share/mise", Show::Read),
    (".local/share/fnm", Show::Read),
    (".local/share/pnpm", Show::Read),
    (".local/share/virtualenvs", Show::Read),
    (".virtualenvs", Show::Read),
    (".asdf", Show::Read),
    (".volta", Show::Read),
    ("miniconda3", Show::Read),
    ("miniforge3", Show::Read),
    ("anaconda3", Show::Read),
    (".cache/pip", Show::Layer),
    (".cache/uv", Show::Layer),
    (".cache/pypoetry", Show::Read),
    (".cache/yarn", Show::Read),
    (".cache/go-build", Show::Layer),
    (".npm/_cacache", Show::Layer),
    (".yarn/berry", Show::Read),
    (".m2/repository", Show::Layer),
];

/// Tools with a folder of their own: the variable that moves it, its usual place, what of it is
/// shown.
struct Tool {
    variable: &'static str,
    usual: &'static str,
    parts: &'static [(&'static str, Show)],
}

const TOOLS: &[Tool] = &[
    Tool {
        variable: "CARGO_HOME",
        usual: ".cargo",
        parts: &[("bin", Show::Read), ("registry", Show::Layer), ("git", Show::Layer)],
    },
    Tool { variable: "RUSTUP_HOME", usual: ".rustup", parts: &[("", Show::Read)] },
    Tool { variable: "PYENV_ROOT", usual: ".pyenv", parts: &[("", Show::Read)] },
    Tool { variable: "NVM_DIR", usual: ".nvm", parts: &[("", Show::Read)] },
    Tool {
        variable: "GOPATH",
        usual: "go",
        parts: &[("bin", Show::Read), ("pkg/mod", Show::Layer)],
    },
];

/// Variables that choose a version, taken over as they are.
const CHOICES: &[&str] =
    &["RUSTUP_TOOLCHAIN", "PYENV_VERSION", "VIRTUAL_ENV", "GOROOT", "JAVA_HOME"];

/// The environment (of Python, of conda) whose programs lie in this folder, and what it rests on.
fn environment_of(bin: &Path) -> Vec<PathBuf> {
    let Some(prefix) = bin.parent() else { return Vec::new() };
    if prefix.join("conda-meta").is_dir() {
        return vec![prefix.to_path_buf()];
    }
    let Ok(text) = fs::read_to_string(prefix.join("pyvenv.cfg")) else { return Vec::new() };
    let home = text.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "home").then(|| PathBuf::from(value.trim()))
    });
    // The interpreter may be a link, and its folder another one.
    let bases = [
        home,
        fs::canonicalize(bin.join("python3"))
            .ok()
            .and_then(|python| python.parent().map(Path::to_path_buf)),
    ];
    let bases = bases.into_iter().flatten().filter_map(|dir| fs::canonicalize(dir).ok());
    let prefixes = bases.filter_map(|dir| dir.parent().map(Path::to_path_buf));
    std::iter::once(prefix.to_path_buf()).chain(prefixes).collect()
}

/// Without a network a tool should say at once what it lacks, and not wait for an answer.
const OFFLINE: &[(&str, &str)] = &[
    ("CARGO_NET_OFFLINE", "true"),
    ("RUSTUP_AUTO_INSTALL", "0"),
    ("PIP_NO_INPUT", "1"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("npm_config_offline", "true"),
    ("npm_config_update_notifier", "false"),
    ("GOPROXY", "off"),
    ("GOTOOLCHAIN", "local"),
];

impl Toolchains {
    /// Looks at this machine. `layers`: whether there can be throw-away layers.
    pub(crate) fn look(homes: &[PathBuf], layers: bool) -> Self {
        let mut found = Self::default();
        let Some(home) = homes.first() else { return found.finish(homes) };
        for tool in TOOLS {
            let moved = std::env::var_os(tool.variable).map(PathBuf::from);
            let dir = moved.unwrap_or_else(|| home.join(tool.usual));
            let Ok(dir) = fs::canonicalize(&dir) else { continue };
            let hidden = homes.iter().any(|home| dir.starts_with(home));
            let is_cargo = tool.variable == "CARGO_HOME";
            if !hidden && is_cargo && layers {
                // Its own folder must be writable for the lock, and holds credentials.
                found.mounts.push(Mount::Tmpfs { dst: dir.clone(), size: 64 << 20 });
            }
            for (part, show) in tool.parts {
                let place = if part.is_empty() { dir.clone() } else { dir.join(part) };
                found.show(place, *show, layers);
            }
            if is_cargo {
                found.cargo_config(&dir);
            }
            found.env.insert(tool.variable.into(), dir.into());
        }
        for (place, show) in PLACES {
            found.show(home.join(place), *show, layers);
        }
        found.finish(homes)
    }

    fn show(&mut self, place: PathBuf, show: Show, layers: bool) {
        let Ok(metadata) = fs::metadata(&place) else { return };
        if !metadata.is_dir() || self.covers(&place) {
            return;
        }
        // What belongs to others cannot be copied up into a layer.
        let ours = metadata.uid() == rustix::process::geteuid().as_raw();
        self.mounts.push(if show == Show::Layer && layers && ours {
            Mount::Overlay { lower: place.clone(), upper: Upper::Throwaway, dst: place }
        } else {
            Mount::ReadOnly { src: place.clone(), dst: place }
        });
    }

    fn covers(&self, place: &Path) -> bool {
        self.mounts
            .iter()
            .any(|mount| !matches!(mount, Mount::Tmpfs { .. }) && place.starts_with(mount.dst()))
    }

    /// The user's cargo configuration says where crates come from; without it nothing is found in
    /// the cache. Not shown when it holds a token.
    fn cargo_config(&mut self, dir: &Path) {
        for name in ["config.toml", "config"] {
            let path = dir.join(name);
            let Ok(text) = fs::read_to_string(&path) else { continue };
            if !text.contains("token") && fs::metadata(&path).is_ok_and(|found| found.is_file()) {
                self.mounts.push(Mount::ReadOnly { src: path.clone(), dst: path });
                return;
            }
        }
    }

    /// Adds what `PATH` leads to and is hidden and not yet shown, and the variables.
    fn finish(mut self, homes: &[PathBuf]) -> Self {
        let hidden = |real: &Path| {
            let below = |place: &Path| real.starts_with(place) && real != place;
            homes.iter().any(|home| below(home))
                || ["/tmp", "/run", "/var/tmp"].iter().any(|place| below(Path::new(place)))
        };
        let mut dirs: Vec<PathBuf> =
            std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
        dirs.extend(std::env::var_os("VIRTUAL_ENV").map(|prefix| Path::new(&prefix).join("bin")));
        for dir in dirs {
            let Ok(real) = fs::canonicalize(&dir) else { continue };
            for place in environment_of(&real).into_iter().chain([real]) {
                // A base there would show keys and histories beside the programs.
                let is_private = place.ends_with(".local");
                if hidden(&place) && !is_private {
                    self.show(place, Show::Read, false);
                }
            }
        }
        for name in CHOICES {
            if let Some(value) = std::env::var_os(name) {
                self.env.insert(name.into(), value);
            }
        }
        self.env.extend(OFFLINE.iter().map(|(name, value)| (name.into(), value.into())));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_brings_its_base_along() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        for place in ["venv/bin", "base/bin", "plain/bin"] {
            fs::create_dir_all(root.join(place)).unwrap();
        }
        let home = root.join("base/bin");
        let text = format!("home = {}\nversion = 3\n", home.display());
        fs::write(root.join("venv/pyvenv.cfg"), text).unwrap();
        let found = environment_of(&root.join("venv/bin"));
        assert_eq!(found, [root.join("venv"), root.join("base")]);
        assert!(environment_of(&root.join("plain/bin")).is_empty());
    }
}
