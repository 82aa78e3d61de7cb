//! Random schedules of operations, replications, fallbacks, cuts and kills, with clocks that
//! differ.

use oplog_tail::consumer::{Acknowledging, Start};
use oplog_tail::position::Position;
use oplog_tail::server::object::Action;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::world::{BY_ID, Setup, World, run};

#[derive(Clone, Debug)]
enum Step {
    Change {
        object: u8,
        action: Action,
        after_ms: u16,
    },
    Pass {
        seconds: u8,
    },
    Read(u8),
    Acknowledge(u8),
    Cut,
    Kill,
    Shrink(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let action = prop::sample::select(vec![
        Action::Delete,
        Action::Update,
        Action::Insert,
        Action::Insert,
    ]);
    prop_oneof![
        8 => (0_u8..12, action, 0_u16..900).prop_map(|(object, action, after_ms)| Step::Change { object, action, after_ms }),
        1 => (1_u8..8).prop_map(|seconds| Step::Pass { seconds }),
        4 => (1_u8..30).prop_map(Step::Read),
        3 => any::<u8>().prop_map(Step::Acknowledge),
        1 => Just(Step::Cut),
        1 => Just(Step::Kill),
        1 => (1_u8..5).prop_map(Step::Shrink),
    ]
}

async fn play(world: &mut World, steps: &[Step]) {
    for step in steps {
        match *step {
            Step::Change {
                object,
                action,
                after_ms,
            } => world.change(&format!("v{object}"), action, after_ms.into()),
            Step::Pass { seconds } => world.pass(u64::from(seconds) * 1000),
            Step::Read(most) => drop(world.read(most.into()).await),
            Step::Acknowledge(some) => world.acknowledge(some),
            Step::Cut => world.server.drop_connections(),
            Step::Kill => world.kill(),
            Step::Shrink(operations) => world.shrink(operations.into()),
        }
    }
    world.settle().await;
}

/// The replica equals the objects after these steps.
fn is_complete(setup: &Setup, steps: &[Step]) -> Result<(), TestCaseError> {
    run(async {
        let mut world = World::new(setup);
        if setup.start == Start::Now {
            world.begin_now().await;
        }
        play(&mut world, steps).await;
        prop_assert_eq!(world.wrong(), [""; 0]);
        Ok(())
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..60)
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        4 => Just(Start::At(Position::FULL_REPLICATION)),
        1 => Just(Start::Now),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        max_shrink_time: 60_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_built_equals_the_objects_of_the_server(
        steps in steps(),
        start in start(),
        agent_offset_ms in -3000_i64..=3000,
    ) {
        is_complete(&Setup { agent_offset_ms, start, ..Setup::default() }, &steps)?;
    }

    #[test]
    fn also_with_acknowledgements_by_id(
        steps in steps(),
        start in start(),
        agent_offset_ms in -3000_i64..=3000,
        cap in prop::option::weighted(0.2, 2_usize..6),
    ) {
        let acknowledging = cap.map_or(BY_ID, |max_in_flight| Acknowledging::ById { max_in_flight });
        is_complete(&Setup { agent_offset_ms, acknowledging, start, ..Setup::default() }, &steps)?;
    }
}

/// The schedules show nothing unless they lose something where nothing repairs it.
#[test]
fn without_the_repair_schedules_lose_something() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let setup = Setup {
        repair: false,
        ..Setup::default()
    };
    let incomplete = (0..40)
        .filter(|_| {
            let steps = steps().new_tree(&mut runner).unwrap().current();
            is_complete(&setup, &steps).is_err()
        })
        .count();
    assert!(incomplete >= 5, "only {incomplete} of 40");
}
