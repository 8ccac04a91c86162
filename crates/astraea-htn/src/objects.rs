//! The objects of a state: names, types, and the members of each type.

use rustc_hash::FxHashMap;

use crate::atom::Word;
use crate::types::{Ty, TypeId, TypeTable};

/// Position in the table.
pub(crate) type Obj = u32;

/// All objects. The domain's constants come first, so that their positions are the same in every state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    pub(crate) names: Vec<Word>,
    exact: FxHashMap<String, Obj>,
    folded: FxHashMap<String, Obj>,
    words: usize,
    bits: Vec<u64>,
    /// For each type its members.
    members: Vec<Vec<Obj>>,
    /// Whether some object is of two types of which neither is above the other.
    pub(crate) mixed: bool,
}

impl Objects {
    pub(crate) fn new(types: &TypeTable) -> Self {
        Self {
            words: types.words(),
            members: vec![Vec::new(); types.names.len()],
            ..Self::default()
        }
    }

    /// Declares an object, or finds it. With `fold`, names that differ in letter case are the same.
    pub(crate) fn declare(&mut self, name: &str, ty: &Ty, types: &TypeTable, fold: bool) -> Obj {
        let known = if fold { self.find(name) } else { self.exact.get(name).copied() };
        let obj = known.unwrap_or_else(|| {
            let obj = Obj::try_from(self.names.len()).unwrap_or(Obj::MAX);
            self.names.push(name.into());
            self.bits.resize(self.bits.len() + self.words, 0);
            self.exact.insert(name.to_owned(), obj);
            self.folded.entry(name.to_ascii_lowercase()).or_insert(obj);
            obj
        });
        let mut set = vec![0u64; self.words];
        let root = [0];
        for t in if ty.is_empty() { &root[..] } else { ty } {
            for (into, from) in set.iter_mut().zip(types.above(*t)) {
                *into |= from;
            }
        }
        for t in 0..self.members.len() {
            let bit = 1u64 << (t % 64);
            let word = obj as usize * self.words + t / 64;
            if set[t / 64] & bit != 0 && self.bits[word] & bit == 0 {
                self.bits[word] |= bit;
                self.members[t].push(obj);
            }
        }
        if known.is_some() || ty.len() > 1 {
            let own = &self.bits[obj as usize * self.words..][..self.words];
            self.mixed |= (0..self.members.len()).all(|t| types.above(t as TypeId) != own);
        }
        obj
    }

    /// By exact spelling, else without regard to case.
    pub(crate) fn find(&self, name: &str) -> Option<Obj> {
        if let Some(obj) = self.exact.get(name) {
            return Some(*obj);
        }
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            self.folded.get(&name.to_ascii_lowercase()).copied()
        } else {
            self.folded.get(name).copied()
        }
    }

    /// The name, to keep.
    pub(crate) fn word(&self, obj: Obj) -> Word {
        self.names.get(obj as usize).cloned().unwrap_or_default()
    }

    pub(crate) fn name(&self, obj: Obj) -> &str {
        self.names.get(obj as usize).map_or("?", Word::as_str)
    }

    /// Whether the object is of the type.
    #[inline]
    pub(crate) fn fits(&self, obj: Obj, ty: &[u16]) -> bool {
        ty.is_empty()
            || ty.iter().any(|t| {
                let word = obj as usize * self.words + usize::from(*t) / 64;
                self.bits[word] >> (t % 64) & 1 == 1
            })
    }

    /// How many objects there may be in an enumeration of the type.
    #[inline]
    pub(crate) fn candidates(&self, ty: &[u16]) -> usize {
        match ty {
            [one] => self.members[usize::from(*one)].len(),
            _ => self.names.len(),
        }
    }

    /// The `i`-th candidate of an enumeration; `None` where it is not of the type.
    #[inline]
    pub(crate) fn candidate(&self, ty: &[u16], i: usize) -> Option<Obj> {
        match ty {
            [one] => self.members[usize::from(*one)].get(i).copied(),
            _ => {
                let obj = Obj::try_from(i).unwrap_or(Obj::MAX);
                self.fits(obj, ty).then_some(obj)
            }
        }
    }
}
