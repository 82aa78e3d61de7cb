//! A network that is slower than the log: whatever the program reads at once, operations wait on
//! the way, and the server waits with them.

use std::time::{Duration, Instant};

use crate::scene::{CONTINUE, EXIT, Scene, TOLD};
use crate::support::{NarrowNetwork, PATIENCE, Tail, at_once};

/// How many operations happen in a second, of about 480 bytes each.
const RATE: usize = 1_200;
/// How many bytes the network takes in a second: a fifth of that.
const NETWORK: u32 = 115_000;
/// How many seconds of operations the log holds. Operations count as late once they come three
/// seconds later than at first, or sooner.
const LOG: usize = 4;

/// Follows the log over the network until the run tells of a gap. From then on the network is wide,
/// so that the rest comes soon.
fn overtaken(choice: &[&str]) {
    let mut scene = Scene::new(LOG * RATE);
    scene.objects = 300;
    let network = NarrowNetwork::start(scene.server.address(), NETWORK);
    let mut running = Tail::url(network.url())
        .args(["--until-idle", "2s"])
        .args(choice)
        .spawn();
    scene.server.wait_for_requests(1, PATIENCE);
    let begin = Instant::now();
    while !running.stderr_so_far().contains(TOLD) {
        let time = begin.elapsed();
        assert!(time < PATIENCE, "skipped in silence: {}", scene.skipped());
        let due = usize::try_from(time.as_millis()).unwrap() * RATE / 1_000;
        scene.write_at_once(due.saturating_sub(scene.written));
        running.read_ahead();
        std::thread::sleep(Duration::from_millis(2));
    }
    network.widen();
    let finished = scene.finish(running);
    scene.has_told(choice, finished);
}

#[test]
fn a_network_that_is_slower_than_the_log_is_told() {
    at_once([EXIT, CONTINUE], overtaken);
}
