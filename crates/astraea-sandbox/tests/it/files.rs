//! What the command can see and change.

use std::os::unix::fs::MetadataExt;

use astraea_sandbox::{Limits, Mount, SandboxError, Tier, Upper};

use crate::actor::act;
use crate::support::{folder, read, read_only, read_write, run, say, script, try_run, write};

#[test]
fn case_65_no_change_outside() {
    for tier in [Tier::A, Tier::B] {
        // Not under /tmp, which is another folder inside: a place that really is seen there.
        let dir = tempfile::tempdir_in(visible()).unwrap();
        let file = dir.path().join("file");
        write(&file, "original");
        let before = std::fs::metadata(&file).unwrap();
        let dir_text = dir.path().to_str().unwrap();
        let said = act(tier, "outside", &[dir_text], vec![read_only(dir.path(), dir.path())]);
        let after = std::fs::metadata(&file).unwrap();
        let facts = |metadata: &std::fs::Metadata| {
            (metadata.mode(), metadata.mtime(), metadata.mtime_nsec(), metadata.len())
        };
        assert_eq!(read(&file), "original");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "{said:?}");
        assert_eq!(said.len(), 13, "{said:?}");
        // Landlock does not know these; what tier B loses is stated in the report.
        let lost = ["chmod: ok", "utime: ok", "xattr: ok", "chown: ok"];
        for line in &said {
            assert!(
                !line.ends_with(": ok") || tier == Tier::B && lost.contains(&&**line),
                "{line}"
            );
        }
        if tier == Tier::A {
            assert_eq!(facts(&before), facts(&after));
        }
    }
}

#[test]
fn case_65_settings_of_the_hosts_kernel_cannot_be_opened_for_writing() {
    // Opened and never written to: where this fails, it must not do what it warns of.
    let knobs = "/proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/swappiness
        /proc/sysrq-trigger /proc/irq/default_smp_affinity /proc/mtrr";
    for tier in [Tier::A, Tier::B] {
        let spec = script(&format!(
            "for f in {}; do if [ -e $f ] && ( : >> $f ) 2>/dev/null; then echo $f; fi; done; echo end",
            knobs.split_whitespace().collect::<Vec<_>>().join(" ")
        ));
        assert_eq!(say(tier, &spec).trim(), "end", "{tier}");
    }
}

/// A folder of the host that is visible inside as it is and in which the tests may write.
fn visible() -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, Into::into)
}

#[test]
fn the_copy_shadows_the_users_files_at_their_own_path() {
    let (user, copy) = (folder(), folder());
    write(user.path().join("src/lib.py"), "user");
    write(copy.path().join("src/lib.py"), "copy");
    let path = user.path().display();
    let spec = script(&format!("cat {path}/src/lib.py; echo changed > {path}/src/lib.py; pwd"))
        .with_mount(read_write(copy.path(), user.path()))
        .with_cwd(user.path());
    assert_eq!(say(Tier::A, &spec), format!("copy{path}"));
    assert_eq!(read(user.path().join("src/lib.py")), "user");
    assert_eq!(read(copy.path().join("src/lib.py")), "changed\n");
}

#[test]
fn dependencies_lie_read_only_below_a_layer_that_is_thrown_away() {
    let (copy, deps) = (folder(), folder());
    write(deps.path().join("pkg/index.js"), "original");
    let root = copy.path().to_path_buf();
    let spec = script(
        "cat node_modules/pkg/index.js
         echo changed > node_modules/pkg/index.js && echo new > node_modules/new
         rm node_modules/pkg/index.js && mkdir node_modules/pkg/sub && ls node_modules node_modules/pkg",
    )
    .with_mount(read_write(&root, &root))
    .with_mount(Mount::Overlay {
        lower: deps.path().into(),
        upper: Upper::Throwaway,
        dst: root.join("node_modules"),
    })
    .with_cwd(&root);
    assert_eq!(say(Tier::A, &spec), "originalnode_modules:\nnew\npkg\n\nnode_modules/pkg:\nsub");
    assert_eq!(read(deps.path().join("pkg/index.js")), "original");
    assert_eq!(std::fs::read_dir(deps.path()).unwrap().count(), 1);
    // Not even the mount point stays in the copy.
    assert_eq!(std::fs::read_dir(copy.path()).unwrap().count(), 0);
    // Where there are no mounts it is a copy, and it goes as well.
    let said = say(Tier::B, &spec);
    assert!(said.starts_with("original"), "{said}");
    assert_eq!(read(deps.path().join("pkg/index.js")), "original");
    assert_eq!(std::fs::read_dir(copy.path()).unwrap().count(), 0);
}

#[test]
fn a_kept_layer_is_there_next_time() {
    let (lower, upper) = (folder(), folder());
    write(lower.path().join("old"), "old");
    let mount = Mount::Overlay {
        lower: lower.path().into(),
        upper: Upper::Dir(upper.path().into()),
        dst: "/tmp/cache".into(),
    };
    let first = script("echo new > /tmp/cache/new; rm /tmp/cache/old").with_mount(mount.clone());
    say(Tier::A, &first);
    assert_eq!(say(Tier::A, &script("ls /tmp/cache").with_mount(mount)), "new");
    assert_eq!(read(lower.path().join("old")), "old");
}

#[test]
fn strange_names_can_be_mounted() {
    let dir = folder();
    let lower = dir.path().join("a:b,c\\d \"e");
    write(lower.join("file"), "x");
    let spec = script("cat '/tmp/o:,\\ x/file'").with_mount(Mount::Overlay {
        lower,
        upper: Upper::Throwaway,
        dst: "/tmp/o:,\\ x".into(),
    });
    assert_eq!(say(Tier::A, &spec), "x");
}

#[test]
fn a_file_from_memory_and_a_small_tmpfs() {
    let copy = folder();
    let root = copy.path();
    let spec = script("cat .git; (echo x > .git) 2> /dev/null || echo ro; head -c 2000000 /dev/zero > small/x; ls -l small | wc -l")
        .with_mount(read_write(root, root))
        .with_mount(Mount::File {
            dst: root.join(".git"),
            contents: b"gitdir: /dev/null\n".to_vec(),
            executable: false,
        })
        .with_mount(Mount::Tmpfs { dst: root.join("small"), size: 1 << 20 })
        .with_cwd(root);
    let finished = run(Tier::A, &spec);
    assert_eq!(finished.stdout.text(), "gitdir: /dev/null\nro\n2\n");
    assert!(finished.stderr.text().contains("No space left"), "{}", finished.stderr.text());
    assert_eq!(std::fs::read_dir(root).unwrap().count(), 0);
}

#[test]
fn masked_paths_are_empty_and_cannot_be_filled() {
    let copy = folder();
    let root = copy.path();
    write(root.join(".env"), "SECRET=1");
    write(root.join("private/key"), "SECRET=2");
    let spec = script("cat .env; ls -A private; (echo x > .env) 2> /dev/null || echo ro; (echo x > private/x) 2> /dev/null || echo ro")
        .with_mount(read_write(root, root))
        .with_mask(root.join(".env"))
        .with_mask(root.join("private"))
        .with_mask(root.join("absent"))
        .with_cwd(root);
    assert_eq!(say(Tier::A, &spec), "ro\nro");
    assert_eq!(read(root.join(".env")), "SECRET=1");
    let error = try_run(Tier::B, &spec).unwrap_err();
    assert!(matches!(error, SandboxError::CannotSeparate { .. }), "{error}");
}

#[test]
fn the_home_and_other_peoples_secrets_are_hidden() {
    let home = folder();
    write(home.path().join(".ssh/id"), "SECRET");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for tier in [Tier::A, Tier::B] {
        let options = crate::support::options().with_home(home.path()).with_max_tier(tier);
        let sandbox = astraea_sandbox::Sandbox::probe(options);
        let path = home.path().display();
        let spec = script(&format!(
            "cat {path}/.ssh/id; cat /etc/shadow; ls /run; touch $HOME/x && echo home"
        ));
        let finished = runtime.block_on(sandbox.run(&spec, &Default::default())).unwrap();
        assert_eq!(finished.stdout.text(), "home\n", "tier {tier}");
        assert!(!home.path().join("x").exists());
    }
}

#[test]
fn a_link_in_the_copy_does_not_move_a_mount() {
    let (copy, outside, deps) = (folder(), folder(), folder());
    std::os::unix::fs::symlink(outside.path(), copy.path().join("node_modules")).unwrap();
    let spec = script("true")
        .with_mount(read_write(copy.path(), copy.path()))
        .with_mount(read_only(deps.path(), copy.path().join("node_modules/x")));
    let error = try_run(Tier::A, &spec).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_file_larger_than_allowed_is_cut() {
    for tier in [Tier::A, Tier::B] {
        let spec = script("cd $TMPDIR; head -c 3000000 /dev/zero > big; stat -c %s big")
            .with_limits(Limits::default().with_file_bytes(1 << 20));
        assert_eq!(run(tier, &spec).stdout.text().trim(), "1048576");
    }
}

#[test]
fn unchanged_files_keep_their_times_under_a_layer() {
    let lower = folder();
    write(lower.path().join("file"), "x");
    let time = std::fs::metadata(lower.path().join("file")).unwrap().mtime();
    let spec = script("stat -c %Y /tmp/l/file").with_mount(Mount::Overlay {
        lower: lower.path().into(),
        upper: Upper::Throwaway,
        dst: "/tmp/l".into(),
    });
    assert_eq!(say(Tier::A, &spec), time.to_string());
}

#[test]
fn no_power_is_left_to_the_command() {
    let copy = folder();
    write(copy.path().join(".env"), "SECRET=1");
    for tier in [Tier::A, Tier::B] {
        let mut spec = script("grep -E 'Cap|NoNew|Seccomp:' /proc/self/status | tr '\\t\\n' '  '")
            .with_mount(read_write(copy.path(), copy.path()));
        if tier == Tier::A {
            spec = spec.with_mask(copy.path().join(".env"));
        }
        let said = say(tier, &spec);
        let none = "0000000000000000";
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(said.contains(&format!("{set}: {none}")), "tier {tier}: {said}");
        }
        // An ordinary user cannot shrink the bounding set of tier B, nor use it.
        let bound = said.contains(&format!("CapBnd: {none}"));
        assert!(bound || tier == Tier::B && !rustix::process::geteuid().is_root(), "{said}");
        assert!(said.contains("NoNewPrivs: 1") && said.contains("Seccomp: 2"), "{said}");
    }
}
