//! Which objects are compared: the same on both sides.

use reqwest::Url;

use crate::oplog::Object;

/// The filters that the server applies, for the dump. An empty list lets every object through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    types: Vec<String>,
    parents: Vec<String>,
}

impl Filter {
    /// What the query of this URL asks the server for. Like the server it heeds the first filter of
    /// each name, and splits it at commas once it is decoded.
    pub(super) fn of(url: &Url) -> Self {
        let list = |name: &str| {
            let (_, list) = url.query_pairs().find(|(own, _)| own == name)?;
            let values = list.split(',').filter(|value| !value.is_empty());
            Some(values.map(str::to_owned).collect())
        };
        Self {
            types: list("types").unwrap_or_default(),
            parents: list("parents").unwrap_or_default(),
        }
    }

    /// Whether this object is compared: its type is one of the types, and one of its parents is one
    /// of the parents.
    pub(super) fn matches(&self, object: Object<'_>) -> bool {
        let by_type = self.types.is_empty() || self.types.iter().any(|kind| kind == object.kind);
        if !by_type || self.parents.is_empty() {
            return by_type;
        }
        let mut has_parent = false;
        object.for_each_parent(|parent| has_parent |= self.parents.iter().any(|it| it == parent));
        has_parent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oplog::{Operation, Record};

    fn matches(query: &str, kind: &str, parents: &str) -> bool {
        let url = Url::parse(&format!("http://h/?{query}")).unwrap();
        let data = format!(r#"{{"timestamp":"t","type":"{kind}","id":"1","parents":{parents}}}"#);
        let operation = Operation::new(Record::new("1", "insert", &data)).unwrap();
        Filter::of(&url).matches(operation.object().unwrap())
    }

    #[test]
    fn heeds_what_the_server_heeds() {
        for (query, kind, parents, expected) in [
            ("", "video", "null", true),
            ("types=video", "video", "[]", true),
            ("types=user,video", "video", "[]", true),
            ("types=user%2Cvideo", "video", "[]", true),
            ("types=user", "video", "[]", false),
            ("types=user&types=video", "video", "[]", false),
            ("types=", "video", "[]", true),
            ("parents=user/1", "video", r#"["user/2","user/1"]"#, true),
            ("parents=user/1,user/3", "video", r#"["user/2"]"#, false),
            ("parents=user/1", "video", "null", false),
            ("parents=caf%C3%A9/1", "video", r#"["caf\u00e9/1"]"#, true),
            ("types=user&parents=a", "video", r#"["a"]"#, false),
        ] {
            assert_eq!(matches(query, kind, parents), expected, "{query}");
        }
    }
}
