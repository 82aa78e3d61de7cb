//! Acknowledging from shells: the scripts of `tests/scripts/`, with four jobs at a time.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use oplog_tail::server::ServerThread;
use oplog_tail::server::object::Change;

use crate::support::{PATIENCE, Running, State, Tail, keeping_server};

/// Notes what it is given, and whatever should not be: more than four at once, fewer than four
/// while there is enough to do, something beside a `reset`.
const JOB: &str = r#"#!/bin/sh
operation=$(cat)
mkdir "running/$$"
together=$(ls running | wc -l)
[ "$together" -le 4 ] || echo "$together at once" >>wrong
case $operation in
*'"event":"reset"'*)
    [ "$together" -eq 1 ] || echo "$together at a reset" >>wrong
    ;;
*)
    echo . >>started
    tries=0
    while [ "$(wc -l <started)" -lt 4 ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 400 ]; then
            echo "fewer than four at once" >>wrong
            break
        fi
        sleep 0.05
    done
    # Not in the order they came in.
    sleep "0.0$(($$ % 10))"
    ;;
esac
printf '%s\n' "$operation" >>handled
echo "said by a job"
rmdir "running/$$"
"#;

/// Fails at one object until somebody mends it.
const FAILING_JOB: &str = r#"#!/bin/sh
[ -e mended ] || ! grep -q '"id":"1"'
"#;

const REPLICATED: usize = 10;
const LIVE: usize = 12;
/// With `reset` and `live`.
const ALL: usize = REPLICATED + LIVE + 2;

/// Whether these programs are there; says which are not.
fn have(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs
        .iter()
        .filter(|program| {
            let mut command = Command::new("sh");
            let found = command.args(["-c", &format!("command -v {program}")]);
            !found.stdout(Stdio::null()).status().unwrap().success()
        })
        .collect();
    if !missing.is_empty() {
        eprintln!("NOT TESTED: this machine lacks {missing:?}");
    }
    missing.is_empty()
}

fn script(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/scripts").join(name)
}

/// A search path on which the program under test comes first.
fn search_path() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_oplog-tail"));
    format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    )
}

fn server() -> ServerThread {
    // Otherwise the replication would lack what changed in its last second.
    let server = keeping_server();
    for number in 0..REPLICATED {
        // Two in each millisecond, so that ids repeat.
        let ms = 1_795_456_511_000 + number as u64 / 2;
        server.append_at(&Change::insert("video", &number.to_string()), ms);
    }
    server
}

/// The folder in which a script and its jobs run.
struct Place(tempfile::TempDir);

impl Place {
    fn new(job: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::write(place.path("job"), job).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(place.path("job"), executable).unwrap();
        std::fs::create_dir(place.path("running")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(
        &self,
        shell: &str,
        name: &str,
        server: &ServerThread,
        state: &State,
        stop: &[&str],
    ) -> Running {
        Tail::of(shell)
            .arg(script(name))
            .arg(self.path("job"))
            .args(["--url", &server.url()])
            .args(stop)
            // The position would stay at the end of the replication until what the server left out
            // has been fetched, for which the run is too short.
            .args(["--no-repair"])
            .state(state.path())
            .env("PATH", search_path())
            .directory(self.0.path())
            .patience(3 * PATIENCE)
            .spawn()
    }
}

/// Runs a script to its end, then once more, and looks at what the jobs noted.
fn handles_everything_once(shell: &str, name: &str) {
    if !have(&[shell, "jq"]) {
        return;
    }
    let server = server();
    let state = State::absent();
    let place = Place::new(JOB);
    let run = |stop: &[&str]| place.run(shell, name, &server, &state, stop);
    let note = |file: &str| std::fs::read_to_string(place.path(file)).unwrap_or_default();

    let first = run(&["--start-id", "0", "-n", &ALL.to_string()]);
    server.wait_for_requests(1, PATIENCE);
    // Other objects: what changes before its state is sent comes only once.
    for number in 0..LIVE {
        server.append(&Change::insert("user", &number.to_string()));
    }
    let said = vec!["said by a job"; ALL];
    first.wait().exit(0).stderr_is_empty().stdout_is(&said);
    assert_eq!(note("wrong"), "");
    let mut handled: Vec<_> = note("handled").lines().map(str::to_owned).collect();
    handled.sort();
    handled.dedup();
    assert_eq!(handled.len(), ALL, "{handled:#?}");
    assert_eq!(note("handled").lines().count(), ALL);
    state.is(&server.newest().unwrap().to_string());

    // Nothing is left for a second run.
    run(&["--until-idle", "300ms"]).wait().exit(0);
    assert_eq!(note("handled").lines().count(), ALL);
}

#[test]
fn as_a_coprocess_of_bash() {
    handles_everything_once("bash", "coprocess.bash");
}

#[test]
fn through_a_fifo() {
    handles_everything_once("sh", "fifo.sh");
}

#[test]
fn through_a_fifo_in_dash() {
    handles_everything_once("dash", "fifo.sh");
}

#[test]
fn a_job_that_fails_leaves_its_operation_for_the_next_run() {
    for (shell, name) in [("bash", "coprocess.bash"), ("sh", "fifo.sh")] {
        if !have(&[shell, "jq"]) {
            continue;
        }
        let server = server();
        let before = server.newest().unwrap().to_string();
        let state = State::holding(&before);
        let place = Place::new(FAILING_JOB);
        for number in [1, 2] {
            server.append(&Change::update("video", &number.to_string()));
        }
        let run = |stop: &[&str]| place.run(shell, name, &server, &state, stop).wait();
        // The exit status is that of the program: what was printed was never acknowledged.
        run(&["-n", "2", "--timeout", "3s"]).exit(7);
        state.is(&before);
        std::fs::write(place.path("mended"), "").unwrap();
        run(&["-n", "2"]).exit(0);
        state.is(&server.newest().unwrap().to_string());
    }
}
