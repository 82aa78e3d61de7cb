//! Random schedules: readers that pause, crawl, stop and come back, with a log that is soon full.

use oplog_tail::consumer::{Acknowledging, Error, OnResumeFailed};
use proptest::prelude::*;

use crate::support::{self, schedules};
use crate::world::{From, Outcome, Setup, World};

#[derive(Clone, Debug)]
enum Step {
    /// Nothing is read while so many operations are written.
    Write {
        operations: usize,
        seed: u64,
        after_ms: u64,
    },
    /// After every few operations, fewer are read.
    Crawl {
        rounds: usize,
        seed: u64,
        reads: usize,
    },
    Pass(u64),
    Read(usize),
    Acknowledge(u8),
    Cut,
    Kill {
        is_saved: bool,
        is_handled: bool,
    },
    /// The store fails after so many more states.
    FailStore(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let write = |operations| {
        (operations, any::<u64>(), 0_u64..40).prop_map(|(operations, seed, after_ms)| Step::Write {
            operations,
            seed,
            after_ms,
        })
    };
    prop_oneof![
        3 => write(1_usize..40),
        1 => write(200_usize..500),
        1 => (2_usize..12, any::<u64>(), 1_usize..20)
            .prop_map(|(rounds, seed, reads)| Step::Crawl { rounds, seed, reads }),
        1 => (1_u64..8).prop_map(|seconds| Step::Pass(seconds * 1000)),
        4 => prop_oneof![1_usize..100, Just(usize::MAX)].prop_map(Step::Read),
        3 => any::<u8>().prop_map(Step::Acknowledge),
        1 => Just(Step::Cut),
        1 => any::<[bool; 2]>()
            .prop_map(|[is_saved, is_handled]| Step::Kill { is_saved, is_handled }),
        1 => (0_usize..30).prop_map(Step::FailStore),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 4..24)
}

fn setup(acknowledging: impl Strategy<Value = Acknowledging>) -> impl Strategy<Value = Setup> {
    let choices = prop::sample::select(vec![
        OnResumeFailed::Continue,
        OnResumeFailed::Replicate,
        OnResumeFailed::Exit,
    ]);
    // The clocks of the store and of the agents are at most 3 s apart.
    let offsets = (-3000_i64..=0, prop::array::uniform3(0_i64..=3000))
        .prop_map(|(store, agents)| agents.map(|agent| store + agent));
    let from = prop_oneof![
        3 => Just(From::Everything),
        1 => Just(From::Now),
        1 => Just(From::Since),
        1 => Just(From::Operation),
    ];
    let is_filtered = prop::bool::weighted(0.3);
    let most = (offsets, acknowledging, choices, from, is_filtered);
    (50_usize..400, most).prop_map(
        |(capacity, (offsets_ms, acknowledging, on_resume_failed, from, is_filtered))| Setup {
            capacity,
            offsets_ms,
            acknowledging,
            on_resume_failed,
            from,
            is_filtered,
        },
    )
}

fn in_order() -> impl Strategy<Value = Acknowledging> {
    Just(Acknowledging::InOrder)
}

fn by_id() -> impl Strategy<Value = Acknowledging> {
    prop_oneof![Just(1000_usize), 2_usize..60]
        .prop_map(|max_in_flight| Acknowledging::ById { max_in_flight })
}

async fn play(world: &mut World, steps: &[Step]) -> Result<(), Error> {
    world.begin().await?;
    for step in steps {
        match *step {
            Step::Write {
                operations,
                seed,
                after_ms,
            } => world.write(operations, seed, after_ms).await,
            Step::Crawl {
                rounds,
                seed,
                reads,
            } => {
                for round in 0..rounds {
                    world.write(25, seed.wrapping_add(round as u64), 5).await;
                    world.read(reads).await?;
                    world.acknowledge(u8::MAX);
                }
            }
            Step::Pass(ms) => world.pass(ms),
            Step::Read(most) => drop(world.read(most).await?),
            Step::Acknowledge(some) => world.acknowledge(some),
            Step::Cut => world.cut(),
            Step::Kill {
                is_saved,
                is_handled,
            } => world.die(is_saved, is_handled),
            Step::FailStore(states) => world.fail_store(states),
        }
    }
    world.settle().await
}

/// What a schedule has come to: how it ended, how many objects are wrong, and how many operations
/// were lost without a word.
fn run(setup: &Setup, steps: &[Step]) -> (Outcome, usize, usize) {
    support::run(async {
        let mut world = World::new(setup);
        match play(&mut world, steps).await {
            Ok(()) => (Outcome::Well, world.wrong(), world.untold()),
            Err(Error::ResumeFailed(_)) => (Outcome::ResumeFailed, 0, 0),
            Err(error) => panic!("{error}"),
        }
    })
}

/// A run that ends well lost nothing, or told of it; only with `exit` a run ends otherwise.
fn no_gap_in_silence(setup: &Setup, steps: &[Step]) -> Result<(), TestCaseError> {
    let (outcome, wrong, untold) = run(setup, steps);
    if outcome == Outcome::ResumeFailed {
        prop_assert_eq!(setup.on_resume_failed, OnResumeFailed::Exit);
    }
    prop_assert_eq!((wrong, untold), (0, 0), "objects, operations");
    Ok(())
}

proptest! {
    #![proptest_config(schedules())]

    #[test]
    fn no_gap_passes_in_silence(setup in setup(in_order()), steps in steps()) {
        no_gap_in_silence(&setup, &steps)?;
    }

    #[test]
    fn also_with_acknowledgements_by_id(setup in setup(by_id()), steps in steps()) {
        no_gap_in_silence(&setup, &steps)?;
    }
}
