use astraea_sandbox::*;
use tokio_util::sync::CancellationToken;
#[tokio::test]
async fn hello() {
    for t in [Tier::A, Tier::B] {
    let s = Sandbox::probe(SandboxOptions::default().with_helper(env!("CARGO_BIN_EXE_astraea-sandbox-helper")).with_max_tier(t));
    for c in s.report() { println!("{c:?}"); }
    println!("{:?}", s.tier());
    let r = s.run(&CommandSpec::new(["sh","-c","id; pwd; env; mount; ls -la / $HOME /proc; grep -E 'Cap|Secc|NoNew' /proc/self/status"]), &CancellationToken::new()).await;
    match r { Ok(f) => println!("{} {:?} {:?} {}\n{}\n{}", f.exit, f.wall, f.cpu, f.peak_memory_bytes, f.stdout.text(), f.stderr.text()), Err(e) => println!("{e}") }
    }
}
