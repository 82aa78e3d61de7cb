//! What somebody has built who applied the lines in their order.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use oplog_tail::oplog::{Event, Operation};

/// Objects by type and id.
pub type Objects = BTreeMap<String, String>;

#[derive(Debug)]
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
    fn of(operation: &Operation) -> Self {
        let object = operation.object();
        let key = object.map(|object| format!("{}/{}", object.kind, object.id));
        match (operation.event(), key) {
            (Event::Reset, _) => Self::Everything,
            (Event::Delete, Some(key)) => Self::Object(key, None),
            (_, Some(key)) => Self::Object(key, Some(operation.data().to_owned())),
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

/// The objects as built from every line that was handed out.
#[derive(Debug, Default)]
pub struct Replica {
    objects: Objects,
    /// As they were when the process began.
    before: Objects,
    /// What it has handed out.
    lines: Vec<Line>,
}

impl Replica {
    /// These are known, wherever from.
    pub fn know(&mut self, objects: Objects) {
        *self = Self {
            before: objects.clone(),
            objects,
            lines: Vec::new(),
        };
    }

    pub fn apply(&mut self, operation: &Operation) {
        let change = Change::of(operation);
        change.clone().apply(&mut self.objects);
        self.lines.push(Line {
            id: operation.id().to_owned(),
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
