//! Measures the whole program as a user runs it: the release binary, against a server in another
//! process. `cargo bench -- --help` tells the options.

mod cases;
mod compare;
mod moments;
mod parts;
mod process;
mod server;
mod summary;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use cases::{Case, Rounds};
use compare::Comparisons;
use server::Server;
use summary::{Sample, Target};

/// What is measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_oplog-tail");

const HELP: &str = "\
Measures the release binary against a server in another process, beside curl.

Usage: cargo bench [-- OPTIONS]

      --operations <N>  Operations in a rush; a tenth and ten times as many are tried too
                        [default: 1000000]
      --rounds <N>      How often each case runs [default: 5]
      --quick           The same as --operations 2000 --rounds 1, and little of the rest: shows
                        that everything works, and nothing about how fast it is
      --parts           Only the parts of the program, one by one, without a server
  -h, --help            Print this

Exits with 1 when something does not work. A missed target is no failure.
";

/// Fewer operations or rounds than these say nothing about a target.
const JUDGED: Options = Options {
    operations: 1_000_000,
    rounds: 5,
    singles: 1000,
    starts: 50,
};

#[derive(Clone, Copy)]
struct Options {
    operations: usize,
    rounds: usize,
    /// Operations sent one by one.
    singles: usize,
    /// How often the program is started to see how long that takes.
    starts: usize,
}

impl Options {
    fn is_judged(&self) -> bool {
        self.operations >= JUDGED.operations && self.rounds >= JUDGED.rounds
    }
}

enum Task {
    Help,
    Serve(usize),
    Measure(Options),
    Parts,
}

fn main() -> ExitCode {
    let task = match task(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("{error:#}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let done = match task {
        Task::Help => {
            print!("{HELP}");
            Ok(())
        }
        Task::Serve(operations) => server::serve(operations),
        Task::Measure(options) => measure(options).map(|()| {
            println!();
            parts::run(options.is_judged());
        }),
        Task::Parts => {
            parts::run(true);
            Ok(())
        }
    };
    if let Err(error) = done {
        eprintln!("bench: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn task(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Task> {
    let mut options = JUDGED;
    while let Some(argument) = arguments.next() {
        let mut number = || -> anyhow::Result<usize> {
            let value = arguments.next().unwrap_or_default();
            let number = value.parse().ok().filter(|number| *number > 0);
            number.with_context(|| format!("{argument} takes a number above 0, not {value:?}"))
        };
        match argument.as_str() {
            "-h" | "--help" => return Ok(Task::Help),
            server::ARGUMENT => return Ok(Task::Serve(number()?)),
            "--operations" => options.operations = number()?.max(10),
            "--parts" => return Ok(Task::Parts),
            "--rounds" => options.rounds = number()?,
            "--quick" => {
                options = Options {
                    operations: 2000,
                    rounds: 1,
                    singles: 20,
                    starts: 3,
                }
            }
            // cargo adds it.
            "--bench" => {}
            _ => bail!("no option {argument:?}"),
        }
    }
    Ok(Task::Measure(options))
}

/// Whether a program of this name can be run.
fn found(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn measure(options: Options) -> anyhow::Result<()> {
    let Options {
        operations, rounds, ..
    } = options;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores; {rounds} rounds: median (lowest–highest)");
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let server = Server::start(operations)?;

    let rushes = cases::all(&server, operations, rounds, folder)?;
    let counts = [operations / 10, operations, operations * 10];
    let sizes = cases::sizes(&server, &counts, rounds, folder)?;
    println!();
    let moments = Moments::measure(&server, options, folder)?;

    println!();
    let comparisons = Comparisons::measure(&server, operations, folder)?;
    comparisons.print(operations);

    let judged = options.is_judged();
    println!(
        "\ntargets{}",
        if judged {
            ""
        } else {
            " (not judged at this size)"
        }
    );
    let targets = rush_targets(&rushes).into_iter();
    let targets = targets.chain(memory_targets(&sizes));
    let others = moments.targets().into_iter().chain(comparisons.targets());
    for target in targets.chain(others) {
        target.print(judged);
    }
    Ok(())
}

/// What is measured of single moments rather than of a rush.
struct Moments {
    /// From the server's `send` to the line on the pipe, in ms.
    latency: Sample,
    /// How long `--version` takes, in ms.
    version: Sample,
    /// From the start of the program to the first line, in ms.
    first_line: Sample,
    writes: Option<moments::Writes>,
    /// The size of the program in MB.
    binary: f64,
}

impl Moments {
    fn measure(server: &Server, options: Options, folder: &Path) -> anyhow::Result<Self> {
        let Options {
            singles, starts, ..
        } = options;
        let latency = moments::latency(server, singles)?;
        println!(
            "latency of {singles} single operations: {latency:.3} ms, p99 {:.3} ms",
            latency.quantile(99, 100)
        );
        let version = moments::version(starts)?;
        println!("--version: {version:.2} ms");
        let first_line = moments::first_line(server, starts)?;
        println!("first line, from the start of the program: {first_line:.2} ms");
        let writes = moments::writes(server, singles.min(100), options.operations, folder)?;
        match writes {
            Some(writes) => println!(
                "write calls: {:.2} for a single operation; one for {:.1} KiB in a rush",
                writes.per_single, writes.rush_kib
            ),
            None => println!("write calls: no strace on this machine, or it does not work"),
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let binary = std::fs::metadata(PROGRAM)?.len() as f64 / 1e6;
        Ok(Self {
            latency,
            version,
            first_line,
            writes,
            binary,
        })
    }

    fn targets(&self) -> [Target; 7] {
        let Self {
            latency,
            version,
            first_line,
            writes,
            binary,
        } = self;
        [
            target(
                "latency, median",
                Some(latency.median()),
                1.0,
                Some(0.3),
                "ms",
            ),
            target(
                "latency, p99",
                Some(latency.quantile(99, 100)),
                5.0,
                Some(2.0),
                "ms",
            ),
            target(
                "write calls, single operation",
                writes.as_ref().map(|writes| writes.per_single),
                1.0,
                None,
                "",
            ),
            Target {
                more_is_better: true,
                ..target(
                    "bytes for a write call in a rush",
                    writes.as_ref().map(|writes| writes.rush_kib),
                    32.0,
                    None,
                    "KiB",
                )
            },
            target(
                "start-up, --version",
                Some(version.median()),
                5.0,
                Some(3.0),
                "ms",
            ),
            target(
                "start-up, first line",
                Some(first_line.median()),
                15.0,
                Some(8.0),
                "ms",
            ),
            target("binary", Some(*binary), 6.0, Some(4.0), "MB"),
        ]
    }
}

/// A target of which less is better.
fn target(
    name: &'static str,
    figure: Option<f64>,
    must: f64,
    goal: Option<f64>,
    unit: &'static str,
) -> Target {
    Target {
        name,
        figure,
        more_is_better: false,
        must,
        goal,
        unit,
    }
}

fn rush_targets(rushes: &[Rounds]) -> [Target; 7] {
    let find = |case| rushes.iter().find(|rounds| rounds.case == case);
    let wall = |above, below| {
        let ratio = Sample::ratio(&find(above)?.walls(), &find(below)?.walls());
        Some(ratio.median())
    };
    let cpu = find(Case::Json).map(|json| json.cpu_us().median());
    [
        target(
            "JSON against curl -o /dev/null",
            wall(Case::Json, Case::Curl),
            13.0,
            Some(8.0),
            "times",
        ),
        target(
            "JSON against curl | sed",
            wall(Case::Json, Case::CurlSed),
            1.0,
            Some(0.5),
            "times",
        ),
        target("JSON, CPU for an operation", cpu, 0.9, Some(0.6), "µs"),
        target(
            "text against JSON",
            wall(Case::Text, Case::Json),
            1.2,
            Some(1.1),
            "times",
        ),
        target(
            "colour against plain text",
            wall(Case::TextColor, Case::Text),
            1.15,
            Some(1.1),
            "times",
        ),
        // "No measurable cost": within what two runs of the same differ by.
        target(
            "--state against JSON",
            wall(Case::JsonState, Case::Json),
            1.05,
            None,
            "times",
        ),
        target(
            "--ack stdin against JSON",
            wall(Case::AckStdin, Case::Json),
            3.0,
            Some(2.0),
            "times",
        ),
    ]
}

fn memory_targets(sizes: &[Rounds]) -> [Target; 2] {
    let peaks: Vec<f64> = sizes.iter().map(|size| size.rss_mb().median()).collect();
    let peaks = Sample::new(peaks);
    [
        target(
            "peak RSS, the largest of the three sizes",
            Some(peaks.max()),
            10.0,
            Some(8.0),
            "MB",
        ),
        target(
            "peak RSS, largest above smallest",
            Some(peaks.max() - peaks.min()),
            0.5,
            None,
            "MB",
        ),
    ]
}
