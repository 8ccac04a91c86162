//! Candidates in order, made and checked only as far as they are asked for.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::{InputEdit, Parser, Point, Tree};

use super::{Pool, Raw, View, make};
use crate::facts::Facts;
use crate::localise::spread;
use crate::{Candidate, CandidateId, RepairError, Request, SpanEdit, Suspicious};

/// Lines looked at together, the most suspicious first; the widths of the circles.
const TIERS: [usize; 4] = [120, 400, 2000, usize::MAX];

/// Makes the candidates for the lines given, best first, without duplicates, each of valid syntax.
///
/// # Errors
/// [`RepairError::LanguageUnavailable`] when the grammar is missing.
pub fn candidates(request: &Request, lines: &[Suspicious]) -> Result<Vec<Candidate>, RepairError> {
    let mut stream = CandidateStream::new(request, lines)?;
    Ok(stream.next_batch(request.options.max_candidates as usize))
}

/// Candidates best first, batch by batch.
pub struct CandidateStream<'a> {
    request: &'a Request,
    files: Vec<Parsed>,
    pool: Pool,
    tiers: VecDeque<Vec<Suspicious>>,
    queue: VecDeque<(usize, Raw)>,
    seen: FxHashSet<(usize, usize, usize, String)>,
    parser: Parser,
    next: u32,
}

impl std::fmt::Debug for CandidateStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CandidateStream")
            .field("made", &self.next)
            .field("queued", &self.queue.len())
            .finish_non_exhaustive()
    }
}

struct Parsed {
    index: usize,
    tree: Tree,
    facts: Facts,
    errors: usize,
}

impl<'a> CandidateStream<'a> {
    /// Reads the files; makes nothing yet.
    ///
    /// # Errors
    /// [`RepairError::LanguageUnavailable`] when the grammar is missing.
    pub fn new(request: &'a Request, lines: &[Suspicious]) -> Result<Self, RepairError> {
        let mut parser = request.language.parser()?;
        let mut files = Vec::new();
        let mut pool = Pool::default();
        let wanted: FxHashSet<&str> = lines.iter().map(|line| line.file.as_str()).collect();
        for (index, file) in request.files.iter().enumerate() {
            if file.editable && !wanted.contains(file.path.as_str()) {
                continue;
            }
            let Some(tree) = parser.parse(&file.text, None) else { continue };
            let facts = Facts::gather(request.language, &file.text, &tree);
            if file.editable {
                pool.callees.extend(facts.callees.iter().cloned());
                pool.attributes.extend(facts.attributes.iter().cloned());
                let errors = crate::syntax::count(&tree);
                files.push(Parsed { index, tree, facts, errors });
            } else {
                pool.integers.extend(facts.integers.iter().cloned());
                pool.strings.extend(facts.strings.iter().cloned());
            }
        }
        for list in [&mut pool.integers, &mut pool.strings] {
            let mut seen = FxHashSet::default();
            list.retain(|item| seen.insert(item.clone()));
            list.truncate(40);
        }
        let mut tiers = VecDeque::new();
        let mut rest = lines;
        let mut done = 0;
        for tier in TIERS {
            let take = (tier - done).min(rest.len());
            let (now, later) = rest.split_at(take);
            if !now.is_empty() {
                tiers.push_back(now.to_vec());
            }
            done += take;
            rest = later;
        }
        Ok(Self {
            request,
            files,
            pool,
            tiers,
            queue: VecDeque::new(),
            seen: FxHashSet::default(),
            parser,
            next: 0,
        })
    }

    /// The next candidates, at most `most`; fewer only when there are no more.
    pub fn next_batch(&mut self, most: usize) -> Vec<Candidate> {
        let mut batch = Vec::new();
        while batch.len() < most {
            let Some((file, raw)) = self.queue.pop_front() else {
                if self.refill() {
                    continue;
                }
                break;
            };
            if !self.is_new(file, &raw) || !self.is_valid(file, &raw) {
                continue;
            }
            self.next += 1;
            let path = self.request.files[self.files[file].index].path.clone();
            batch.push(Candidate {
                id: CandidateId(self.next),
                edits: vec![SpanEdit { file: path, range: raw.range, text: raw.text }],
                template: raw.template,
                score: raw.score,
                line: raw.line,
            });
        }
        batch
    }

    fn refill(&mut self) -> bool {
        let Some(tier) = self.tiers.pop_front() else { return false };
        let mut by_file: FxHashMap<&str, Vec<&Suspicious>> = FxHashMap::default();
        for line in &tier {
            by_file.entry(&line.file).or_default().push(line);
        }
        let mut all: Vec<(usize, Raw)> = Vec::new();
        for (at, parsed) in self.files.iter().enumerate() {
            let file = &self.request.files[parsed.index];
            let Some(lines) = by_file.get(file.path.as_str()) else { continue };
            let mut scores = vec![0.0; file.text.lines().count() + 1];
            for line in lines {
                if let Some(score) = scores.get_mut((line.line as usize).saturating_sub(1)) {
                    *score = line.score;
                }
            }
            let view = View {
                language: self.request.language,
                file,
                tree: &parsed.tree,
                facts: &parsed.facts,
                pool: &self.pool,
            };
            spread(&parsed.tree, &mut scores);
            all.extend(make(&view, &scores).into_iter().map(|raw| (at, raw)));
        }
        if self.request.endless {
            for (_, raw) in &mut all {
                raw.score *= progress(raw.template);
            }
        }
        all.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        self.queue.extend(all);
        true
    }

    /// Two edits that give the same text are one candidate.
    fn is_new(&mut self, file: usize, raw: &Raw) -> bool {
        let text = &self.request.files[self.files[file].index].text;
        let old = text.get(raw.range.clone()).unwrap_or("");
        let (old, new) = (old.as_bytes(), raw.text.as_bytes());
        let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let tail = old[head..]
            .iter()
            .rev()
            .zip(new[head..].iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        let change = String::from_utf8_lossy(&new[head..new.len() - tail]).into_owned();
        let key = (file, raw.range.start + head, raw.range.end - tail, change);
        self.seen.insert(key)
    }

    fn is_valid(&mut self, file: usize, raw: &Raw) -> bool {
        let parsed = &self.files[file];
        let source = &self.request.files[parsed.index].text;
        let edit =
            SpanEdit { file: String::new(), range: raw.range.clone(), text: raw.text.clone() };
        let Ok(text) = crate::apply_edits(source, std::slice::from_ref(&edit)) else {
            return false;
        };
        let mut old = parsed.tree.clone();
        let new_end = raw.range.start + raw.text.len();
        old.edit(&InputEdit {
            start_byte: raw.range.start,
            old_end_byte: raw.range.end,
            new_end_byte: new_end,
            start_position: point(source, raw.range.start),
            old_end_position: point(source, raw.range.end),
            new_end_position: point(&text, new_end),
        });
        self.parser
            .parse(&text, Some(&old))
            .is_some_and(|tree| crate::syntax::count(&tree) <= parsed.errors)
    }
}

/// How much likelier an edit is where a loop does not end.
fn progress(template: &str) -> f64 {
    match template {
        "statement-insert" => 2.6,
        "augmented-assignment" | "assignment-target" | "slice-bound" | "variable" => 1.2,
        "comparison-operator" | "statement-move" | "dedent" | "indent" => 1.1,
        _ => 0.8,
    }
}

fn point(text: &str, at: usize) -> Point {
    let head = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let row = head.iter().filter(|byte| **byte == b'\n').count();
    let column = head.iter().rev().take_while(|byte| **byte != b'\n').count();
    Point { row, column }
}
