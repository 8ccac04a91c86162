//! `cargo xtask tidy`: the rules of the house that the compiler cannot see. It is itself a test.
//!
//! Every rule is a function from the workspace to complaints; a complaint names the file, what is wrong and what
//! to do.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// Lines a source file may have before it must be split.
const MAX_LINES: usize = 600;

/// Checks every rule.
///
/// # Errors
/// When a rule is broken; all complaints are printed first.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let workspace = Workspace::read(root)?;
    let mut complaints = Vec::new();
    complaints.extend(layers(&workspace));
    complaints.extend(architecture(&workspace)?);
    complaints.extend(crate_files(&workspace));
    for file in sources(root)? {
        complaints.extend(source(root, &file)?);
    }
    for complaint in &complaints {
        eprintln!("tidy: {complaint}");
    }
    anyhow::ensure!(complaints.is_empty(), "{} rules broken", complaints.len());
    eprintln!("tidy: {} crates, all rules hold", workspace.crates.len());
    Ok(())
}

/// One member below `crates/`.
#[derive(Debug)]
struct Crate {
    dir: PathBuf,
    layer: Option<i64>,
    dependencies: Vec<String>,
    has_lib: bool,
}

#[derive(Debug)]
struct Workspace {
    root: PathBuf,
    crates: BTreeMap<String, Crate>,
}

impl Workspace {
    fn read(root: &Path) -> anyhow::Result<Self> {
        let mut crates = BTreeMap::new();
        for entry in fs::read_dir(root.join("crates"))? {
            let dir = entry?.path();
            let manifest = dir.join("Cargo.toml");
            let text = fs::read_to_string(&manifest)
                .with_context(|| format!("reading {}", manifest.display()))?;
            let manifest: toml::Table = text.parse()?;
            let name = manifest["package"]["name"].as_str().unwrap_or_default().to_owned();
            let layer = manifest["package"]
                .get("metadata")
                .and_then(|metadata| metadata.get("astraea"))
                .and_then(|astraea| astraea.get("layer"))
                .and_then(toml::Value::as_integer);
            let dependencies = manifest
                .get("dependencies")
                .and_then(toml::Value::as_table)
                .map(|table| {
                    table.keys().filter(|key| key.starts_with("astraea")).cloned().collect()
                })
                .unwrap_or_default();
            let has_lib = dir.join("src/lib.rs").exists();
            crates.insert(name, Crate { dir, layer, dependencies, has_lib });
        }
        Ok(Self { root: root.to_owned(), crates })
    }
}

/// Dependencies point strictly down.
fn layers(workspace: &Workspace) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, krate) in &workspace.crates {
        let Some(layer) = krate.layer else {
            complaints.push(format!("{name}: name its layer in [package.metadata.astraea]"));
            continue;
        };
        for dependency in &krate.dependencies {
            let below = workspace.crates.get(dependency).and_then(|krate| krate.layer);
            if below.is_none_or(|below| below >= layer) {
                complaints.push(format!(
                    "{name} (layer {layer}) depends on {dependency} (layer {below:?}): dependencies point strictly down"
                ));
            }
        }
    }
    complaints
}

/// ARCHITECTURE.md has exactly the crates there are, with their layers.
fn architecture(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(workspace.root.join("ARCHITECTURE.md"))?;
    let mut listed = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let [_, layer, name, what, invariant, _] = cells[..]
            && let Ok(layer) = layer.parse::<i64>()
        {
            listed.insert(
                name.trim_matches('`').to_owned(),
                (layer, !what.is_empty(), !invariant.is_empty()),
            );
        }
    }
    let mut complaints = Vec::new();
    for (name, krate) in &workspace.crates {
        match listed.remove(name) {
            None => complaints.push(format!("ARCHITECTURE.md: the table lacks {name}")),
            Some((layer, what, invariant)) => {
                if Some(layer) != krate.layer {
                    complaints.push(format!(
                        "ARCHITECTURE.md: {name} is in layer {:?}, not {layer}",
                        krate.layer
                    ));
                }
                if !what || !invariant {
                    complaints
                        .push(format!("ARCHITECTURE.md: {name} needs one line and one invariant"));
                }
            }
        }
    }
    complaints.extend(
        listed.keys().map(|name| format!("ARCHITECTURE.md names {name}, which does not exist")),
    );
    Ok(complaints)
}

/// Each crate can be published: README as its page, both licences, one integration test binary.
fn crate_files(workspace: &Workspace) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, krate) in &workspace.crates {
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let (ours, theirs) =
                (fs::read(workspace.root.join(licence)), fs::read(krate.dir.join(licence)));
            if ours.ok() != theirs.ok() {
                complaints.push(format!(
                    "{name}: {licence} is missing or differs from the root's; copy it"
                ));
            }
        }
        if !krate.dir.join("README.md").exists() {
            complaints.push(format!("{name}: it needs a README.md, its page on docs.rs"));
        }
        if krate.has_lib {
            let lib = fs::read_to_string(krate.dir.join("src/lib.rs")).unwrap_or_default();
            if !lib.contains("include_str!(\"../README.md\")") {
                complaints.push(format!(
                    "{name}: lib.rs must show the README: #![doc = include_str!(\"../README.md\")]"
                ));
            }
        }
        let tests = fs::read_dir(krate.dir.join("tests")).into_iter().flatten().flatten();
        for test in
            tests.filter(|test| test.path().extension().is_some_and(|extension| extension == "rs"))
        {
            complaints.push(format!(
                "{}: integration tests live in one binary, tests/it",
                test.path().display()
            ));
        }
    }
    complaints
}

fn sources(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut pending = vec![root.join("crates"), root.join("xtask/src"), root.join("tests/src")];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The rules for one source file.
fn source(root: &Path, path: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(path)?;
    let name = path.strip_prefix(root).unwrap_or(path).display();
    let mut complaints = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    if !(first.starts_with("//!") || first.starts_with("#![")) {
        complaints.push(format!("{name}: begin with a `//!` line that says what the module is"));
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        complaints.push(format!(
            "{name}: {lines} lines; split it, one idea a file (at most {MAX_LINES})"
        ));
    }
    if path.ends_with("tidy.rs") {
        return Ok(complaints);
    }
    const FORBIDDEN: [(&str, &str); 8] = [
        ("#[allow(", "use #[expect(…, reason = \"…\")]"),
        ("#![allow(", "use #![expect(…, reason = \"…\")]"),
        ("#[ignore", "a test runs or does not exist"),
        ("todo!(", "finish it, or say plainly that it is not there"),
        ("unimplemented!(", "finish it, or say plainly that it is not there"),
        ("FIXME", "mend it or file an issue"),
        ("thread::sleep", "wait for an event, not for time"),
        ("/work/", "no path of a machine"),
    ];
    let in_tests = path.components().any(|part| part.as_os_str() == "tests");
    for (number, line) in text.lines().enumerate() {
        for (word, advice) in FORBIDDEN {
            // Outside of tests a bounded poll may be the only way to wait for the kernel.
            if line.contains(word) && (word != "thread::sleep" || in_tests) {
                complaints.push(format!("{name}:{}: `{word}`: {advice}", number + 1));
            }
        }
        if line.ends_with([' ', '\t']) {
            complaints.push(format!("{name}:{}: white space at the end of the line", number + 1));
        }
    }
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        run(&crate::root()).unwrap();
    }

    #[test]
    fn a_dependency_that_points_up_is_a_complaint() {
        let krate = |layer, dependencies: &[&str]| Crate {
            dir: PathBuf::new(),
            layer: Some(layer),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            has_lib: true,
        };
        let crates =
            [("low".to_owned(), krate(0, &["high"])), ("high".to_owned(), krate(1, &["low"]))]
                .into();
        let complaints = layers(&Workspace { root: PathBuf::new(), crates });
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains("low (layer 0) depends on high"), "{complaints:?}");
    }
}
