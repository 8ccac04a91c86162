//! The environment of a command: an allow-list, never what happens to be set.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::CommandSpec;

/// Variables taken over from the caller; `LC_*` as well.
const INHERITED: &[&str] = &["PATH", "LANG", "TERM", "TZ"];
/// Where programs are looked for when the caller has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The variables of a command, from those of the caller.
pub(crate) fn environment(
    caller: impl Iterator<Item = (OsString, OsString)>,
    spec: &CommandSpec,
    home: &OsStr,
    tmp: &OsStr,
) -> Vec<(OsString, OsString)> {
    let mut env: BTreeMap<OsString, OsString> = caller.filter(|(key, _)| inherited(key)).collect();
    env.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
    env.insert("HOME".into(), home.to_owned());
    env.insert("TMPDIR".into(), tmp.to_owned());
    env.insert("GIT_TERMINAL_PROMPT".into(), "0".into());
    env.extend(spec.env.iter().map(|(key, value)| (key.clone(), value.clone())));
    env.into_iter().collect()
}

fn inherited(key: &OsStr) -> bool {
    key.to_str().is_some_and(|key| INHERITED.contains(&key) || key.starts_with("LC_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(caller: &[(&str, &str)], expected: &[(&str, &str)]) {
        let caller = caller.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        let spec = CommandSpec::new(["x"]).with_env("MINE", "1");
        let env = environment(caller, &spec, OsStr::new("/h"), OsStr::new("/t"));
        let env: Vec<_> = env
            .iter()
            .map(|(key, value)| (key.to_str().unwrap_or("?"), value.to_str().unwrap_or("?")))
            .collect();
        assert_eq!(env, expected);
    }

    #[test]
    fn only_the_allow_list_passes() {
        check(
            &[
                ("PATH", "/p"),
                ("HOME", "/root"),
                ("LC_ALL", "C"),
                ("GIT_DIR", "/x"),
                ("LD_PRELOAD", "/x.so"),
                ("RUSTC_WRAPPER", "x"),
                ("PYTHONPATH", "x"),
                ("NODE_OPTIONS", "x"),
                ("SOME_API_KEY", "x"),
                ("SSH_AUTH_SOCK", "x"),
            ],
            &[
                ("GIT_TERMINAL_PROMPT", "0"),
                ("HOME", "/h"),
                ("LC_ALL", "C"),
                ("MINE", "1"),
                ("PATH", "/p"),
                ("TMPDIR", "/t"),
            ],
        );
    }

    #[test]
    fn there_is_always_a_path() {
        check(
            &[],
            &[
                ("GIT_TERMINAL_PROMPT", "0"),
                ("HOME", "/h"),
                ("MINE", "1"),
                ("PATH", DEFAULT_PATH),
                ("TMPDIR", "/t"),
            ],
        );
    }
}
