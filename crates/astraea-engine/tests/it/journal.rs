//! The journal on SQLite.
#![cfg(feature = "sqlite")]

use std::sync::{Arc, Mutex};

use astraea_engine::{
    EngineError, Journal, JournalError, JournalOptions, ManualClock, NewRecord, Projection, Record,
    Rejection, RunId, RunRequest, RunStatus, SqliteJournal, Synchronous, open_reader, read_records,
};
use rusqlite::Connection;
use serde_json::json;

use crate::support::{Scripted, engine_with, graph};

fn options() -> JournalOptions {
    JournalOptions::default().with_clock(Arc::new(ManualClock::new(77)))
}

fn new(run: &str, kind: &str) -> NewRecord {
    NewRecord::new(kind, json!({ "n": 1, "text": "ä" })).with_run(RunId::new(run))
}

/// Counts records in a table of its own; refuses some kinds, and says so in its own ways.
#[derive(Debug, Default)]
struct Counter {
    rolled_back: Arc<Mutex<u32>>,
}

impl Projection for Counter {
    fn name(&self) -> &str {
        "counter"
    }

    fn migrate(&mut self, tx: &Connection) -> Result<(), Rejection> {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS counter (kind TEXT)")?;
        Ok(())
    }

    fn apply(&mut self, tx: &Connection, record: &Record) -> Result<(), Rejection> {
        tx.execute("INSERT INTO counter VALUES (?1)", [&record.kind])?;
        match record.kind.as_str() {
            "refused" => Err(Rejection::new("stale_version", "somebody was faster")),
            "panics" => panic!("scripted"),
            "broken" => Ok(tx.execute_batch("no sql")?),
            _ => Ok(()),
        }
    }

    fn rolled_back(&mut self) {
        *self.rolled_back.lock().unwrap() += 1;
    }
}

fn counted(connection: &Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM counter", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn records_come_back_as_they_were_and_survive_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let journal = SqliteJournal::open(&path, options(), vec![]).unwrap();
    let records =
        journal.append(vec![new("r", "a"), new("other", "b"), new("r", "c")]).await.unwrap();
    assert_eq!(records.iter().map(|r| r.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(records[0].ts_ms, 77);
    assert_eq!(journal.append(vec![]).await.unwrap(), []);
    assert_eq!(journal.commits(), 1);
    drop(journal);

    let journal = SqliteJournal::open(&path, options(), vec![]).unwrap();
    let run = RunId::new("r");
    assert_eq!(journal.read(&run, 0).await.unwrap(), [records[0].clone(), records[2].clone()]);
    assert_eq!(journal.read(&run, 1).await.unwrap(), [records[2].clone()]);
    let next = journal.append(vec![new("r", "d")]).await.unwrap();
    assert_eq!(next[0].seq, 4);
    let reader = journal.reader().unwrap();
    assert_eq!(read_records(&reader, None, 0, 2).unwrap().len(), 2);
    assert!(reader.execute("DELETE FROM record", []).is_err());
    assert_eq!(options().synchronous, Synchronous::Full);
}

#[tokio::test]
async fn concurrent_appends_share_commits() {
    let dir = tempfile::tempdir().unwrap();
    let journal =
        Arc::new(SqliteJournal::open(dir.path().join("state.db"), options(), vec![]).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let journal = journal.clone();
        tasks.spawn(async move { journal.append(vec![new("r", &n.to_string())]).await.unwrap() });
    }
    let mut seqs: Vec<u64> = tasks.join_all().await.into_iter().map(|r| r[0].seq).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
    assert!(journal.commits() < 200, "{}", journal.commits());
}

#[tokio::test]
async fn a_rejection_undoes_its_append_only() {
    let dir = tempfile::tempdir().unwrap();
    let counter = Counter::default();
    let rolled_back = counter.rolled_back.clone();
    let journal = Arc::new(
        SqliteJournal::open(dir.path().join("state.db"), options(), vec![Box::new(counter)])
            .unwrap(),
    );
    for (kind, code) in
        [("refused", "stale_version"), ("panics", "projection_panicked"), ("broken", "storage")]
    {
        let (good, bad, good_too) = tokio::join!(
            journal.append(vec![new("r", "good")]),
            journal.append(vec![new("r", "first"), new("r", kind)]),
            journal.append(vec![new("r", "good")]),
        );
        assert!(good.is_ok() && good_too.is_ok());
        let Err(JournalError::Rejected { code: got, .. }) = bad else { panic!("{bad:?}") };
        assert_eq!(got, code);
    }
    let reader = journal.reader().unwrap();
    assert_eq!(counted(&reader), 6);
    let kinds: Vec<String> =
        read_records(&reader, None, 0, 100).unwrap().into_iter().map(|r| r.kind).collect();
    assert_eq!(kinds, ["good"; 6]);
    assert_eq!(*rolled_back.lock().unwrap(), 3);
}

#[tokio::test]
async fn a_new_projection_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let journal = SqliteJournal::open(&path, options(), vec![]).unwrap();
    journal.append(vec![new("r", "a"), new("r", "b")]).await.unwrap();
    drop(journal);
    for _ in 0..2 {
        let counter = Box::<Counter>::default();
        let journal = SqliteJournal::open(&path, options(), vec![counter]).unwrap();
        assert_eq!(counted(&journal.reader().unwrap()), 2);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    drop(SqliteJournal::open(&path, options(), vec![]).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
    let error = SqliteJournal::open(&path, options(), vec![]).unwrap_err();
    assert!(matches!(error, JournalError::NewerSchema { found: 9, supported: 1, .. }), "{error}");
    assert!(error.to_string().contains("newer astra"));
    assert!(matches!(open_reader(&path), Err(JournalError::NewerSchema { .. })));
}

#[tokio::test]
async fn what_is_no_journal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let error = SqliteJournal::open(&path, options(), vec![]).unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
    let error = SqliteJournal::open(dir.path(), options(), vec![]).unwrap_err();
    assert!(matches!(error, JournalError::Open { .. }), "{error}");
    let missing = open_reader(dir.path().join("missing.db")).unwrap_err();
    assert!(matches!(missing, JournalError::Open { .. }), "{missing}");

    let text = dir.path().join("text.db");
    #[expect(clippy::disallowed_methods, reason = "a fixture in a temporary directory")]
    std::fs::write(&text, "this is no database, ".repeat(100)).unwrap();
    let error = SqliteJournal::open(&text, options(), vec![]).unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_full_disk_is_a_clean_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let small = options().with_max_pages(24);
    let journal = SqliteJournal::open(&path, small, vec![Box::<Counter>::default()]).unwrap();
    let large = || NewRecord::new("large", json!("x".repeat(200_000))).with_run(RunId::new("r"));
    let small = journal.append(vec![new("r", "small")]).await.unwrap();
    let error = journal.append(vec![new("r", "lost"), large()]).await.unwrap_err();
    assert!(matches!(error, JournalError::DiskFull { .. }), "{error}");
    // Together with others, only the one that is too large is lost.
    let (a, b, c) = tokio::join!(
        journal.append(vec![new("r", "a")]),
        journal.append(vec![large()]),
        journal.append(vec![new("r", "c")]),
    );
    assert!(a.is_ok() && b.is_err() && c.is_ok());
    let kinds: Vec<String> =
        journal.read(&RunId::new("r"), 0).await.unwrap().into_iter().map(|r| r.kind).collect();
    assert_eq!(kinds, ["small", "a", "c"]);
    assert_eq!(small[0].seq, 1);
    assert_eq!(counted(&journal.reader().unwrap()), 3);
}

#[tokio::test]
async fn a_locked_file_is_said_to_be_busy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let journal = SqliteJournal::open(&path, options().with_busy_timeout_ms(1), vec![]).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = journal.append(vec![new("r", "a")]).await.unwrap_err();
    assert!(matches!(error, JournalError::Busy { .. }), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    journal.append(vec![new("r", "a")]).await.unwrap();
}

#[tokio::test]
async fn an_epilogue_that_is_refused_does_not_undo_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Arc::new(
        SqliteJournal::open(
            dir.path().join("state.db"),
            options(),
            vec![Box::<Counter>::default()],
        )
        .unwrap(),
    );
    let executor = Scripted::new(&[]);
    let engine = engine_with(&executor, journal.clone(), Default::default());
    let request =
        RunRequest::new("r", "g", graph(&["a"])).with_epilogue(|_| vec![new("r", "refused")]);
    let error = engine.run(request).await.unwrap_err();
    let EngineError::EpilogueRejected { code, result, .. } = error else { panic!("{error}") };
    assert_eq!((code.as_str(), result.status), ("stale_version", RunStatus::Succeeded));
    let records = journal.read(&RunId::new("r"), 0).await.unwrap();
    assert_eq!(records.last().unwrap().kind, "graph_finished");

    let request =
        RunRequest::new("r2", "g", graph(&["a"])).with_prelude(vec![new("r2", "refused")]);
    let error = engine.run(request).await.unwrap_err();
    assert!(matches!(error, EngineError::Journal(JournalError::Rejected { .. })));
    assert_eq!(executor.calls_of("a"), 1, "nothing ran");
}
