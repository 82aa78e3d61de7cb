//! A consumer against the model of the server, without a network: random changes, deliveries,
//! acknowledgements, lost connections and dead processes, one step at a time.
//!
//! Whatever the order of the steps, the position stays where a naive list of what was handed out
//! says, nothing in flight is handed out twice, and whoever applied what was acknowledged ends up
//! with the objects of the server.

mod world;

use proptest::prelude::*;

use super::*;
use crate::server::object::Action;
use world::World;

#[derive(Clone, Debug)]
enum Step {
    /// An object changes so many ms after the change before.
    Change(u8, Action, u16),
    /// So many events arrive, if there are as many and nothing holds them back.
    Receive(u8),
    /// One of those in flight is acknowledged.
    Acknowledge(prop::sample::Index),
    /// The connection is lost. The next one is made at the next arrival.
    Lose,
    /// A new connection is asked for, and something is acknowledged before it stands.
    AskAndAcknowledge(prop::sample::Index),
    /// The process dies, and with it whatever was handed out and not acknowledged.
    Die,
    /// The log keeps only so many operations.
    Shrink(u8),
}

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![Action::Insert, Action::Update, Action::Delete])
}

fn step() -> impl Strategy<Value = Step> {
    // Steps of 0 ms and of less than a second: ids repeat, and seconds have several.
    let ms = prop::sample::select(vec![0_u16, 0, 1, 300, 1000, 2500]);
    prop_oneof![
        8 => (0..6_u8, action(), ms).prop_map(|(object, action, ms)| Step::Change(object, action, ms)),
        8 => (1..8_u8).prop_map(Step::Receive),
        8 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
        2 => Just(Step::Lose),
        1 => any::<prop::sample::Index>().prop_map(Step::AskAndAcknowledge),
        1 => Just(Step::Die),
        1 => (1..4_u8).prop_map(Step::Shrink),
    ]
}

/// Where the run starts, seen from the log that exists by then.
#[derive(Clone, Copy, Debug)]
enum From {
    Now,
    GivenZero,
    /// The last operation, as `--start-id`.
    GivenOperation,
    /// The second of the last operation, as `--since` sends it.
    GivenSecond,
    SavedZero,
    /// Only the `reset` of a replication was acknowledged.
    SavedReset,
    /// The last operation's time.
    SavedTime,
    SavedOperation,
    /// A second in which nothing has happened yet: the answer is a `live` with an empty id.
    SavedLater,
}

fn from() -> impl Strategy<Value = From> {
    prop::sample::select(vec![
        From::Now,
        From::GivenZero,
        From::GivenOperation,
        From::GivenSecond,
        From::SavedZero,
        From::SavedReset,
        From::SavedTime,
        From::SavedOperation,
        From::SavedLater,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_is_lost_and_nothing_in_flight_comes_twice(
        from in from(),
        cap in prop::option::of(1..8_usize),
        replicate: bool,
        steps in prop::collection::vec(step(), 0..100),
        last: prop::sample::Index,
    ) {
        let acknowledging = cap.map_or(Acknowledging::InOrder, |max_in_flight| {
            Acknowledging::ById { max_in_flight }
        });
        let choice = if replicate { OnResumeFailed::Replicate } else { OnResumeFailed::Continue };
        let mut world = World::new(from, acknowledging, choice);
        for step in &steps {
            world.take(step)?;
            prop_assert_eq!(world.consumer.position(), world.naive_position(), "after {:?}", step);
            prop_assert!(world.consumer.in_flight() <= cap.unwrap_or(0));
        }
        world.finish(last)?;
        prop_assert_eq!(world.consumer.in_flight(), 0);
        prop_assert_eq!(world.consumer.position(), world.naive_position());
        world.keep_what_is_acknowledged();
        prop_assert_eq!(world.known, world.model.objects());
    }
}
