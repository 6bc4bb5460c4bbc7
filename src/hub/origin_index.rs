use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use crate::chat::{Origin, Origins};

/// Who lists which origin. A look-up does not depend on how many lists there are.
///
/// Only owners make lists, each of at most 32 origins.
#[derive(Debug)]
pub(super) struct OriginIndex<K> {
    by_origin: HashMap<String, HashSet<K>>,
    lists: HashMap<K, Origins>,
}

impl<K> Default for OriginIndex<K> {
    fn default() -> Self {
        Self { by_origin: HashMap::new(), lists: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> OriginIndex<K> {
    /// Replaces a list.
    pub(super) fn set(&mut self, id: &K, origins: Origins) {
        for origin in self.lists.remove(id).iter().flat_map(Origins::iter).map(Origin::as_str) {
            if let Some(ids) = self.by_origin.get_mut(origin) {
                ids.remove(id);
                if ids.is_empty() {
                    self.by_origin.remove(origin);
                }
            }
        }
        for origin in origins.iter() {
            self.by_origin.entry(origin.as_str().to_owned()).or_default().insert(id.clone());
        }
        if !origins.is_empty() {
            self.lists.insert(id.clone(), origins);
        }
    }

    /// Whose lists have the origin itself. `*` is no origin.
    pub(super) fn listing(&self, origin: &str) -> impl Iterator<Item = &K> {
        self.by_origin.get(origin).filter(|_| origin != "*").into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_found_by_its_origins_until_it_is_replaced() {
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("an origin")).collect::<Origins>();
        let mut index = OriginIndex::default();
        index.set(&1, list(&["https://a.example", "https://b.example", "*"]));
        index.set(&2, list(&["https://b.example"]));
        let found = |index: &OriginIndex<u8>, origin: &str| {
            let mut found: Vec<u8> = index.listing(origin).copied().collect();
            found.sort_unstable();
            found
        };
        assert_eq!(found(&index, "https://a.example"), [1]);
        assert_eq!(found(&index, "https://b.example"), [1, 2]);
        for other in ["*", "https://c.example", "", "null"] {
            assert_eq!(found(&index, other), [0; 0], "{other}");
        }
        index.set(&1, list(&["https://c.example"]));
        assert_eq!([found(&index, "https://a.example"), found(&index, "https://b.example")], [vec![], vec![2]]);
        index.set(&1, Origins::default());
        index.set(&2, Origins::default());
        assert!(index.by_origin.is_empty() && index.lists.is_empty());
    }
}
