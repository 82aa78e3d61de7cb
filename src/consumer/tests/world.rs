//! A server, a consumer and whoever handles what it hands out, moved on step by step.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::task::Waker;

use proptest::prelude::*;

use super::super::*;
use super::{From, Step};
use crate::oplog::Record;
use crate::server::model::{Filter, Model, ModelConfig, Polled, Subscription};
use crate::server::object::{Action, Change};

/// When the log begins, UNIX ms.
const BEGIN_MS: u64 = 1_795_456_511_000;

fn config(start: Start, acknowledging: Acknowledging, on_resume_failed: OnResumeFailed) -> Config {
    Config {
        start,
        on_resume_failed,
        backfill: false,
        acknowledging,
        ..Config::of(Vec::new())
    }
}

/// Something handed out, as whoever handles it sees it.
#[derive(Clone, Debug)]
struct Handed {
    id: String,
    event: String,
    data: String,
    acknowledged: bool,
}

impl Handed {
    fn is_same(&self, other: &Self) -> bool {
        (&self.id, &self.event, &self.data) == (&other.id, &other.event, &other.data)
    }
}

pub(super) struct World {
    pub model: Model,
    clock_ms: u64,
    config: Config,
    pub consumer: Consumer,
    /// Set when the consumer gives a connection up because it resumed from nowhere.
    given_up: Rc<Cell<bool>>,
    connection: Option<Subscription>,
    arriving: VecDeque<Record>,
    /// Everything this process handed out, oldest first, but for what needs no acknowledgement.
    handed_out: Vec<Handed>,
    /// The position before all of that.
    began_at: Option<Position>,
    /// The objects as known from what was acknowledged before this process.
    pub known: BTreeMap<String, String>,
}

impl World {
    pub(super) fn new(from: From, acknowledging: Acknowledging, choice: OnResumeFailed) -> Self {
        let mut model = Model::new(ModelConfig {
            // The last-second fault of oplogd loses states on purpose; what is shown here is that
            // the consumer loses none.
            lossy: false,
            ..ModelConfig::default()
        });
        let mut last = None;
        for object in 0..4 {
            last = Some(model.append(&change(object, Action::Insert), BEGIN_MS));
        }
        let operation = Position::Operation(last.unwrap());
        let second = |ms: u64| Position::of_second(ms / 1000);
        let (start, saved) = match from {
            From::Now => (Start::Now, None),
            From::GivenZero => (Start::At(Position::FULL_REPLICATION), None),
            From::GivenOperation => (Start::At(operation), None),
            From::GivenSecond => (Start::At(second(BEGIN_MS)), None),
            From::SavedZero => (Start::Now, Some(Position::FULL_REPLICATION)),
            From::SavedReset => (Start::Now, Some(Position::Replication(1))),
            From::SavedTime => (Start::Now, Some(Position::Replication(BEGIN_MS))),
            From::SavedOperation => (Start::Now, Some(operation)),
            From::SavedLater => (Start::Now, Some(second(BEGIN_MS + 2000))),
        };
        let known = match from {
            From::SavedReset => BTreeMap::new(),
            From::GivenZero | From::SavedZero => [("ghost/1".into(), "{}".into())].into(),
            _ => model.objects(),
        };
        let config = config(start, acknowledging, choice);
        let (consumer, given_up) = consumer(&config);
        let mut world = Self {
            model,
            // Changes to come lie after `SavedLater`.
            clock_ms: BEGIN_MS + 2000,
            config,
            consumer,
            given_up,
            connection: None,
            arriving: VecDeque::new(),
            handed_out: Vec::new(),
            began_at: None,
            known,
        };
        if let Some(saved) = saved {
            world.consumer.set_position(saved);
        }
        // What happens before the first connection is nothing to a run that starts from now.
        if let From::Now = from {
            world.connect();
        }
        world.began_at = world.consumer.position();
        world
    }

    fn change(&mut self, object: u8, action: Action, later_ms: u16) {
        self.clock_ms += u64::from(later_ms);
        self.model.append(&change(object, action), self.clock_ms);
    }

    fn lose(&mut self) {
        self.connection = None;
        self.arriving.clear();
    }

    fn connect(&mut self) {
        let asked = self
            .consumer
            .tracker
            .ask()
            .map(|position| position.to_string());
        self.answer(asked.as_deref());
    }

    fn answer(&mut self, asked: Option<&str>) {
        let subscription = self.model.subscribe(asked, Filter::default());
        self.connection = Some(subscription.unwrap());
        let second = self.clock_ms / 1000;
        self.consumer.opened(Answered::new(Some(second), second));
    }

    /// Lets the next event arrive; whether one did.
    fn receive(&mut self) -> Result<bool, TestCaseError> {
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(delivery) = self.consumer.poll_reset(&mut cx) {
            return self.hand_out(delivery).map(|()| true);
        }
        if self.consumer.is_paused() {
            return Ok(false);
        }
        let Some(connection) = &mut self.connection else {
            self.connect();
            return Ok(true);
        };
        while self.arriving.is_empty() {
            let mut bytes = Vec::new();
            let polled = self.model.poll(connection, &mut bytes);
            self.arriving.extend(events(&bytes));
            match polled {
                Polled::More => {}
                Polled::Waiting if self.arriving.is_empty() => return Ok(false),
                Polled::Waiting => break,
                Polled::Ended => {
                    self.lose();
                    return Ok(true);
                }
            }
        }
        let event = self.arriving.pop_front().unwrap();
        let delivery = self.consumer.receive(event).unwrap();
        if self.given_up.take() {
            prop_assert!(delivery.is_none(), "nothing of the fallback is handed out");
            self.lose();
        }
        delivery.map_or(Ok(()), |delivery| self.hand_out(delivery))?;
        Ok(true)
    }

    fn hand_out(&mut self, delivery: Delivery) -> Result<(), TestCaseError> {
        let Delivery::Operation(operation) = delivery else {
            return Err(TestCaseError::fail("the model sends nothing invalid"));
        };
        let handed = Handed {
            id: operation.id().into(),
            event: operation.event().name().into(),
            data: operation.data().into(),
            acknowledged: false,
        };
        if handed.id.is_empty() {
            return Ok(());
        }
        if self.config.acknowledging != Acknowledging::InOrder {
            let mut waiting = self.handed_out.iter().filter(|h| !h.acknowledged);
            let alone = match handed.event.as_str() {
                "reset" => waiting.next().is_none(),
                _ => !waiting.any(|before| before.event == "reset"),
            };
            prop_assert!(alone, "{handed:?} beside a reset");
            let since_reset = self.handed_out.iter().rev();
            let mut since_reset = since_reset.take_while(|before| before.event != "reset");
            let twice = since_reset.any(|before| !before.acknowledged && before.is_same(&handed));
            prop_assert!(!twice, "{handed:?} is in flight already");
        }
        self.handed_out.push(handed);
        Ok(())
    }

    fn acknowledge(&mut self, which: prop::sample::Index) {
        if self.config.acknowledging == Acknowledging::InOrder {
            self.consumer.acknowledge_delivered();
            self.handed_out
                .iter_mut()
                .for_each(|handed| handed.acknowledged = true);
            return;
        }
        let in_flight: Vec<_> = self.handed_out.iter().filter(|h| !h.acknowledged).collect();
        if in_flight.is_empty() {
            return;
        }
        let id = which.get(&in_flight).id.clone();
        self.consumer.acknowledge(&id).unwrap();
        let mut handed_out = self.handed_out.iter_mut();
        let oldest = handed_out.find(|handed| handed.id == id && !handed.acknowledged);
        oldest.unwrap().acknowledged = true;
    }

    fn die(&mut self) {
        let position = self.consumer.position();
        self.lose();
        self.keep_what_is_acknowledged();
        (self.consumer, self.given_up) = consumer(&self.config);
        if let Some(position) = position {
            self.consumer.set_position(position);
        }
        self.began_at = self.consumer.position();
    }

    pub(super) fn keep_what_is_acknowledged(&mut self) {
        for handed in self.handed_out.drain(..).filter(|h| h.acknowledged) {
            apply(&mut self.known, &handed);
        }
    }

    /// The position as the list of what was handed out has it. Whoever was handed a `reset` can
    /// only begin again until it is acknowledged.
    pub(super) fn naive_position(&self) -> Option<Position> {
        let is_reset = |handed: &&Handed| handed.event == "reset";
        let last_reset = self.handed_out.iter().rfind(is_reset);
        if last_reset.is_some_and(|reset| !reset.acknowledged) {
            return Some(Position::FULL_REPLICATION);
        }
        let acknowledged = self.handed_out.iter().take_while(|h| h.acknowledged);
        acknowledged
            .last()
            .map(|handed| handed.id.parse().unwrap())
            .or(self.began_at)
    }

    pub(super) fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Change(object, action, later_ms) => self.change(*object, *action, *later_ms),
            Step::Receive(count) => {
                for _ in 0..*count {
                    self.receive()?;
                }
            }
            Step::Acknowledge(which) => self.acknowledge(*which),
            Step::Lose => self.lose(),
            Step::AskAndAcknowledge(which) => {
                self.lose();
                if self.consumer.is_paused() {
                    // Nothing is read, so nobody notices.
                    return Ok(());
                }
                let asked = self
                    .consumer
                    .tracker
                    .ask()
                    .map(|position| position.to_string());
                self.acknowledge(*which);
                self.answer(asked.as_deref());
            }
            Step::Die => self.die(),
            Step::Shrink(operations) => self.model.shrink_log((*operations).into()),
        }
        Ok(())
    }

    /// Receives and acknowledges everything there is.
    pub(super) fn finish(&mut self, which: prop::sample::Index) -> Result<(), TestCaseError> {
        while self.receive()? || self.handed_out.iter().any(|h| !h.acknowledged) {
            self.acknowledge(which);
        }
        Ok(())
    }
}

fn consumer(config: &Config) -> (Consumer, Rc<Cell<bool>>) {
    let given_up = Rc::new(Cell::new(false));
    let told = Rc::clone(&given_up);
    let observer = Box::new(move |notice: Notice<'_>| {
        if let Notice::ResumeFailed { choice, .. } = notice {
            told.set(choice == OnResumeFailed::Replicate);
        }
    });
    (Consumer::new(config.clone(), None, observer), given_up)
}

fn change(object: u8, action: Action) -> Change {
    Change::new(action, "video", &object.to_string())
}

fn apply(objects: &mut BTreeMap<String, String>, handed: &Handed) {
    let key = || {
        let data: serde_json::Value = serde_json::from_str(&handed.data).unwrap();
        format!(
            "{}/{}",
            data["type"].as_str().unwrap(),
            data["id"].as_str().unwrap()
        )
    };
    match handed.event.as_str() {
        "reset" => objects.clear(),
        "delete" => drop(objects.remove(&key())),
        "live" => {}
        _ => drop(objects.insert(key(), handed.data.clone())),
    }
}

/// The events as the parser hands them over, data of markers made empty.
fn events(bytes: &[u8]) -> Vec<Record> {
    let text = std::str::from_utf8(bytes).unwrap();
    let field = |block: &'_ str, name: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
    };
    text.split_terminator("\n\n")
        .map(|block| {
            let [id, data] = ["id", "data"].map(|name| field(block, name).unwrap_or_default());
            Record::new(&id, &field(block, "event").unwrap(), &data)
        })
        .collect()
}
