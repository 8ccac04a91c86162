//! Runs the given command in the sandbox, with the current folder read-only, and shows what came
//! of it: `cargo run --example shut_in -- ls -la /tmp`.

use astraea_sandbox::{CommandSpec, Mount, Sandbox, SandboxOptions};
use tokio_util::sync::CancellationToken;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    astraea_sandbox::init();
    let sandbox = Sandbox::probe(SandboxOptions::default());
    for entry in sandbox.report() {
        let mark = if entry.available { "yes" } else { "no " };
        println!("{mark} {:18} {}", entry.name, entry.detail);
        if let Some(raise) = entry.raise {
            println!("    {:18} {raise}", "");
        }
    }
    let here = std::env::current_dir()?;
    let spec = CommandSpec::new(std::env::args_os().skip(1))
        .with_mount(Mount::ReadOnly { src: here.clone(), dst: here.clone() })
        .with_cwd(here);
    let spec = sandbox.toolchains().apply(spec);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let finished = runtime.block_on(sandbox.run(&spec, &CancellationToken::new()))?;
    print!("{}{}", finished.stdout.text(), finished.stderr.text());
    println!("tier {}: {} after {:?}", finished.tier, finished.exit, finished.wall);
    Ok(())
}
