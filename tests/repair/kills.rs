//! A process that dies at any step repeats and never loses.

use oplog_tail::consumer::{Acknowledging, OnResumeFailed, Start};
use oplog_tail::server::object::Action::{Delete, Insert, Update};

use crate::support::run;
use crate::world::{BY_ID, Setup, World};

/// Takes what there is, one delivery at a time. Before the `dies_at`th of all the process dies.
async fn read_on(world: &mut World, step: &mut usize, dies_at: Option<usize>, acknowledges: bool) {
    loop {
        if Some(*step) == dies_at {
            world.kill();
        }
        *step += 1;
        if world.read(1).await == 0 {
            return;
        }
        if acknowledges {
            world.acknowledge(u8::MAX);
        }
    }
}

/// A replication and a fallback, both with something left out, one delivery at a time. Before
/// the `dies_at`th of them the process dies, with everything before acknowledged or nothing since
/// the beginning. Says how many steps there were, and what is wrong at the end.
fn play(setup: &Setup, dies_at: Option<usize>, acknowledges: bool) -> (usize, Vec<String>) {
    run(async {
        let mut world = World::new(setup);
        let mut step = 0;
        world.change("v1", Insert, 1_000);
        world.change("v2", Insert, 1_000);
        world.change("v3", Insert, 10);
        for round in 0..4 {
            read_on(&mut world, &mut step, dies_at, acknowledges).await;
            match round {
                0 => {
                    world.change("v4", Insert, 1_000);
                    world.change("v5", Insert, 9_000);
                }
                1 => {
                    world.acknowledge(u8::MAX);
                    world.change("v4", Delete, 1_000);
                    world.change("v1", Delete, 100);
                    world.change("v5", Update, 0);
                    world.shrink(1);
                }
                2 => world.change("v6", Insert, 9_000),
                _ => {}
            }
        }
        world.settle().await;
        (step, world.wrong())
    })
}

/// A case: with this setup, where the process dies, and whether it acknowledges. Says how many steps
/// there were, and what is wrong at the end.
type Play = fn(&Setup, Option<usize>, bool) -> (usize, Vec<String>);

/// Plays a case of more than `least` steps without a death, and with one at every step. Where
/// `needs_repair`, something is wrong without the repair.
fn dies_at_every_step(play: Play, setup: &Setup, least: usize, needs_repair: bool) {
    for acknowledges in [true, false] {
        let (steps, wrong) = play(setup, None, acknowledges);
        assert_eq!(wrong, [""; 0]);
        assert!(steps > least, "{steps}");
        let place = format!(
            "{acknowledges}, {:?}, {}",
            setup.acknowledging, setup.taker_offset_ms
        );
        for dies_at in 0..steps {
            let (_, wrong) = play(setup, Some(dies_at), acknowledges);
            assert_eq!(wrong, [""; 0], "{dies_at} of {steps}, {place}");
        }
        if needs_repair {
            // Where it dies can happen to bring what is missing, but not everywhere.
            let setup = Setup {
                backfill: false,
                ..setup.clone()
            };
            let lose = |dies_at: &usize| !play(&setup, Some(*dies_at), acknowledges).1.is_empty();
            let losing = (0..steps).filter(lose).count();
            assert!(losing > steps / 3, "{losing} of {steps}, {place}");
        }
    }
}

#[test]
fn killed_at_every_step() {
    for taker_offset_ms in [-2_500, 0, 2_500] {
        for acknowledging in [Acknowledging::InOrder, BY_ID] {
            let setup = Setup {
                taker_offset_ms,
                acknowledging,
                ..Setup::default()
            };
            dies_at_every_step(play, &setup, 12, true);
        }
    }
}

/// From now on, the connection lost before the first operation: only states since the second of
/// that connection come, by the clock of the agent that answered. That of the one which takes the
/// operations in, and stamps the states, may be behind. Before the `dies_at`th delivery the process
/// dies. Says how many steps there were, and what is wrong.
fn play_from_now(
    setup: &Setup,
    dies_at: Option<usize>,
    acknowledges: bool,
) -> (usize, Vec<String>) {
    run(async {
        let mut world = World::new(setup);
        let mut step = 0;
        world.change("v1", Insert, 5_000);
        world.change("v2", Insert, 0);
        world.begin_now().await;
        world.server.drop_connections();
        world.change("v1", Update, 300);
        world.change("v2", Delete, 300);
        world.change("v3", Insert, 3_000);
        for round in 0..2 {
            read_on(&mut world, &mut step, dies_at, acknowledges).await;
            if round == 0 {
                world.change("v4", Insert, 9_000);
            }
        }
        world.settle().await;
        (step, world.wrong())
    })
}

#[test]
fn killed_at_every_step_of_a_run_from_now() {
    for taker_offset_ms in [2_500, 0, -2_500, -3_000] {
        for acknowledging in [Acknowledging::InOrder, BY_ID] {
            let setup = Setup {
                taker_offset_ms,
                acknowledging,
                start: Start::Now,
                ..Setup::default()
            };
            dies_at_every_step(play_from_now, &setup, 4, taker_offset_ms > 0);
        }
    }
}

/// A full replication in place of a fallback, while another one waits for its repair: the position
/// is a time by then. Whoever has been handed the `reset` has forgotten everything, so the next
/// run must not go on from that time.
#[test]
fn killed_after_a_reset() {
    // By id, the `reset` stays unacknowledged, or everything is acknowledged that has to be.
    for (acknowledging, stays_paused) in [
        (Acknowledging::InOrder, false),
        (BY_ID, true),
        (BY_ID, false),
    ] {
        for dies_after in 0..8 {
            run(async {
                let mut world = World::new(&Setup {
                    acknowledging,
                    on_resume_failed: OnResumeFailed::Replicate,
                    ..Setup::default()
                });
                world.change("v1", Insert, 1_000);
                world.change("v2", Insert, 5_000);
                world.change("v3", Insert, 2_000);
                world.change("v4", Insert, 10);
                world.catch_up().await;
                world.change("v5", Insert, 1_000);
                world.catch_up().await;
                world.change("v6", Insert, 1_000);
                world.change("v6", Update, 1_000);
                world.shrink(1);
                world.stays_paused = stays_paused;
                // The `reset`, five objects and `live`.
                let taken = world.read(dies_after).await;
                assert_eq!(taken, dies_after.min(if stays_paused { 1 } else { 7 }));
                world.stays_paused = false;
                world.kill();
                world.settle().await;
                let place = format!("after {dies_after}, {acknowledging:?}");
                assert_eq!(world.wrong(), [""; 0], "{place}");
            });
        }
    }
}
