//! The two things asked of the git program: what a remote has, and a push.
//!
//! It runs on the host itself (it needs the network and the user's ssh), but never in the user's repository: in an
//! empty git directory of its own that borrows the objects. So no hook, helper, filter or setting of the repository
//! or of the user's git configuration plays a part, and where the remote is a directory its hooks do not run either.

use std::path::Path;
use std::time::Duration;

use astraea_code_access::ObjectStore;
use astraea_engine::CancellationToken;
use astraea_sandbox::{CommandSpec, Exit, SandboxError};
use base64::Engine as _;

use super::place::{Place, Token, Transport};
use super::{PublishOptions, Publisher};
use crate::Error;

/// How long git may take, for one of its commands.
const WALL: Duration = Duration::from_secs(300);

/// Arguments: the directory of objects, the file of a shallow clone, and what git is to do.
const SCRIPT: &str = r#"set -eu
dir=$TMPDIR/push.git
git init --quiet --bare --template= "$dir"
mkdir -p "$dir/objects/info"
printf '%s\n' "$1" > "$dir/objects/info/alternates"
if [ -f "$2" ]; then cp "$2" "$dir/shallow"; fi
shift 2
exec git --git-dir="$dir" "$@""#;

/// What plays the server where the remote is a directory: it runs nothing that the directory names.
const QUIET: &str = "git -c core.hooksPath=/dev/null -c core.alternateRefsCommand=true -c receive.autogc=false -c core.fsmonitor=false";

/// Variables of the user's that only say how the network is reached.
const NETWORK: [&str; 11] = [
    "SSH_AUTH_SOCK",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Speaks to one remote.
#[derive(Debug)]
pub(super) struct Git<'a> {
    pub(super) publisher: &'a Publisher,
    pub(super) place: &'a Place,
    pub(super) store: &'a ObjectStore,
    /// User and password for https.
    pub(super) login: Option<(String, Token)>,
}

impl Git<'_> {
    /// The refs of the remote: id and name.
    pub(super) async fn refs(
        &self,
        cancel: &CancellationToken,
    ) -> Result<Vec<(String, String)>, Error> {
        let said = self.run(&["ls-remote"], "--upload-pack", "upload-pack", &[], cancel).await?;
        let line = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            let hex = id.len() == 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| (id.to_owned(), name.to_owned()))
        };
        Ok(said.lines().filter_map(line).collect())
    }

    /// Puts a commit onto a branch of the remote. One that is there already only moves forward.
    pub(super) async fn push(
        &self,
        commit: &str,
        branch: &str,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let words = ["push", "--porcelain", "--no-verify", "--no-follow-tags"];
        let refspec = format!("{commit}:refs/heads/{branch}");
        self.run(&words, "--receive-pack", "receive-pack", &[&refspec], cancel).await.map(drop)
    }

    async fn run(
        &self,
        words: &[&str],
        option: &str,
        server: &str,
        rest: &[&str],
        cancel: &CancellationToken,
    ) -> Result<String, Error> {
        let mut argv: Vec<std::ffi::OsString> =
            ["sh", "-c", SCRIPT, "sh"].iter().map(Into::into).collect();
        argv.push(self.store.objects.clone().into());
        argv.push(self.store.shallow.clone().into());
        argv.extend(words.iter().map(Into::into));
        if self.place.transport == Transport::File {
            argv.push(format!("{option}={QUIET} {server}").into());
        }
        argv.push("--".into());
        argv.push(self.place.url.as_str().into());
        argv.extend(rest.iter().map(Into::into));
        let mut spec = CommandSpec::new(argv)
            .with_cwd(self.publisher.repo.state().path())
            .with_network(true)
            .with_env("LC_ALL", "C");
        spec.limits.wall = Some(WALL);
        for (key, value) in self.variables(&self.publisher.options) {
            spec = spec.with_env(key, value);
        }
        let finished = match self.publisher.sandbox.run_on_host(&spec, cancel).await {
            Ok(finished) => finished,
            Err(SandboxError::CommandNotFound { .. }) => return Err(self.no_git()),
            Err(error) => return Err(error.into()),
        };
        match finished.exit {
            Exit::Code(0) => Ok(finished.stdout.text().into_owned()),
            Exit::Code(127) => Err(self.no_git()),
            Exit::Cancelled => Err(Error::Cancelled),
            Exit::Code(_) => {
                let said = format!("{}\n{}", finished.stdout.text(), finished.stderr.text());
                Err(self.refused(&said))
            }
            other => Err(self.wrong(format!("git {} was {other}", words[0]))),
        }
    }

    /// The environment that is added to the sandbox's short list.
    fn variables(&self, options: &PublishOptions) -> Vec<(String, String)> {
        let mut settings = vec![
            ("http.followRedirects".to_owned(), "false".to_owned()),
            ("gc.auto".to_owned(), "0".to_owned()),
        ];
        if let Some((user, password)) = &self.login {
            let pair = format!("{user}:{}", password.expose());
            let pair = base64::engine::general_purpose::STANDARD.encode(pair);
            // in the environment of this one process: an argument could be read by everybody
            let scope = format!("{}://{}/", self.place.transport.protocol(), self.place.host);
            settings.push((
                format!("http.{scope}.extraHeader"),
                format!("Authorization: Basic {pair}"),
            ));
        }
        let mut env: Vec<(String, String)> = [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "false"),
            ("SSH_ASKPASS", "false"),
            ("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=20"),
            ("GIT_ALLOW_PROTOCOL", self.place.transport.protocol()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
        env.push(("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string()));
        for (at, (key, value)) in settings.into_iter().enumerate() {
            env.push((format!("GIT_CONFIG_KEY_{at}"), key));
            env.push((format!("GIT_CONFIG_VALUE_{at}"), value));
        }
        for name in NETWORK {
            if let Some(value) = options.env.get(name) {
                env.push((name.to_owned(), value.clone()));
            }
        }
        env
    }

    /// What git said, as an error: the line that says why, and what to do about it.
    fn refused(&self, said: &str) -> Error {
        let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
        let is_why = |line: &&str| {
            ["fatal:", "error:", "remote:", "!", "ERROR:", "Permission denied", "Host key"]
                .iter()
                .any(|begin| line.starts_with(begin))
        };
        let why =
            lines().find(is_why).or_else(|| lines().next_back()).unwrap_or("no reason was given");
        let why: String = why.chars().take(300).collect();
        let lower = said.to_lowercase();
        let hint = if ["authentication failed", "could not read username", "403", "401"]
            .iter()
            .any(|sign| lower.contains(sign))
        {
            match &self.login {
                Some(_) => "; the token was refused: it must be allowed to write contents",
                None => {
                    "; set GITHUB_TOKEN or GITLAB_TOKEN, or `host` and `token_env` in [git.forge], or use an ssh URL"
                }
            }
        } else if lower.contains("permission denied (publickey") || lower.contains("host key") {
            "; see that `ssh` reaches this host without asking"
        } else if lower.contains("non-fast-forward") || lower.contains("[rejected]") {
            "; the branch is there with other commits, which are left alone"
        } else {
            ""
        };
        self.wrong(format!("{why}{hint}"))
    }

    fn no_git(&self) -> Error {
        self.wrong("the program `git` is not there; install it".to_owned())
    }

    fn wrong(&self, reason: String) -> Error {
        let reason = self.publisher.clean(&reason, self.login.as_ref().map(|(_, token)| token));
        Error::Remote { url: self.place.url.clone(), reason }
    }
}

/// Whether a path is the directory or lies below it.
pub(super) fn lies_in(path: &Path, dir: &Path) -> bool {
    path.starts_with(dir)
}
