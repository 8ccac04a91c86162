//! Lists of numbers, each kept once and known by a number.

use crate::store::{NONE, mix};

/// Gives every distinct list of words a number, in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    words: Vec<u32>,
    ends: Vec<u32>,
    keys: Vec<u32>,
    slots: Vec<u32>,
}

impl Interner {
    /// The number of the list, and whether it is new.
    pub(crate) fn intern(&mut self, list: &[u32]) -> (u32, bool) {
        if (self.ends.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let key = key_of(list);
        let mask = self.slots.len() - 1;
        let mut i = key as usize & mask;
        loop {
            let id = self.slots[i];
            if id == NONE {
                break;
            }
            if self.keys[id as usize] == key && self.get(id) == list {
                return (id, false);
            }
            i = (i + 1) & mask;
        }
        let id = self.ends.len() as u32;
        self.slots[i] = id;
        self.words.extend_from_slice(list);
        self.ends.push(self.words.len() as u32);
        self.keys.push(key);
        (id, true)
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(size, NONE);
        let mask = size - 1;
        for (id, key) in self.keys.iter().enumerate() {
            let mut i = *key as usize & mask;
            while self.slots[i] != NONE {
                i = (i + 1) & mask;
            }
            self.slots[i] = id as u32;
        }
    }

    /// The list with this number.
    pub(crate) fn get(&self, id: u32) -> &[u32] {
        let start = if id == 0 { 0 } else { self.ends[id as usize - 1] };
        &self.words[start as usize..self.ends[id as usize] as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        4 * (self.words.capacity()
            + self.ends.capacity()
            + self.keys.capacity()
            + self.slots.capacity())
    }

    /// Whether the words still can be counted.
    pub(crate) fn is_full(&self) -> bool {
        self.words.len() > (u32::MAX / 2) as usize
    }
}

fn key_of(list: &[u32]) -> u32 {
    let mut h = list.len() as u64;
    for pair in list.chunks(2) {
        let word = u64::from(pair[0]) | u64::from(pair.get(1).copied().unwrap_or(0)) << 32;
        h = mix(h.rotate_left(7) ^ word.wrapping_add(0x9e37_79b9_7f4a_7c15));
    }
    (h ^ (h >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_one_number() {
        let mut lists = Interner::default();
        for n in 0..1000u32 {
            assert_eq!(lists.intern(&[n, n / 2, 7]), (2 * n, true));
            assert_eq!(lists.intern(&[n]), (2 * n + 1, true));
        }
        assert_eq!(lists.intern(&[30, 15, 7]), (60, false));
        assert_eq!(lists.get(60), [30, 15, 7]);
        assert_eq!(lists.len(), 2000);
    }
}
