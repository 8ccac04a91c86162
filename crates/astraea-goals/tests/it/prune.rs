//! What `prune` takes: only what was delivered here and was left as it was delivered.
#![expect(clippy::disallowed_methods, reason = "the tests play the user, who has files and git")]

use astraea_goals::{
    Astra, ExecuteGoal, LedgerQuery, PruneOptions, PruneReport, ScheduleChange, Watch,
};

use crate::support::{AREA, Repo};

/// Delivers a change of `file` on a branch of its own; returns branch and commit.
async fn delivered(astra: &Astra, file: &str) -> (String, String) {
    let change = ScheduleChange {
        file_path: file.to_owned(),
        new_content: "changed\n".to_owned(),
        reason: "a reason".to_owned(),
        goal_id: None,
    };
    let change = astra.schedule_change(change).await.unwrap();
    let approved = astra.approve_change(&change.id).await.unwrap();
    (approved.branch, approved.commit)
}

fn reason<'r>(report: &'r PruneReport, branch: &str) -> &'r str {
    let kept = report.kept.iter().find(|kept| kept.branch == branch);
    &kept.unwrap_or_else(|| panic!("{branch} is not kept: {report:?}")).reason
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_delivered_and_left_alone_goes_and_the_rest_is_told() {
    let repo = Repo::new(&[("a.txt", "1\n"), ("b.txt", "1\n"), ("c.txt", "1\n")]);
    let astra = repo.astra();
    let (old, commit) = delivered(&astra, "a.txt").await;
    let (moved, _) = delivered(&astra, "b.txt").await;
    let (locked, locked_at) = delivered(&astra, "c.txt").await;
    // Both stand at a commit that is in the user's branch, and are the user's own.
    repo.git(&["branch", "-f", &moved, "main"]);
    repo.git(&["branch", "astra/my-own-idea", "main"]);
    repo.git(&["symbolic-ref", "refs/heads/astra/link", "refs/heads/main"]);
    repo.git(&["reflog", "expire", "--expire=all", "--all"]);
    std::fs::write(repo.root().join(format!(".git/refs/heads/{locked}.lock")), "").unwrap();

    let report = astra.prune(&PruneOptions::default().with_older_than_days(0)).await.unwrap();
    let gone: Vec<_> = report.branches.iter().map(|one| (&one.branch, &one.commit)).collect();
    assert_eq!(gone, [(&old, &commit)], "{report:?}");
    assert_eq!(reason(&report, "astra/my-own-idea"), "no run here delivered it");
    assert_eq!(reason(&report, &moved), "it was moved after it was delivered");
    assert!(reason(&report, &locked).contains(&locked), "{report:?}");
    let mut left = vec![locked.as_str(), &moved, "astra/my-own-idea", "astra/link"];
    left.sort_unstable();
    let mut found = repo.branches();
    found.sort_unstable();
    assert_eq!(found, left);
    repo.git(&["rev-parse", "--verify", "refs/heads/main"]);

    let ledger = astra.ledger_entries(&LedgerQuery::default()).unwrap();
    let of = |name: &str| {
        let found: Vec<_> = ledger.iter().filter(|e| e.event.to_string() == name).collect();
        found.iter().map(|entry| entry.data.to_string()).collect::<String>()
    };
    let pruned = of("code_modification_pruned");
    assert!(pruned.contains(&commit) && pruned.contains(&locked_at), "{pruned}");
    assert!(of("code_modification_prune_refused").contains(&locked));
    repo.git(&["branch", &old, &commit]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_a_run_goes_and_what_may_still_go_on_stays() {
    let repo = Repo::new(AREA);
    let astra = repo.astra();
    let result =
        astra.execute_goal(ExecuteGoal::new("fix_bug: area"), &Watch::default()).await.unwrap();
    let state = astra.repository().state();
    // A conversation of now, and a run that began after the runs were looked at.
    state.write_atomic("conversations/c.json", b"{}").unwrap();
    state.write_atomic("answers/run-of-just-now/one", b"{}").unwrap();
    state.write_atomic(&format!("answers/{}/one", result.run), b"{}").unwrap();
    let report = astra.prune(&PruneOptions::default().with_older_than_days(0)).await.unwrap();
    assert_eq!(report.branches.len(), 1, "{report:?}");
    assert_eq!((report.conversations.records, report.answers.records), (0, 1));
    assert!(state.read("conversations/c.json").unwrap().is_some());
    assert!(state.read("answers/run-of-just-now/one").unwrap().is_some());
}
