//! Which objects a subscription is about.

use crate::server::object::Object;

/// Which objects a subscription is about. An empty list lets every object through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The types to let through.
    pub types: Vec<String>,
    /// The parents of which an object must have one.
    pub parents: Vec<String>,
}

impl Filter {
    /// Whether it lets this object through.
    pub(in crate::server) fn matches(&self, object: &Object) -> bool {
        let by_type = self.types.is_empty() || self.types.iter().any(|kind| **kind == *object.kind);
        let by_parent =
            self.parents.is_empty() || object.parents.iter().any(|it| self.parents.contains(it));
        by_type && by_parent
    }
}
