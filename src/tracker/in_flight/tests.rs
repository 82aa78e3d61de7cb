use super::*;
use proptest::prelude::*;

fn ms(ms: u64) -> Id {
    Id::Position(Position::Replication(ms))
}

#[test]
fn the_watermark_stays_before_the_oldest_unacknowledged() {
    let mut in_flight = InFlight::default();
    for id in 1..=4 {
        in_flight.deliver(ms(id), 0, None);
    }
    in_flight.acknowledge(&ms(2)).unwrap();
    in_flight.acknowledge(&ms(3)).unwrap();
    assert_eq!((in_flight.watermark(), in_flight.len()), (None, 2));
    in_flight.acknowledge(&ms(1)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(3)));
    assert_eq!(in_flight.acknowledge(&ms(3)), Err(NotInFlight));
    in_flight.acknowledge(&ms(4)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(4)));
    assert!(in_flight.is_empty());
}

#[test]
fn what_is_no_position_leaves_the_position_where_it_is() {
    let mut in_flight = InFlight::default();
    in_flight.deliver(ms(7), 0, None);
    in_flight.deliver(Id::new("what"), 0, None);
    in_flight.acknowledge(&Id::new("what")).unwrap();
    in_flight.acknowledge(&ms(7)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(7)));
}

#[test]
fn what_is_passed_over_follows_what_is_before_it() {
    let mut in_flight = InFlight::default();
    in_flight.pass_over(Position::Replication(1));
    assert_eq!(in_flight.watermark(), Some(Position::Replication(1)));
    in_flight.deliver(ms(2), 0, None);
    in_flight.pass_over(Position::Replication(3));
    assert_eq!(in_flight.watermark(), Some(Position::Replication(1)));
    in_flight.acknowledge(&ms(2)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(3)));
}

/// A million in flight, acknowledged from the newest to the oldest: were a step to cost what
/// is in flight, this would not end in a test's time.
#[test]
fn a_million_in_flight_cost_no_more_than_one() {
    const MANY: u64 = 1_000_000;
    let mut in_flight = InFlight::default();
    for id in 1..=MANY {
        in_flight.deliver(ms(id % 1000), id, None);
    }
    for id in (1..=MANY).rev() {
        in_flight.acknowledge(&ms(id % 1000)).unwrap();
    }
    assert!(in_flight.is_empty());
    assert_eq!(in_flight.watermark(), Some(Position::Replication(0)));
}

#[test]
fn a_pin_keeps_the_watermark_before_what_follows() {
    let mut in_flight = InFlight::default();
    in_flight.deliver(ms(1), 0, None);
    let pin = in_flight.pin();
    in_flight.deliver(ms(2), 0, None);
    in_flight.deliver(ms(3), 0, None);
    assert_eq!(in_flight.len(), 3);
    in_flight.acknowledge(&ms(2)).unwrap();
    assert_eq!(in_flight.watermark(), None);
    in_flight.acknowledge(&ms(1)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(1)));
    in_flight.unpin(pin);
    assert_eq!(in_flight.watermark(), Some(Position::Replication(2)));
    in_flight.acknowledge(&ms(3)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(3)));
    assert!(in_flight.is_empty());
}

/// What was acknowledged behind the pin counts where it is taken away and something older waits.
#[test]
fn what_a_pin_held_back_waits_for_what_is_before_it() {
    let mut in_flight = InFlight::default();
    in_flight.deliver(ms(1), 0, None);
    let pin = in_flight.pin();
    in_flight.deliver(ms(2), 0, None);
    in_flight.pass_over(Position::Replication(3));
    in_flight.acknowledge(&ms(2)).unwrap();
    in_flight.unpin(pin);
    assert_eq!(in_flight.watermark(), None);
    in_flight.acknowledge(&ms(1)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(3)));
}

#[test]
fn what_is_delivered_at_the_pin_holds_back_and_moves_nothing() {
    let mut in_flight = InFlight::default();
    in_flight.deliver(ms(7), 0, None);
    let pin = in_flight.pin();
    in_flight.deliver(ms(9), 0, None);
    in_flight.acknowledge(&ms(9)).unwrap();
    in_flight.deliver_at(&pin, ms(5), None);
    in_flight.deliver_at(&pin, ms(6), None);
    in_flight.acknowledge(&ms(7)).unwrap();
    in_flight.unpin(pin);
    // Neither to 9, before the two are acknowledged, nor to 6 by one of them.
    assert_eq!(in_flight.watermark(), Some(Position::Replication(7)));
    in_flight.acknowledge(&ms(6)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(7)));
    in_flight.acknowledge(&ms(5)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(9)));
}

/// One id, three times: the first handed out is the first acknowledged, wherever it stands.
#[test]
fn namesakes_are_acknowledged_in_the_order_they_were_handed_out() {
    let mut in_flight = InFlight::default();
    let pin = in_flight.pin();
    in_flight.deliver(ms(5), 0, None);
    in_flight.deliver_at(&pin, ms(5), None);
    in_flight.acknowledge(&ms(5)).unwrap();
    in_flight.unpin(pin);
    assert_eq!(in_flight.watermark(), None);
    in_flight.acknowledge(&ms(5)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(5)));
    assert_eq!(in_flight.acknowledge(&ms(5)), Err(NotInFlight));
}

/// The position before a pin can go back, which nothing acknowledged before the pin undoes.
#[test]
fn the_position_before_a_pin_can_be_set() {
    let mut in_flight = InFlight::default();
    in_flight.deliver(ms(7), 0, None);
    let pin = in_flight.pin();
    in_flight.deliver(ms(9), 0, None);
    in_flight.set_before(&pin, Position::Replication(2));
    in_flight.acknowledge(&ms(9)).unwrap();
    in_flight.acknowledge(&ms(7)).unwrap();
    assert_eq!(in_flight.watermark(), Some(Position::Replication(2)));
    in_flight.unpin(pin);
    assert_eq!(in_flight.watermark(), Some(Position::Replication(9)));
}

/// A pin is nobody's: it is neither counted nor listed.
#[test]
fn a_pin_is_not_in_flight() {
    let mut in_flight = InFlight::default();
    let pin = in_flight.pin();
    assert_eq!(in_flight.len(), 0);
    assert_eq!(in_flight.iter().count(), 0);
    in_flight.unpin(pin);
    assert!(in_flight.is_empty());
}

/// The same rules, written as plainly as possible.
#[derive(Default)]
struct Naive {
    /// In the order in which they hold back the watermark.
    places: Vec<Placed>,
    handed_out: usize,
}

struct Placed {
    /// `None` for a pin, and for what is passed over.
    id: Option<Id>,
    /// How many were handed out before.
    number: usize,
    acked: bool,
    reaches: Option<Position>,
}

impl Naive {
    /// Places something and returns its number.
    fn place(&mut self, at: usize, id: Option<Id>, reaches: Option<Position>) -> usize {
        let number = self.handed_out;
        let placed = Placed {
            id,
            number,
            acked: false,
            reaches,
        };
        self.handed_out += 1;
        self.places.insert(at, placed);
        number
    }

    fn pass_over(&mut self, at: usize, position: Position) {
        self.place(at, None, Some(position));
        self.places[at].acked = true;
    }

    fn index(&self, number: usize) -> usize {
        let mut places = self.places.iter();
        places.position(|placed| placed.number == number).unwrap()
    }

    fn acknowledge(&mut self, id: &Id) -> bool {
        let oldest = self
            .places
            .iter_mut()
            .filter(|placed| placed.id.as_ref() == Some(id) && !placed.acked)
            .min_by_key(|placed| placed.number);
        oldest.map(|placed| placed.acked = true).is_some()
    }

    fn watermark(&self) -> Option<Position> {
        let acked = self.places.iter().take_while(|placed| placed.acked);
        acked.filter_map(|placed| placed.reaches).last()
    }

    fn in_flight(&self) -> Vec<Id> {
        let waiting = self.places.iter().filter(|placed| !placed.acked);
        waiting.filter_map(|placed| placed.id.clone()).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Few different ids, so that they repeat.
    Deliver(u8),
    /// At one of the pins, if there is one; so do those that follow.
    DeliverAt(u8, prop::sample::Index),
    Acknowledge(u8),
    PassOver(u8),
    Pin,
    PinBefore(prop::sample::Index),
    SetBefore(u8, prop::sample::Index),
    Unpin(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let pin = any::<prop::sample::Index>;
    prop_oneof![
        6 => (0..12_u8).prop_map(Step::Deliver),
        2 => (0..12_u8, pin()).prop_map(|(id, pin)| Step::DeliverAt(id, pin)),
        8 => (0..12_u8).prop_map(Step::Acknowledge),
        1 => (0..12_u8).prop_map(Step::PassOver),
        1 => Just(Step::Pin),
        1 => pin().prop_map(Step::PinBefore),
        1 => (0..12_u8, pin()).prop_map(|(id, pin)| Step::SetBefore(id, pin)),
        2 => pin().prop_map(Step::Unpin),
    ]
}

fn id_of(number: u8) -> Id {
    match number % 5 {
        0 => Id::new(&format!("no position {number}")),
        1 => Id::Position(Position::of_second(u64::from(number))),
        _ => ms(u64::from(number)),
    }
}

/// Both of them, and the pins that stand: the real one, and the number of the naive one.
#[derive(Default)]
struct Pair {
    real: InFlight,
    naive: Naive,
    pins: Vec<(Pin, usize)>,
}

impl Pair {
    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let Self { real, naive, pins } = self;
        let end = naive.places.len();
        match *step {
            Step::Deliver(number) => {
                let id = id_of(number);
                real.deliver(id.clone(), 0, None);
                naive.place(end, Some(id.clone()), id.position());
            }
            Step::Acknowledge(number) => {
                let id = id_of(number);
                prop_assert_eq!(real.acknowledge(&id).is_ok(), naive.acknowledge(&id));
            }
            Step::PassOver(number) => {
                let position = Position::Replication(number.into());
                real.pass_over(position);
                naive.pass_over(end, position);
            }
            Step::Pin => pins.push((real.pin(), naive.place(end, None, None))),
            _ if pins.is_empty() => {}
            Step::DeliverAt(number, which) => {
                let (pin, at) = which.get(pins);
                let id = id_of(number);
                real.deliver_at(pin, id.clone(), None);
                naive.place(naive.index(*at), Some(id), None);
            }
            Step::PinBefore(which) => {
                let (pin, at) = which.get(pins);
                let before = (
                    real.pin_before(pin),
                    naive.place(naive.index(*at), None, None),
                );
                pins.push(before);
            }
            Step::SetBefore(number, which) => {
                let (pin, at) = which.get(pins);
                let position = Position::Replication(number.into());
                real.set_before(pin, position);
                naive.pass_over(naive.index(*at), position);
            }
            Step::Unpin(which) => {
                let (pin, at) = pins.swap_remove(which.index(pins.len()));
                real.unpin(pin);
                let at = naive.index(at);
                naive.places.remove(at);
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn equals_the_naive_model(steps in proptest::collection::vec(step(), 0..300)) {
        let mut pair = Pair::default();
        for step in &steps {
            pair.take(step)?;
            prop_assert_eq!(pair.real.watermark(), pair.naive.watermark());
            prop_assert_eq!(pair.real.len(), pair.naive.in_flight().len());
            prop_assert_eq!(pair.real.iter().count(), pair.real.len());
        }
        let Pair { mut real, mut naive, pins } = pair;
        for (pin, at) in pins {
            real.unpin(pin);
            naive.places.remove(naive.index(at));
        }
        for id in naive.in_flight() {
            real.acknowledge(&id).unwrap();
            naive.acknowledge(&id);
            prop_assert_eq!(real.watermark(), naive.watermark());
        }
        prop_assert!(real.is_empty());
    }
}
