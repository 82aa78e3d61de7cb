//! The position waits for the repair, and for nothing else.

use oplog_tail::consumer::{Acknowledging, OnResumeFailed, Start};
use oplog_tail::oplog::Position;
use oplog_tail::server::object::Action::{Insert, Update};

use crate::front::{Fate, Gate};
use crate::support::{EPOCH_MS, run};
use crate::world::{BY_ID, Setup, World};

const BOTH: [Acknowledging; 2] = [Acknowledging::InOrder, BY_ID];

fn setup(acknowledging: Acknowledging) -> Setup {
    Setup {
        acknowledging,
        ..Setup::default()
    }
}

fn newest(world: &World) -> Option<Position> {
    world.server.newest().map(Position::Operation)
}

/// Where the position stays until the repair is done: five seconds before the replication was
/// asked for, because the last state of it is younger than that.
const HELD: Position = Position::Replication((EPOCH_MS / 1000 + 3 - 5) * 1000);

/// Two objects of which the replication brings the first.
async fn replicate(world: &mut World) {
    world.change("v1", Insert, 1_000);
    world.change("v2", Insert, 2_000);
    world.change("v3", Insert, 10);
    world.catch_up().await;
    let end = Position::Replication(EPOCH_MS + 1_000);
    let expected = if world.config.backfill { HELD } else { end };
    assert_eq!(world.consumer.position(), Some(expected));
}

#[test]
fn stays_at_the_end_of_the_replication_until_the_repair_is_done() {
    for acknowledging in BOTH {
        run(async {
            let mut world = World::new(&setup(acknowledging));
            replicate(&mut world).await;
            let end = world.consumer.position();
            for number in 0..20 {
                world.change(&format!("b{number}"), Insert, 200);
                world.catch_up().await;
                assert_eq!(world.consumer.position(), end);
            }
            let gate = Gate::default();
            world.front.expect([Fate::Slow(gate.clone())]);
            world.change("v4", Insert, 6_000);
            world.catch_up().await;
            assert!(world.consumer.is_backfilling());
            assert_eq!(world.consumer.position(), end);
            gate.open();
            while world.consumer.incomplete().is_some() {
                assert_eq!(world.consumer.position(), end);
                world.read(1).await;
            }
            world.acknowledge(u8::MAX);
            // Without another operation.
            assert_eq!(world.consumer.position(), newest(&world));
        });
    }
}

/// Asked to go on after an operation, the server falls back to states, which the clock of an agent stamps.
#[test]
fn stays_five_seconds_before_an_operation_until_the_repair_is_done() {
    for (acknowledging, is_synthetic) in BOTH.into_iter().flat_map(|it| [(it, true), (it, false)]) {
        run(async {
            let mut world = World::new(&Setup {
                start: Start::Now,
                ..setup(acknowledging)
            });
            world.change("v1", Insert, 5_000);
            world.begin_now().await;
            if !is_synthetic {
                world.change("v1", Update, 1_500);
                world.catch_up().await;
                assert_eq!(world.consumer.position(), newest(&world));
            }
            let operation = world.consumer.position().unwrap();
            assert_eq!(operation.names_an_operation(), !is_synthetic);
            world.change("v2", Insert, 2_000);
            world.change("v3", Insert, 2_000);
            world.shrink(1);
            // The position of a run from now already lies five seconds early.
            let earlier = if is_synthetic { 0 } else { 5 };
            let before = Position::Replication((operation.second() - earlier) * 1000);
            for number in 0..4 {
                world.catch_up().await;
                assert_eq!(world.consumer.position(), Some(before), "{is_synthetic}");
                world.change(&format!("b{number}"), Insert, 1_000);
            }
            world.change("v4", Insert, 9_000);
            world.catch_up().await;
            world.acknowledge(u8::MAX);
            assert_eq!(world.consumer.position(), newest(&world));
            assert_eq!(world.wrong(), [""; 0]);
        });
    }
}

/// The `live` of the second connection comes long after the objects, which are acknowledged by
/// then: nothing more need come for the position to move.
#[test]
fn moves_once_the_repair_is_done_on_a_quiet_log() {
    for acknowledging in BOTH {
        run(async {
            let mut world = World::new(&setup(acknowledging));
            replicate(&mut world).await;
            world.change("v4", Insert, 9_000);
            while world.backfilled() < 2 {
                world.read(1).await;
                world.acknowledge(u8::MAX);
            }
            while world.consumer.incomplete().is_some() {
                assert_ne!(world.consumer.position(), newest(&world));
                assert_eq!(world.read(1).await, 0);
            }
            assert_eq!(world.consumer.position(), newest(&world));
        });
    }
}

#[test]
fn moves_at_once_without_the_repair() {
    for acknowledging in BOTH {
        run(async {
            let mut world = World::new(&Setup {
                backfill: false,
                ..setup(acknowledging)
            });
            replicate(&mut world).await;
            world.change("v4", Insert, 100);
            world.catch_up().await;
            assert_eq!(world.consumer.position(), newest(&world));
        });
    }
}

/// What the repair brings has to be acknowledged like everything else, though newer lines may be
/// acknowledged first.
#[test]
fn waits_for_the_acknowledgement_of_what_the_repair_brings() {
    run(async {
        let mut world = World::new(&setup(BY_ID));
        replicate(&mut world).await;
        let end = world.consumer.position();
        world.change("v4", Insert, 9_000);
        world.read(usize::MAX).await;
        assert!(world.consumer.incomplete().is_none());
        let repaired = (EPOCH_MS + 3_010).to_string();
        assert!(world.in_flight.contains(&repaired), "{:?}", world.in_flight);
        for id in std::mem::take(&mut world.in_flight) {
            if id != repaired {
                world.consumer.acknowledge(&id).unwrap();
            }
        }
        assert_eq!(world.consumer.position(), end);
        world.consumer.acknowledge(&repaired).unwrap();
        assert_eq!(world.consumer.position(), newest(&world));
    });
}

/// The repair has come to its end before what it brought is written: the position waits for that.
#[test]
fn waits_for_what_is_written_after_the_repair_is_done() {
    for acknowledging in BOTH {
        run(async {
            let mut world = World::new(&setup(acknowledging));
            replicate(&mut world).await;
            let end = world.consumer.position();
            world.change("v4", Insert, 9_000);
            assert_eq!(world.read(1).await, 1);
            world.acknowledge(u8::MAX);
            assert_eq!(world.read(usize::MAX).await, 2);
            assert!(world.consumer.incomplete().is_none());
            assert_eq!(world.consumer.position(), end);
            world.acknowledge(u8::MAX);
            assert_eq!(world.consumer.position(), newest(&world));
        });
    }
}

/// No more is out than may be, also while the main connection is down and the second one is not.
#[test]
fn no_more_is_out_than_may_be() {
    run(async {
        let max_in_flight = 3;
        let mut world = World::new(&setup(Acknowledging::ById { max_in_flight }));
        for number in 0..20 {
            world.change(&format!("b{number}"), Insert, 10);
        }
        world.catch_up().await;
        world.change("v4", Insert, 9_000);
        while world.backfilled() < 20 {
            let mut idle = 0;
            while idle < 100 && !world.consumer.is_paused() {
                match world.poll().await.unwrap() {
                    Some(operation) => world.in_flight.push(operation.id().to_owned()),
                    None => idle += 1,
                }
                tokio::task::yield_now().await;
                assert!(world.consumer.in_flight() <= max_in_flight);
            }
            // Nothing is read until this, on whatever connection.
            world.acknowledge(u8::MAX);
            assert!(idle < 100 || world.backfilled() >= 20, "it stands still");
        }
    });
}

/// A `reset` takes the place of what an earlier replication left out, once it is acknowledged.
/// Until then the position does not move past that; nor does it stay at a time after which only a
/// part would come, when whoever was handed the `reset` may have forgotten the rest.
#[test]
fn a_reset_releases_nothing_before_it_is_acknowledged() {
    for acknowledging in BOTH {
        run(async {
            let mut world = World::new(&Setup {
                on_resume_failed: OnResumeFailed::Replicate,
                ..setup(acknowledging)
            });
            replicate(&mut world).await;
            let end = world.consumer.position();
            world.change("v4", Insert, 100);
            world.catch_up().await;
            world.change("v5", Update, 100);
            world.change("v5", Update, 100);
            world.shrink(1);
            while world.replica.contains_key("video/v1") {
                assert_eq!(world.consumer.position(), end);
                if let Some(operation) = world.poll().await.unwrap() {
                    assert_eq!(operation.id(), "1");
                    world.replica.clear();
                }
                tokio::task::yield_now().await;
            }
            let from_the_beginning = Some(Position::FULL_REPLICATION);
            assert_eq!(world.consumer.position(), from_the_beginning);
            world.consumer.acknowledge_delivered();
            if acknowledging == BY_ID {
                world.consumer.acknowledge("1").unwrap();
            }
            assert_eq!(world.consumer.position(), Some(Position::Replication(1)));
            world.settle().await;
            assert_eq!(world.wrong(), [""; 0]);
        });
    }
}
