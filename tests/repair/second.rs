//! What becomes of the repair where the second connection fails.

use std::time::Instant;

use oplog_tail::oplog::Position;
use oplog_tail::server::object::Action::{Delete, Insert, Update};

use crate::front::{Fate, Gate};
use crate::support::{LONG_PATIENCE, run};
use crate::world::{BY_ID, Setup, World, with_and_without};

/// A replication that lacks two objects, and an operation that makes the repair due.
async fn let_repair_with(world: &mut World, fates: impl IntoIterator<Item = Fate>) {
    world.change("v1", Insert, 1_000);
    world.change("v2", Insert, 1_000);
    world.change("v3", Insert, 10);
    world.catch_up().await;
    world.front.expect(fates);
    world.change("v4", Insert, 9_000);
    world.catch_up().await;
}

/// Two are closed, so the third is made only after a while.
#[test]
fn closed() {
    with_and_without(&Setup::default(), async |world| {
        let_repair_with(world, [Fate::Closed, Fate::Closed]).await;
        if world.config.backfill {
            assert!(world.consumer.is_backfilling());
            assert_eq!(world.told.borrow().len(), 2, "{:?}", world.told);
            assert!(world.told.borrow()[1].starts_with("delayed"));
            // The main connection goes on meanwhile.
            world.change("v5", Insert, 100);
            world.catch_up().await;
            assert!(world.replica.contains_key("video/v5"));
            assert!(!world.replica.contains_key("video/v3"));
        }
    });
}

/// `--retries` is for the main connection to obey.
#[test]
fn closed_where_nothing_is_to_be_tried_again() {
    let setup = Setup {
        retries: Some(0),
        ..Setup::default()
    };
    with_and_without(&setup, async |world| {
        let_repair_with(world, [Fate::Closed, Fate::Closed]).await;
    });
}

/// Cut at every byte of the answer; what has come by then is not handed out again.
#[test]
fn cut_at_every_byte() {
    let mut longest = None;
    for bytes in 0.. {
        run(async {
            let mut world = World::new(&Setup::default());
            let_repair_with(&mut world, [Fate::CutAfter(bytes)]).await;
            assert!(world.consumer.incomplete().is_none(), "{bytes}");
            assert_eq!(world.wrong(), [""; 0], "{bytes}");
            assert_eq!(world.backfilled(), 2, "{bytes}");
            // Two connections where nothing was cut.
            if world.front.count() == 2 {
                longest = Some(bytes);
            }
        });
        if longest.is_some() {
            break;
        }
    }
    assert!(longest > Some(300), "{longest:?} bytes");
    with_and_without(&Setup::default(), async |world| {
        let_repair_with(world, [Fate::CutAfter(300)]).await;
    });
}

/// It answers, but nothing comes: the main connection is read all the while, the position waits.
#[test]
fn slow() {
    with_and_without(&Setup::default(), async |world| {
        let gate = Gate::default();
        let_repair_with(world, [Fate::Slow(gate.clone())]).await;
        let held = world.consumer.position();
        for number in 0..50 {
            world.change(&format!("b{number}"), Insert, 100);
            world.catch_up().await;
            assert!(world.replica.contains_key(&format!("video/b{number}")));
        }
        // What the main connection brings meanwhile is newer than what is under way.
        world.change("v3", Delete, 100);
        world.catch_up().await;
        if world.config.backfill {
            assert!(world.consumer.is_backfilling());
            assert_eq!(world.consumer.position(), held);
        }
        gate.open();
    });
}

/// It ends at its `live`.
#[test]
fn closed_when_it_has_brought_what_was_missing() {
    run(async {
        let mut world = World::new(&Setup {
            acknowledging: BY_ID,
            ..Setup::default()
        });
        let_repair_with(&mut world, []).await;
        assert_eq!((world.backfilled(), world.front.count()), (2, 2));
        assert_eq!(world.read(usize::MAX).await, 0);
        let until = Instant::now() + LONG_PATIENCE;
        while world.front.standing() > 1 {
            assert!(Instant::now() < until, "the second connection stands");
            tokio::task::yield_now().await;
        }
        assert!(world.consumer.is_connected());
        assert_eq!(world.wrong(), [""; 0]);
    });
}

/// A refusal that trying again will not change is told once, and the position moves on.
#[test]
fn refused() {
    for status in [401, 403, 404, 406] {
        for acknowledging in [oplog_tail::consumer::Acknowledging::InOrder, BY_ID] {
            run(async {
                let mut world = World::new(&Setup {
                    acknowledging,
                    ..Setup::default()
                });
                let fate = Fate::Refused(status);
                let_repair_with(&mut world, [fate.clone(), fate]).await;
                assert!(world.consumer.incomplete().is_none());
                let newest = world.server.newest().map(Position::Operation);
                assert_eq!(
                    world.consumer.position(),
                    newest,
                    "without another operation"
                );
                assert_eq!(world.wrong(), ["video/v2", "video/v3"]);
                let told = world.told.borrow().clone();
                assert_eq!(told[0], "started");
                assert!(told[1].starts_with("given up"), "{told:?}");
                assert_eq!(told.len(), 2, "{told:?}");
                world.settle().await;
                assert_eq!(*world.told.borrow(), told);
            });
        }
    }
}

/// A status that may pass is tried again.
#[test]
fn overloaded() {
    with_and_without(&Setup::default(), async |world| {
        let fate = Fate::Refused(503);
        let_repair_with(world, [fate.clone(), fate]).await;
        world.change("v2", Update, 10);
    });
}
