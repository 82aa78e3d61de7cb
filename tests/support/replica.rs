//! What somebody has built who applied the operations in their order.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use oplog_tail::oplog::Operation;
use serde_json::Value;
use serde_json::value::RawValue;

/// The data of objects, by type and id: `type/id`.
pub type Objects = BTreeMap<String, String>;

/// A line of JSON, as far as a replica needs it.
#[derive(serde::Deserialize)]
struct Record<'a> {
    #[serde(default)]
    id: String,
    event: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// An operation that was handed out.
#[derive(Clone, Debug)]
struct Line {
    id: String,
    change: Change,
    acknowledged: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Everything,
    Object(String, Option<String>),
    Nothing,
}

impl Change {
    /// What an event of this name does to the object of this key.
    fn of(event: &str, key: Option<String>, data: &str) -> Self {
        match (event, key) {
            ("reset", _) => Self::Everything,
            ("delete", Some(key)) => Self::Object(key, None),
            ("insert" | "update" | "create", Some(key)) => Self::Object(key, Some(data.to_owned())),
            _ => Self::Nothing,
        }
    }

    fn apply(self, objects: &mut Objects) {
        match self {
            Self::Everything => objects.clear(),
            Self::Object(key, Some(data)) => drop(objects.insert(key, data)),
            Self::Object(key, None) => drop(objects.remove(&key)),
            Self::Nothing => {}
        }
    }
}

/// The objects as built from everything that was handed out.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    objects: Objects,
    /// As they were when the process began.
    before: Objects,
    /// What it has handed out.
    lines: Vec<Line>,
}

impl Replica {
    /// One that has taken in these JSON lines, oldest first.
    pub fn of<S: AsRef<str>>(lines: &[S]) -> Self {
        let mut replica = Self::default();
        for line in lines {
            replica.apply_line(line.as_ref());
        }
        replica
    }

    /// One that knows these objects, wherever from.
    pub fn of_objects(objects: Objects) -> Self {
        Self {
            before: objects.clone(),
            objects,
            lines: Vec::new(),
        }
    }

    /// Takes in a JSON line.
    pub fn apply_line(&mut self, line: &str) {
        let record: Record = serde_json::from_str(line).expect("a JSON line");
        let data = record.data.map_or("{}", RawValue::get);
        let object: Value = serde_json::from_str(data).expect("JSON");
        let key = object["type"].as_str().zip(object["id"].as_str());
        let key = key.map(|(kind, id)| format!("{kind}/{id}"));
        self.take(record.id, Change::of(&record.event, key, data));
    }

    /// Takes in an operation.
    pub fn apply(&mut self, operation: &Operation) {
        let object = operation.object();
        let key = object.map(|object| format!("{}/{}", object.kind, object.id));
        let change = Change::of(operation.event().name(), key, operation.data());
        self.take(operation.id().to_owned(), change);
    }

    fn take(&mut self, id: String, change: Change) {
        change.clone().apply(&mut self.objects);
        self.lines.push(Line {
            id,
            change,
            acknowledged: false,
        });
    }

    /// Every line, or the oldest of this id, is acknowledged.
    pub fn acknowledge(&mut self, id: Option<&str>) {
        let lines = self.lines.iter_mut().filter(|line| !line.acknowledged);
        let lines = lines.filter(|line| id.is_none_or(|id| line.id == id));
        let most = if id.is_some() { 1 } else { usize::MAX };
        lines.take(most).for_each(|line| line.acknowledged = true);
    }

    /// The process ends. What it has handed out has reached whoever handles it, or only what is
    /// acknowledged has.
    pub fn process_ends(&mut self, all_has_come: bool) {
        let lines = std::mem::take(&mut self.lines);
        if !all_has_come {
            self.objects = std::mem::take(&mut self.before);
            for line in lines.into_iter().filter(|line| line.acknowledged) {
                line.change.apply(&mut self.objects);
            }
        }
        self.before = self.objects.clone();
    }

    /// The objects as `type/id`.
    pub fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }

    /// Which objects are not as they should be.
    pub fn wrong(&self, expected: &Objects) -> Vec<String> {
        let mut keys: Vec<_> = self.keys().chain(expected.keys()).collect();
        keys.sort();
        keys.dedup();
        keys.retain(|key| self.get(*key) != expected.get(*key));
        keys.into_iter().cloned().collect()
    }
}

/// Two are equal where their objects are, however they came to them.
impl PartialEq for Replica {
    fn eq(&self, other: &Self) -> bool {
        self.objects == other.objects
    }
}

impl Deref for Replica {
    type Target = Objects;

    fn deref(&self) -> &Objects {
        &self.objects
    }
}

impl DerefMut for Replica {
    fn deref_mut(&mut self) -> &mut Objects {
        &mut self.objects
    }
}
