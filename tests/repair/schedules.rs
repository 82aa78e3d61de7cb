//! Random schedules of operations, replications, fallbacks, cuts and kills, with clocks that
//! differ.

use oplog_tail::consumer::{Acknowledging, OnResumeFailed, Start};
use oplog_tail::oplog::Position;
use oplog_tail::server::object::{Action, Change};
use proptest::prelude::*;

use crate::front::{Fate, Gate};
use crate::support::{run, schedules};
use crate::world::{BY_ID, Setup, World};

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
    /// The process dies after so many more lines, with its position saved or, being saved at most
    /// once a second, an earlier one; the lines not acknowledged are handled or lost.
    Kill {
        after: u8,
        is_saved: bool,
        is_handled: bool,
    },
    Shrink(u8),
    /// The next connection, whichever that is, breaks after so many bytes.
    Break(u16),
    /// The answer to the next one, as it is by then, comes only when a gate is opened.
    Slow,
    OpenGates,
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
        1 => (0_u8..4, any::<[bool; 2]>()).prop_map(|(after, [is_saved, is_handled])| Step::Kill { after, is_saved, is_handled }),
        1 => (1_u8..5).prop_map(Step::Shrink),
        1 => (0_u16..1500).prop_map(Step::Break),
        1 => Just(Step::Slow),
        1 => Just(Step::OpenGates),
    ]
}

/// What a run begins with.
#[derive(Clone, Copy, Debug)]
enum Begin {
    Replication,
    Now,
    /// `--since`.
    Second,
    /// `--start-id`, the operation newest by then.
    Operation,
    /// `--start-id`, a time in ms: the server tells of no deletions before `live`.
    Time,
}

/// What a schedule happens to.
#[derive(Clone, Debug)]
struct Scene {
    begin: Begin,
    agent_offset_ms: i64,
    taker_offset_ms: i64,
    query: &'static str,
    on_resume_failed: OnResumeFailed,
    exact_resume: bool,
}

impl Scene {
    fn setup(&self, acknowledging: Acknowledging) -> Setup {
        Setup {
            agent_offset_ms: self.agent_offset_ms,
            taker_offset_ms: self.taker_offset_ms,
            acknowledging,
            query: self.query,
            on_resume_failed: self.on_resume_failed,
            exact_resume: self.exact_resume,
            agents: 8,
            ..Setup::default()
        }
    }

    /// Whether the contract is that deletions come; asked for what changed since a time, the
    /// server leaves them out.
    fn has_deletions(&self) -> bool {
        !self.exact_resume && !matches!(self.begin, Begin::Time)
    }
}

/// The offsets of the agent that answers and of the one that takes operations in. The two clocks
/// and that of the store are at most 3 s apart.
fn clocks() -> impl Strategy<Value = (i64, i64)> {
    let offsets = (-3000_i64..=0, 0_i64..=3000, 0_i64..=3000);
    offsets.prop_map(|(store, agent, taker)| (store + agent, store + taker))
}

fn scene() -> impl Strategy<Value = Scene> {
    let begin = prop_oneof![
        4 => Just(Begin::Replication),
        2 => Just(Begin::Now),
        1 => Just(Begin::Second),
        1 => Just(Begin::Operation),
        1 => Just(Begin::Time),
    ];
    let query = prop::sample::select(vec!["", "", "types=video", "parents=user%2Fu1"]);
    let on_resume_failed = prop_oneof![
        3 => Just(OnResumeFailed::Continue),
        1 => Just(OnResumeFailed::Replicate),
    ];
    let exact_resume = prop::bool::weighted(0.1);
    (begin, clocks(), query, on_resume_failed, exact_resume).prop_map(
        |(begin, (agent_offset_ms, taker_offset_ms), query, on_resume_failed, exact_resume)| {
            Scene {
                begin,
                agent_offset_ms,
                taker_offset_ms,
                query,
                on_resume_failed,
                exact_resume,
            }
        },
    )
}

/// An object is of one type and has one parent, all its life.
fn changed(object: u8, action: Action) -> Change {
    let kind = ["video", "video", "user"][usize::from(object) % 3];
    let parent = ["user/u1", "user/u1", "user/u1", "user/u2"][usize::from(object) % 4];
    Change::new(action, kind, &format!("v{object}")).parents([parent])
}

async fn begin(world: &mut World, begin: Begin) {
    // What never changes again is known from the beginning, or from a replication, only.
    for object in 40..44 {
        world.apply(changed(object, Action::Insert), 300);
    }
    world.pass(20_000);
    for object in 0..4 {
        world.apply(changed(object, Action::Insert), 300);
    }
    if let Begin::Replication = begin {
        return;
    }
    world.know_all();
    let second = world.states_ms() / 1000 + 1;
    match begin {
        Begin::Replication => {}
        Begin::Now => {
            world.start(Start::Now);
            world.begin_now().await;
        }
        Begin::Second => {
            world.pass(second * 1000 - world.states_ms());
            world.start(Start::At(Position::of_second(second)));
        }
        Begin::Operation => {
            let newest = world.server.newest().unwrap();
            world.start(Start::At(Position::Operation(newest)));
        }
        Begin::Time => world.start(Start::At(Position::Replication(world.states_ms()))),
    }
}

async fn play(world: &mut World, steps: &[Step], has_deletions: bool) {
    let mut gates: Vec<Gate> = Vec::new();
    world.stays_paused = true;
    for step in steps {
        match *step {
            Step::Change {
                object,
                action,
                after_ms,
            } => {
                let action = match action {
                    Action::Delete if !has_deletions => Action::Update,
                    action => action,
                };
                world.apply(changed(object, action), after_ms.into());
            }
            Step::Pass { seconds } => world.pass(u64::from(seconds) * 1000),
            Step::Read(most) => drop(world.read(most.into()).await),
            Step::Acknowledge(some) => world.acknowledge(some),
            Step::Cut => world.server.drop_connections(),
            Step::Kill {
                after,
                is_saved,
                is_handled,
            } => {
                world.read(after.into()).await;
                world.die(is_saved, is_handled);
            }
            Step::Shrink(operations) => world.shrink(operations.into()),
            Step::Break(bytes) => world.front.expect([Fate::CutAfter(bytes.into())]),
            Step::Slow => {
                let gate = Gate::default();
                world.front.expect([Fate::Slow(gate.clone())]);
                gates.push(gate);
            }
            Step::OpenGates => gates.drain(..).for_each(|gate| gate.open()),
        }
    }
    gates.iter().for_each(Gate::open);
    world.resume();
    world.settle().await;
}

/// The replica equals the objects after these steps.
fn is_complete(setup: &Setup, scene: &Scene, steps: &[Step]) -> Result<(), TestCaseError> {
    run(async {
        let mut world = World::new(setup);
        begin(&mut world, scene.begin).await;
        play(&mut world, steps, scene.has_deletions()).await;
        prop_assert_eq!(world.wrong(), [""; 0]);
        Ok(())
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..60)
}

proptest! {
    #![proptest_config(schedules())]

    #[test]
    fn what_is_built_equals_the_objects_of_the_server(scene in scene(), steps in steps()) {
        is_complete(&scene.setup(Acknowledging::InOrder), &scene, &steps)?;
    }

    #[test]
    fn also_with_acknowledgements_by_id(
        scene in scene(),
        steps in steps(),
        cap in prop::option::weighted(0.2, 2_usize..6),
    ) {
        let acknowledging = cap.map_or(BY_ID, |max_in_flight| Acknowledging::ById { max_in_flight });
        is_complete(&scene.setup(acknowledging), &scene, &steps)?;
    }
}

/// The schedules show nothing unless they lose something where nothing repairs it.
#[test]
fn without_the_repair_schedules_lose_something() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let incomplete = (0..60)
        .filter(|_| {
            let scene = scene().new_tree(&mut runner).unwrap().current();
            let steps = steps().new_tree(&mut runner).unwrap().current();
            let setup = Setup {
                backfill: false,
                ..scene.setup(Acknowledging::InOrder)
            };
            is_complete(&setup, &scene, &steps).is_err()
        })
        .count();
    assert!(incomplete >= 8, "only {incomplete} of 60");
}
