//! What a consumer knows after it took in everything that was printed.

use std::collections::BTreeMap;

use serde_json::Value;

/// The objects of the log by type and id, each with its last data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replica {
    pub objects: BTreeMap<(String, String), Value>,
}

impl Replica {
    /// Takes in JSON lines, oldest first.
    pub fn of<S: AsRef<str>>(lines: &[S]) -> Self {
        let mut replica = Self::default();
        for line in lines {
            replica.apply(line.as_ref());
        }
        replica
    }

    /// What a server says its objects are: `type/id` and the data of each.
    pub fn of_objects(objects: &BTreeMap<String, String>) -> Self {
        let mut replica = Self::default();
        for data in objects.values() {
            replica.apply(&format!(r#"{{"event":"insert","data":{data}}}"#));
        }
        replica
    }

    /// Takes in one JSON line.
    pub fn apply(&mut self, line: &str) {
        let record: Value = serde_json::from_str(line).expect("a JSON line");
        let data = &record["data"];
        let field = |name: &str| data[name].as_str().expect("a string").to_owned();
        match record["event"].as_str().expect("an event") {
            "reset" => self.objects.clear(),
            "insert" | "update" | "create" => {
                self.objects
                    .insert((field("type"), field("id")), data.clone());
            }
            "delete" => {
                self.objects.remove(&(field("type"), field("id")));
            }
            _ => {}
        }
    }

    /// The objects as `type/id`.
    pub fn names(&self) -> Vec<String> {
        self.objects
            .keys()
            .map(|(kind, id)| format!("{kind}/{id}"))
            .collect()
    }
}
