//! What the server leaves out, case by case.

use oplog_tail::consumer::{OnResumeFailed, Start};
use oplog_tail::oplog::Position;
use oplog_tail::server::object::{Action, Change};

use crate::support::EPOCH_MS;
use crate::world::{Setup, World, with_and_without};
use Action::{Delete, Insert, Update};

/// Operations that make the repair due.
async fn let_repair(world: &mut World) {
    world.change("late", Update, 9_000);
    world.catch_up().await;
}

/// A replica of four objects that lacks nothing, repaired or not: all of them change after `live`.
async fn replicate_completely(world: &mut World) {
    world.catch_up().await;
    for id in ["v1", "v2", "v3", "v4"] {
        world.change(id, Insert, 1_500);
    }
    let_repair(world).await;
    assert_eq!(world.wrong(), [""; 0]);
    world.pass(20_000);
}

#[test]
fn a_busy_log() {
    with_and_without(&Setup::default(), async |world| {
        for number in 0..60 {
            world.change(&format!("b{number}"), Insert, 50);
        }
        world.read(1).await;
        for number in 60..300 {
            world.change(&format!("b{number}"), Insert, 50);
            world.read(3).await;
        }
    });
}

/// All operations of the log in one second: the replication brings nothing at all.
#[test]
fn a_log_of_one_second() {
    with_and_without(&Setup::default(), async |world| {
        for number in 0..10 {
            world.change(&format!("b{number}"), Insert, 50);
        }
        world.catch_up().await;
        assert_eq!(world.replica.len(), 0);
        let_repair(world).await;
    });
}

/// What is missing is the last change, until another one happens.
#[test]
fn a_quiet_log() {
    with_and_without(&Setup::default(), async |world| {
        for id in ["v1", "v2", "v3"] {
            world.change(id, Insert, 60_000);
        }
        world.pass(3_600_000);
        world.catch_up().await;
        assert!(!world.has("v3"));
        world.pass(3_600_000);
        world.catch_up().await;
        assert!(
            !world.consumer.is_backfilling(),
            "nothing shows that it can"
        );
        world.change("v4", Insert, 0);
        world.catch_up().await;
        assert_eq!(world.has("v3"), world.config.backfill);
    });
}

#[test]
fn clocks_three_seconds_apart() {
    // Of the agent that answers and of the one that takes operations in.
    for (agent_offset_ms, taker_offset_ms) in [(0, 3_000), (0, -3_000), (-3_000, 0), (3_000, 0)] {
        let setup = Setup {
            agent_offset_ms,
            taker_offset_ms,
            ..Setup::default()
        };
        with_and_without(&setup, async |world| {
            for number in 0..50 {
                world.change(&format!("b{number}"), Insert, 130);
            }
            world.read(1).await;
            for number in 50..90 {
                world.change(&format!("b{number}"), Insert, 130);
                world.read(2).await;
            }
            // Where the clock of states is behind, replications lack nothing; but a fallback
            // from the second of an operation lacks what happened within that time.
            world.catch_up().await;
            world.change("b0", Delete, 500);
            world.change("b1", Update, 100);
            world.shrink(1);
            world.catch_up().await;
        });
    }
}

/// Operations have left the log: the states since then come, but for those of the last second.
#[test]
fn a_fallback() {
    with_and_without(&Setup::default(), async |world| {
        replicate_completely(world).await;
        world.change("v1", Update, 0);
        world.change("v2", Update, 2_000);
        world.change("v3", Update, 100);
        world.shrink(1);
        world.catch_up().await;
        assert!(!world.replica["video/v3"].contains(&second_of(world.now_ms)));
        let_repair(world).await;
    });
}

#[test]
fn a_deletion_in_the_missing_second() {
    with_and_without(&Setup::default(), async |world| {
        replicate_completely(world).await;
        world.change("v1", Update, 0);
        world.change("v2", Delete, 2_000);
        world.change("v3", Update, 100);
        world.shrink(1);
        world.catch_up().await;
        assert!(world.has("v2"));
        let_repair(world).await;
        assert_eq!(!world.has("v2"), world.config.backfill);
    });
}

/// The second since which states are asked for, UNIX ms.
const SINCE_MS: u64 = (EPOCH_MS / 1000 + 100) * 1000;

fn since_a_time() -> Setup {
    Setup {
        start: Start::At(Position::of_second(SINCE_MS / 1000)),
        ..Setup::default()
    }
}

/// `--since`: the states since a second, deletions included, but for those of the last second.
#[test]
fn since_a_second() {
    with_and_without(&since_a_time(), async |world| {
        for id in ["v1", "v2", "v3"] {
            world.change(id, Insert, 1_500);
        }
        world.know_all();
        world.pass(SINCE_MS - world.now_ms);
        world.change("v4", Insert, 500);
        world.change("v1", Update, 1_600);
        world.change("v2", Delete, 0);
        world.catch_up().await;
        assert!(world.has("v4"));
        assert!(world.has("v2"));
        let_repair(world).await;
        assert_eq!(!world.has("v2"), world.config.backfill);
    });
}

/// The store fails within the states since a time: the server goes on without deletions and does not
/// tell. They come when the same is asked for again, and what has come is not printed again.
#[test]
fn deletions_that_the_store_lost_since_a_time() {
    with_and_without(&since_a_time(), async |world| {
        for number in 0..200 {
            world.change(&format!("gone{number}"), Insert, 10);
            world.change(&format!("kept{number}"), Insert, 10);
        }
        world.know_all();
        world.pass(SINCE_MS - world.now_ms);
        for number in 0..200 {
            world.change(&format!("gone{number}"), Delete, 50);
            world.change(&format!("kept{number}"), Update, 50);
        }
        world.pass(10_000);
        world.change("v1", Insert, 0);
        world.server.with_model(|model| model.fail_after_states(2));
        world.catch_up().await;
        let gone = |world: &World| {
            let replica = world.replica.keys();
            replica.filter(|key| key.contains("gone")).count()
        };
        assert_eq!(gone(world), 199);
        let_repair(world).await;
        if world.config.backfill {
            assert_eq!(gone(world), 0);
            assert_eq!(world.backfilled(), 199, "and nothing else");
        }
    });
}

/// From now on, the connection lost before the first operation: the states since shortly before that
/// connection come, up to the second of the newest operation. The clock of the agent which takes
/// the operations in, and stamps the states, is ahead, so the last ones are missing.
#[test]
fn since_the_first_connection() {
    let setup = Setup {
        taker_offset_ms: 3_000,
        start: Start::Now,
        ..Setup::default()
    };
    with_and_without(&setup, async |world| {
        world.change("v1", Insert, 5_000);
        world.begin_now().await;
        world.server.drop_connections();
        world.change("v1", Update, 1_000);
        world.change("v2", Insert, 100);
        world.catch_up().await;
        assert!(!world.has("v2"));
        let_repair(world).await;
    });
}

#[test]
fn filters() {
    let video = |id: &str, parent: &str| Change::insert("video", id).parents([parent]);
    for query in ["types=video", "parents=user%2Fu1"] {
        let setup = Setup {
            query,
            ..Setup::default()
        };
        with_and_without(&setup, async |world| {
            world.apply(video("v1", "user/u1"), 1_000);
            world.apply(video("v2", "user/u1"), 1_000);
            world.apply(video("v3", "user/u2"), 10);
            world.apply(Change::insert("user", "u1").parents(["user/u1"]), 10);
            world.apply(Change::insert("user", "u2"), 10);
            world.catch_up().await;
            // Operations that the filter holds back show nothing.
            world.apply(Change::insert("user", "u3"), 9_000);
            world.catch_up().await;
            assert_eq!(world.backfilled(), 0);
            world.apply(video("v4", "user/u1"), 1_000);
            world.catch_up().await;
        });
    }
}

/// What was missing has changed again by the time it can be asked for: the operation counts, and
/// the state that the repair brings is left out.
#[test]
fn an_object_changed_again_before_the_repair() {
    with_and_without(&Setup::default(), async |world| {
        world.change("v1", Insert, 1_000);
        world.change("v2", Insert, 1_000);
        world.change("v3", Insert, 0);
        world.change("v4", Insert, 0);
        world.catch_up().await;
        world.change("v2", Update, 2_000);
        world.change("v3", Delete, 1_000);
        let_repair(world).await;
        if world.config.backfill {
            assert_eq!(world.backfilled(), 1, "only v4");
        }
    });
}

/// It changes again after the repair has handed it out.
#[test]
fn an_object_changed_again_after_the_repair() {
    with_and_without(&Setup::default(), async |world| {
        world.change("v1", Insert, 1_000);
        world.change("v2", Insert, 0);
        world.change("v3", Insert, 0);
        world.catch_up().await;
        let_repair(world).await;
        world.change("v3", Delete, 100);
        world.catch_up().await;
        assert!(!world.has("v3"));
    });
}

/// The connection is lost before the repair is due, and goes on after an operation.
#[test]
fn the_connection_lost_before_the_repair() {
    with_and_without(&Setup::default(), async |world| {
        world.change("v1", Insert, 1_000);
        world.change("v2", Insert, 0);
        world.catch_up().await;
        world.change("v3", Insert, 2_000);
        world.catch_up().await;
        world.server.drop_connections();
        world.change("v4", Insert, 1_000);
        world.catch_up().await;
        let_repair(world).await;
    });
}

/// Two fallbacks before the first can be repaired: what both left out comes.
#[test]
fn a_fallback_before_the_repair() {
    with_and_without(&Setup::default(), async |world| {
        replicate_completely(world).await;
        world.change("v1", Update, 0);
        world.change("v2", Delete, 100);
        world.shrink(1);
        world.catch_up().await;
        world.change("v3", Update, 1_000);
        world.catch_up().await;
        world.change("v4", Delete, 1_000);
        world.change("v3", Update, 100);
        world.shrink(1);
        world.catch_up().await;
        let_repair(world).await;
    });
}

/// A full replication in place of a fallback, while another one waits for its repair.
#[test]
fn a_new_replication_before_the_repair() {
    let setup = Setup {
        on_resume_failed: OnResumeFailed::Replicate,
        ..Setup::default()
    };
    with_and_without(&setup, async |world| {
        world.change("v1", Insert, 1_000);
        world.change("v2", Insert, 0);
        world.catch_up().await;
        world.change("v3", Insert, 1_000);
        world.catch_up().await;
        world.change("v4", Insert, 1_000);
        world.change("v5", Insert, 0);
        world.shrink(1);
        world.catch_up().await;
        assert!(world.has("v2"));
        assert!(!world.has("v5"));
        let_repair(world).await;
    });
}

/// How the data of a state of this time begins.
fn second_of(ms: u64) -> String {
    jiff::Timestamp::from_second((ms / 1000).try_into().unwrap())
        .unwrap()
        .to_string()
        .replace('Z', "")
}
