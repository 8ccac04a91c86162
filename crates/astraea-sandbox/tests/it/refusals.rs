//! The tier in force is stated, and nothing runs in a weaker one in silence.

use astraea_sandbox::{
    CommandSpec, Exit, Mount, Sandbox, SandboxError, SandboxOptions, Tier, Upper,
};
use tokio_util::sync::CancellationToken;

use crate::support::{folder, options, read_write, sandbox, script, try_run};

fn run(sandbox: &Sandbox, spec: &CommandSpec) -> Result<astraea_sandbox::Finished, SandboxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(sandbox.run(spec, &CancellationToken::new()))
}

#[test]
fn case_67_nothing_available_is_a_refusal() {
    let sandbox = Sandbox::probe(options().with_max_tier(Tier::D));
    assert_eq!(sandbox.tier(), Tier::D);
    let error = run(&sandbox, &script("echo no")).unwrap_err();
    assert!(matches!(error, SandboxError::Unavailable { .. }), "{error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(sandbox.spawn(&script("echo no"))).unwrap_err();
    assert!(matches!(error, SandboxError::Unavailable { .. }), "{error}");
}

#[test]
fn no_isolation_only_when_asked_for_and_then_it_is_said() {
    let sandbox = Sandbox::probe(options().with_max_tier(Tier::D).with_allow_none(true));
    let finished = run(&sandbox, &script("echo yes")).unwrap();
    assert_eq!((finished.exit, finished.tier), (Exit::Code(0), Tier::D));
}

#[test]
fn a_program_that_cannot_be_the_helper_is_told_what_to_do() {
    let missing = SandboxOptions::default().with_helper("/no/such/helper");
    let sandbox = Sandbox::probe(missing);
    assert_eq!(sandbox.tier(), Tier::D);
    let error = run(&sandbox, &script("true")).unwrap_err();
    assert!(error.to_string().contains("helper"), "{error}");
    // A program that is no helper at all does not count as a working sandbox.
    let foreign = Sandbox::probe(SandboxOptions::default().with_helper("/bin/true"));
    assert_eq!(foreign.tier(), Tier::D, "{:#?}", foreign.report());
}

#[test]
fn a_broken_bubblewrap_leads_one_tier_down_and_the_report_says_why() {
    let sandbox = Sandbox::probe(options().with_bwrap("/bin/false"));
    assert_eq!(sandbox.tier(), Tier::B);
    let report = sandbox.report();
    let namespaces = report.iter().find(|entry| entry.name == "namespaces").unwrap();
    assert!(!namespaces.available && namespaces.detail.contains("did not work"), "{namespaces:?}");
    let absent = Sandbox::probe(options().with_bwrap("/no/such/bwrap"));
    assert_eq!(absent.tier(), Tier::B);
    let report = absent.report();
    let bubblewrap = report.iter().find(|entry| entry.name == "bubblewrap").unwrap();
    assert!(!bubblewrap.available && bubblewrap.raise.is_some(), "{bubblewrap:?}");
}

#[test]
fn promise_6_the_tier_is_in_every_result() {
    for tier in [Tier::A, Tier::B] {
        let sandbox = sandbox(tier);
        for text in ["true", "exit 1", "kill -9 $$"] {
            assert_eq!(run(&sandbox, &script(text)).unwrap().tier, tier);
        }
    }
    let sandbox = sandbox(Tier::A);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let finished =
        runtime.block_on(sandbox.run_on_host(&script("true"), &CancellationToken::new())).unwrap();
    assert_eq!(finished.tier, Tier::Host);
}

#[test]
fn what_tier_b_cannot_keep_apart_is_refused() {
    let (user, copy) = (folder(), folder());
    let mounts = [
        read_write(copy.path(), user.path()),
        Mount::Overlay {
            lower: user.path().into(),
            upper: Upper::Throwaway,
            dst: user.path().into(),
        },
        Mount::Tmpfs { dst: user.path().into(), size: 1 << 20 },
        Mount::File { dst: user.path().join("x"), contents: vec![], executable: false },
    ];
    for mount in mounts {
        let spec = script("true").with_mount(mount);
        let error = try_run(Tier::B, &spec).unwrap_err();
        assert!(matches!(&error, SandboxError::CannotSeparate { tier: Tier::B, .. }), "{error}");
    }
    assert_eq!(std::fs::read_dir(user.path()).unwrap().count(), 0);
}

#[cfg(feature = "early-init")]
#[test]
fn a_test_program_can_be_its_own_helper() {
    let sandbox = Sandbox::probe(SandboxOptions::default());
    assert_eq!(sandbox.tier(), Tier::A, "{:#?}", sandbox.report());
    assert!(run(&sandbox, &script("true")).unwrap().success());
}

#[cfg(not(feature = "early-init"))]
#[test]
fn a_program_that_did_not_call_init_is_not_started_again() {
    let sandbox = Sandbox::probe(SandboxOptions::default());
    assert_eq!(sandbox.tier(), Tier::D);
    let error = run(&sandbox, &script("true")).unwrap_err();
    assert!(error.to_string().contains("init()"), "{error}");
}
