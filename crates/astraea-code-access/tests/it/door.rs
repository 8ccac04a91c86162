//! Tests of the door to files: paths, links, races.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use astraea_code_access::{AccessError, Door, RepoPath};

use crate::world::path;

/// A root, something outside it, and the two ways in which a door resolves paths.
struct Two {
    _dir: tempfile::TempDir,
    root: PathBuf,
    outside: PathBuf,
    doors: [Door; 2],
}

fn two() -> Two {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("ws");
    let outside = dir.path().join("ws-evil");
    for dir in [&root, &outside] {
        std::fs::create_dir(dir).unwrap();
    }
    std::fs::write(outside.join("secret"), "secret").unwrap();
    std::fs::write(root.join("a"), "a").unwrap();
    let doors = [Door::open(&root).unwrap(), Door::open_walking(&root).unwrap()];
    Two { _dir: dir, root, outside, doors }
}

#[test]
fn case_01_02_03_05_paths_that_leave_are_no_paths() {
    for bad in
        ["../x", "a/../../x", "/etc/passwd", "../ws-evil/secret", "a//b", "a/", "./a", "", "a/.."]
    {
        assert!(RepoPath::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn case_04_tilde_and_variables_are_literal_names() {
    let two = two();
    for door in &two.doors {
        door.write(&path("~/x"), b"1", false).unwrap();
        door.write(&path("$HOME/x"), b"1", false).unwrap();
    }
    assert!(two.root.join("~/x").exists() && two.root.join("$HOME/x").exists());
}

#[test]
fn case_06_07_09_10_links_are_never_followed() {
    let two = two();
    symlink(two.outside.join("secret"), two.root.join("file")).unwrap();
    symlink(&two.outside, two.root.join("dir")).unwrap();
    symlink("loop", two.root.join("loop")).unwrap();
    symlink(two.outside.join("new"), two.root.join("dangling")).unwrap();
    symlink("a", two.root.join("inside")).unwrap();
    for door in &two.doors {
        for name in ["file", "dir/secret", "loop", "loop/x", "dangling", "inside"] {
            let read = door.read(&path(name), 100);
            assert!(matches!(read, Err(AccessError::Read { .. })), "{name}: {read:?}");
            let write = door.write(&path(name), b"x", false);
            assert!(matches!(write, Err(AccessError::Write { .. })), "{name}: {write:?}");
        }
        assert!(door.remove(&path("dir/secret")).is_err());
        assert!(door.make_dir(&path("dir/sub")).is_err());
        assert!(door.rename(&path("a"), &path("dir/a")).is_err());
        assert!(door.entries(Some(&path("dir"))).is_err());
    }
    assert_eq!(std::fs::read_to_string(two.outside.join("secret")).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(&two.outside).unwrap().count(), 1);
    assert_eq!(std::fs::read_to_string(two.root.join("a")).unwrap(), "a");
}

#[test]
fn case_14_magic_links_of_proc() {
    let door = Door::open(std::path::Path::new("/proc")).unwrap();
    for name in ["self/root/etc/passwd", "self/fd/0", "self/cwd/x"] {
        assert!(door.read(&path(name), 1 << 20).is_err(), "{name}");
    }
}

#[test]
fn case_15_a_write_breaks_a_hard_link() {
    let two = two();
    std::fs::hard_link(two.outside.join("secret"), two.root.join("link")).unwrap();
    for door in &two.doors {
        door.write(&path("link"), b"mine", false).unwrap();
    }
    assert_eq!(std::fs::read_to_string(two.outside.join("secret")).unwrap(), "secret");
    assert_eq!(std::fs::read_to_string(two.root.join("link")).unwrap(), "mine");
}

#[test]
fn case_20_22_23_odd_names() {
    assert!(RepoPath::new("a\0b").is_err());
    assert!(RepoPath::new("x".repeat(256)).is_err());
    assert!(RepoPath::new("x/".repeat(2100) + "x").is_err());
    assert!(RepoPath::new("x/".repeat(1000) + "x").is_err());
    let two = two();
    let bytes = RepoPath::new(b"\xff\xfe\n").unwrap();
    for door in &two.doors {
        door.write(&bytes, b"1", false).unwrap();
        assert_eq!(door.read(&bytes, 10).unwrap(), b"1");
    }
    let name = std::fs::read_dir(&two.root)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .find(|n| n.as_bytes()[0] == 0xff);
    assert_eq!(name.unwrap().as_bytes(), b"\xff\xfe\n");
    let deep = RepoPath::new("d/".repeat(499) + "x").unwrap();
    for door in &two.doors {
        door.write(&deep, b"deep", false).unwrap();
        assert_eq!(door.read(&deep, 10).unwrap(), b"deep");
    }
}

#[test]
fn case_25_a_sparse_terabyte_is_refused_before_it_is_read() {
    let two = two();
    std::fs::File::create(two.root.join("huge")).unwrap().set_len(1 << 40).unwrap();
    for door in &two.doors {
        let read = door.read(&path("huge"), 1 << 20);
        assert!(matches!(read, Err(AccessError::FileTooLarge { size, .. }) if size == 1 << 40));
    }
}

#[test]
fn pipes_devices_and_directories_are_no_files() {
    let two = two();
    let made = std::process::Command::new("mkfifo").arg(two.root.join("pipe")).status().unwrap();
    assert!(made.success());
    for door in &two.doors {
        assert!(matches!(door.read(&path("pipe"), 10), Err(AccessError::Read { .. })));
        assert!(matches!(door.write(&path("pipe"), b"", false), Err(AccessError::Write { .. })));
        std::fs::create_dir_all(two.root.join("d")).unwrap();
        assert!(matches!(door.read(&path("d"), 10), Err(AccessError::Read { .. })));
        assert!(matches!(door.write(&path("d"), b"", false), Err(AccessError::Write { .. })));
        assert!(matches!(door.read(&path("none"), 10), Err(AccessError::FileNotFound { .. })));
        assert!(matches!(door.read(&path("a/b"), 10), Err(AccessError::Read { .. })));
    }
    let dev = Door::open(std::path::Path::new("/dev")).unwrap();
    assert!(dev.read(&path("zero"), 10).is_err());
}

/// A directory becomes a link to the outside and back, while we work in it.
fn race(work: impl Fn(&Door, u32)) {
    let two = two();
    std::fs::create_dir(two.root.join("d")).unwrap();
    std::fs::write(two.root.join("d/secret"), "inside").unwrap();
    symlink(&two.outside, two.root.join("trap")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flip = {
        let (stop, root) = (Arc::clone(&stop), two.root.clone());
        std::thread::spawn(move || {
            let mut flips = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let dir = std::fs::File::open(&root).unwrap();
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(&dir, "d", &dir, "trap", flags).unwrap();
                flips += 1;
            }
            flips
        })
    };
    // `cargo xtask faults --race SECONDS` asks for longer ones.
    let asked = std::env::var("ASTRAEA_TEST_RACE_SECONDS").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + asked.map_or(Duration::from_millis(500), Duration::from_secs);
    let mut n = 0;
    while Instant::now() < end {
        for door in &two.doors {
            work(door, n);
        }
        n += 1;
    }
    stop.store(true, Ordering::Relaxed);
    let flips = flip.join().unwrap();
    println!("{flips} flips, {n} rounds of work");
    assert!(flips > 0);
    assert_eq!(std::fs::read_to_string(two.outside.join("secret")).unwrap(), "secret");
    let outside: Vec<_> =
        std::fs::read_dir(&two.outside).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(outside, ["secret"], "nothing was made outside");
}

#[test]
fn case_11_flip_race_read() {
    race(|door, _| {
        if let Ok(bytes) = door.read(&path("d/secret"), 100) {
            assert_eq!(bytes, b"inside");
        }
    });
}

#[test]
fn case_12_flip_race_write() {
    race(|door, _| drop(door.write(&path("d/secret"), b"inside", false)));
}

#[test]
fn case_13_flip_race_delete_rename_mkdir() {
    race(|door, n| {
        let new = path(&format!("d/n{n}"));
        drop(door.make_dir(&new));
        drop(door.rename(&path("a"), &path(&format!("d/a{n}"))));
        drop(door.rename(&path(&format!("d/a{n}")), &path("a")));
        drop(door.remove(&path("d/secret")));
    });
}
