use astraea_sandbox::*;
use tokio_util::sync::CancellationToken;
#[tokio::test]
async fn hello() {
    for t in [Tier::A, Tier::B] {
        let s = Sandbox::probe(
            SandboxOptions::default()
                .with_helper(env!("CARGO_BIN_EXE_astraea-sandbox-helper"))
                .with_max_tier(t),
        );
        for c in s.report() {
            println!("{c:?}");
        }
        println!("{:?}", s.tier());
        let spec = s.toolchains().apply(CommandSpec::new(["bash","-c","echo $HOME; cargo --version; python3 -c 'import sys; print(sys.executable)'; node --version; npm --version; which cargo python3; mkdir -p $TMPDIR/x && cd $TMPDIR/x && cargo init --vcs none --name x -q && cargo add serde 2>&1 && cargo build 2>&1"]));
        let r = s.run(&spec, &CancellationToken::new()).await;
        match r {
            Ok(f) => println!(
                "{} {:?} {:?} {}\n{}\n{}",
                f.exit,
                f.wall,
                f.cpu,
                f.peak_memory_bytes,
                f.stdout.text(),
                f.stderr.text()
            ),
            Err(e) => println!("{e}"),
        }
    }
}
