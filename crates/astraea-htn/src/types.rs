//! The type hierarchy.

use rustc_hash::FxHashMap;

use crate::ast::{self, TypeRef};
use crate::diagnostic::Diagnostic;
use crate::syntax::did_you_mean;

/// Position in the table; 0 is `object`.
pub(crate) type TypeId = u16;

/// The alternatives of a declared type; empty means `object`, which everything fits.
pub(crate) type Ty = Box<[TypeId]>;

/// All types, each with the set of types above it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TypeTable {
    pub(crate) names: Vec<String>,
    by_key: FxHashMap<String, TypeId>,
    /// For each type a bit set: itself and everything above it.
    above: Vec<Vec<u64>>,
}

impl TypeTable {
    /// Builds the table; a cycle is an error.
    pub(crate) fn build(declared: &[ast::Typed], errors: &mut Vec<Diagnostic>) -> Self {
        let mut table = Self::default();
        table.intern("object");
        let mut parents: Vec<(TypeId, TypeId, ast::Name)> = Vec::new();
        for entry in declared {
            let child = table.intern(&entry.name.text);
            for parent in &entry.ty.alternatives {
                let parent_id = table.intern(&parent.text);
                parents.push((child, parent_id, entry.name.clone()));
            }
            if entry.ty.alternatives.is_empty() && child != 0 {
                parents.push((child, 0, entry.name.clone()));
            }
        }
        let words = table.words();
        table.above = (0..table.names.len())
            .map(|t| {
                let mut set = vec![0; words];
                set[t / 64] |= 1 << (t % 64);
                set[0] |= 1;
                set
            })
            .collect();
        loop {
            let mut changed = false;
            for (child, parent, _) in &parents {
                let up = table.above[usize::from(*parent)].clone();
                for (into, from) in table.above[usize::from(*child)].iter_mut().zip(up) {
                    changed |= *into | from != *into;
                    *into |= from;
                }
            }
            if !changed {
                break;
            }
        }
        for (child, parent, name) in &parents {
            let own_root = *child == 0 && *parent == 0;
            if !own_root && (child == parent || table.is_below(*parent, *child)) {
                errors.push(
                    Diagnostic::error(format!("type `{name}` is its own ancestor"), name.span)
                        .label("part of a cycle")
                        .help("remove one of the `-` that form the cycle"),
                );
            }
        }
        table
    }

    fn intern(&mut self, name: &str) -> TypeId {
        let key = name.to_ascii_lowercase();
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        // More types than fit are folded into the last one; `check` refuses such a domain.
        let id = TypeId::try_from(self.names.len()).unwrap_or(TypeId::MAX);
        self.names.push(name.to_owned());
        self.by_key.insert(key, id);
        id
    }

    /// Words of a bit set over all types.
    pub(crate) fn words(&self) -> usize {
        self.names.len().div_ceil(64)
    }

    pub(crate) fn get(&self, name: &str) -> Option<TypeId> {
        self.by_key.get(&name.to_ascii_lowercase()).copied()
    }

    /// Whether everything of type `a` is of type `b`.
    pub(crate) fn is_below(&self, a: TypeId, b: TypeId) -> bool {
        self.above[usize::from(a)][usize::from(b) / 64] >> (b % 64) & 1 == 1
    }

    /// The types above one, itself included, as a bit set.
    pub(crate) fn above(&self, t: TypeId) -> &[u64] {
        &self.above[usize::from(t)]
    }

    /// Whether everything that fits `a` fits `b`.
    pub(crate) fn covers(&self, a: &Ty, b: &Ty) -> bool {
        if b.is_empty() {
            return true;
        }
        !a.is_empty() && a.iter().all(|x| b.iter().any(|y| self.is_below(*x, *y)))
    }

    /// Whether some declared type is below both.
    pub(crate) fn overlap(&self, a: &Ty, b: &Ty) -> bool {
        let fits = |t: TypeId, ty: &Ty| ty.is_empty() || ty.iter().any(|x| self.is_below(t, *x));
        (0..self.names.len()).any(|t| {
            let t = TypeId::try_from(t).unwrap_or(TypeId::MAX);
            fits(t, a) && fits(t, b)
        })
    }

    /// Resolves a declared type.
    pub(crate) fn resolve(&self, ty: &TypeRef, errors: &mut Vec<Diagnostic>) -> Ty {
        let mut ids = Vec::new();
        for name in &ty.alternatives {
            match self.get(&name.text) {
                Some(0) => return Ty::default(),
                Some(id) => ids.push(id),
                None => {
                    let mut d = Diagnostic::error(format!("unknown type `{name}`"), name.span);
                    d.help = did_you_mean(&name.text, self.names.iter().map(String::as_str))
                        .or_else(|| Some(format!("declare it: `(:types {name})`")));
                    errors.push(d);
                }
            }
        }
        ids.into()
    }

    pub(crate) fn show(&self, ty: &Ty) -> String {
        match &**ty {
            [] => "object".to_owned(),
            [one] => self.names[usize::from(*one)].clone(),
            many => {
                let names: Vec<&str> =
                    many.iter().map(|t| self.names[usize::from(*t)].as_str()).collect();
                format!("(either {})", names.join(" "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::Typed;

    fn table(list: &[(&str, &str)]) -> (TypeTable, usize) {
        let list: Vec<Typed> = list
            .iter()
            .map(|(name, parent)| Typed { name: (*name).into(), ty: TypeRef::named(*parent) })
            .collect();
        let mut errors = Vec::new();
        let table = TypeTable::build(&list, &mut errors);
        (table, errors.len())
    }

    #[test]
    fn parents_need_not_be_declared() {
        let (types, errors) = table(&[("dog", "animal"), ("cat", "animal"), ("puppy", "DOG")]);
        assert_eq!(errors, 0);
        let id = |name: &str| types.get(name).unwrap();
        assert!(types.is_below(id("puppy"), id("animal")) && types.is_below(id("puppy"), 0));
        assert!(!types.is_below(id("dog"), id("puppy")));
        let ty = |name: &str| Ty::from([id(name)]);
        assert!(types.covers(&ty("puppy"), &ty("dog")) && !types.covers(&ty("dog"), &ty("puppy")));
        assert!(
            types.overlap(&ty("animal"), &ty("puppy")) && !types.overlap(&ty("cat"), &ty("dog"))
        );
        assert!(
            types.covers(&ty("cat"), &Ty::default()) && !types.covers(&Ty::default(), &ty("cat"))
        );
    }

    #[test]
    fn cycles_are_errors() {
        assert_eq!(table(&[("a", "b"), ("b", "c"), ("c", "a")]).1, 3);
        assert_eq!(table(&[("a", "a")]).1, 1);
        assert_eq!(table(&[("object", "object")]).1, 0);
    }
}
