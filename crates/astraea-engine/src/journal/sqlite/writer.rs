//! The thread that writes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::oneshot;

use super::{Projection, schema};
use crate::{Clock, JournalError, NewRecord, Record, Rejection, journal::memory::stamp};

/// The code of a rejection that means the disk is full.
pub(super) const DISK_FULL: &str = "disk_full";

/// How many appends share a transaction at most.
const GROUP: usize = 256;

type Answer = Result<Vec<Record>, JournalError>;
/// What became of one append.
type Verdict = Result<(), JournalError>;

#[derive(Debug)]
pub(super) struct Request {
    pub(super) batch: Vec<NewRecord>,
    pub(super) reply: oneshot::Sender<Answer>,
}

pub(super) struct Writer {
    path: PathBuf,
    connection: Connection,
    projections: Vec<Box<dyn Projection>>,
    clock: Arc<dyn Clock>,
    commits: Arc<AtomicU64>,
}

/// Why one append of a group is not kept.
enum Refusal {
    /// A projection said no; the others are not concerned.
    Rejected(JournalError),
    /// The database failed, and the whole transaction may be gone.
    Failed(JournalError),
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        connection: Connection,
        projections: Vec<Box<dyn Projection>>,
        clock: Arc<dyn Clock>,
        commits: Arc<AtomicU64>,
    ) -> Self {
        Self { path, connection, projections, clock, commits }
    }

    pub(super) fn serve(mut self, queue: &mpsc::Receiver<Request>) {
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            group.extend(queue.try_iter().take(GROUP - 1));
            let (mut batches, replies): (Vec<_>, Vec<_>) = group
                .into_iter()
                .map(|request| (stamp(request.batch, 0, 0), request.reply))
                .unzip();
            let verdicts = self.write(&mut batches);
            for ((reply, records), verdict) in replies.into_iter().zip(batches).zip(verdicts) {
                // Whoever asked may have gone away; the records stand.
                let _ = reply.send(verdict.map(|()| records));
            }
        }
    }

    fn write(&mut self, batches: &mut [Vec<Record>]) -> Vec<Verdict> {
        match self.transaction(batches) {
            Ok(verdicts) => verdicts,
            Err(error) if batches.len() == 1 => vec![Err(error)],
            // One that is too large must not take the others with it.
            Err(_) => batches
                .iter_mut()
                .map(|batch| match self.transaction(std::slice::from_mut(batch)) {
                    Ok(mut verdicts) => verdicts.pop().unwrap_or(Err(JournalError::Closed)),
                    Err(error) => Err(error),
                })
                .collect(),
        }
    }

    /// Writes all batches in one transaction and gives them their numbers and time. An error means that nothing of any is
    /// kept.
    fn transaction(&mut self, batches: &mut [Vec<Record>]) -> Result<Vec<Verdict>, JournalError> {
        let ts_ms = self.clock.now_ms();
        let Self { path, connection, projections, .. } = self;
        let say = |error: rusqlite::Error| schema::storage(path, &error);
        let result = (|| {
            // Dropped without a commit, it rolls back.
            let mut tx = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(say)?;
            let last: Option<i64> = tx
                .prepare_cached("SELECT max(seq) FROM record")
                .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
                .map_err(say)?;
            let mut last = last.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0);
            let mut verdicts = Vec::with_capacity(batches.len());
            for batch in batches {
                for (seq, record) in (last + 1..).zip(batch.iter_mut()) {
                    record.seq = seq;
                    record.ts_ms = ts_ms;
                }
                let mut savepoint = tx.savepoint().map_err(say)?;
                match store(path, &savepoint, projections, batch) {
                    Ok(()) => {
                        savepoint.commit().map_err(say)?;
                        last += batch.len() as u64;
                        verdicts.push(Ok(()));
                    }
                    Err(Refusal::Rejected(no)) => {
                        savepoint.rollback().map_err(say)?;
                        savepoint.commit().map_err(say)?;
                        for projection in projections.iter_mut() {
                            projection.rolled_back();
                        }
                        verdicts.push(Err(no));
                    }
                    Err(Refusal::Failed(error)) => return Err(error),
                }
            }
            if verdicts.iter().any(Result::is_ok) {
                let cursor = i64::try_from(last).unwrap_or(i64::MAX);
                for projection in projections.iter() {
                    schema::set_cursor(&tx, projection.name(), cursor).map_err(say)?;
                }
                tx.commit().map_err(say)?;
                self.commits.fetch_add(1, Ordering::Relaxed);
            }
            Ok(verdicts)
        })();
        if result.is_err() {
            for projection in &mut self.projections {
                projection.rolled_back();
            }
        }
        result
    }
}

fn store(
    path: &std::path::Path,
    tx: &Connection,
    projections: &mut [Box<dyn Projection>],
    records: &[Record],
) -> Result<(), Refusal> {
    let failed = |error: rusqlite::Error| Refusal::Failed(schema::storage(path, &error));
    for record in records {
        insert(tx, record).map_err(failed)?;
        for projection in projections.iter_mut() {
            let applied = catch_unwind(AssertUnwindSafe(|| projection.apply(tx, record)));
            let no = match applied {
                Ok(Ok(())) => continue,
                Ok(Err(no)) => no,
                Err(_) => {
                    let message = format!("the projection `{}` panicked", projection.name());
                    Rejection::new("projection_panicked", message)
                }
            };
            let full = no.code == DISK_FULL;
            let error = schema::rejected(path, no);
            return Err(if full { Refusal::Failed(error) } else { Refusal::Rejected(error) });
        }
    }
    Ok(())
}

fn insert(tx: &Connection, record: &Record) -> rusqlite::Result<()> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let payload = record.payload.to_string();
    tx.prepare_cached(
        "INSERT INTO record (seq, ts_ms, run, graph, kind, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        number(record.seq),
        number(record.ts_ms),
        record.run.as_ref().map(|run| run.as_str()),
        record.graph.as_ref().map(|graph| graph.as_str()),
        record.kind,
        payload
    ])?;
    Ok(())
}
