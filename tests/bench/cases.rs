//! A rush of operations, taken in by the program in each of its ways and by what else there is.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::process::{Cost, Process};
use crate::server::{OPERATION, Server};
use crate::summary::Sample;
use crate::{PROGRAM, found};

/// How much is read from a pipe at once.
const READ: usize = 64 << 10;
/// Where the id stands in a JSON line, and its length.
const ID: std::ops::Range<usize> = 7..31;

/// A way to take in a rush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Curl,
    CurlSed,
    Json,
    JsonFile,
    JsonPipe,
    Text,
    TextColor,
    JsonState,
    AckStdin,
    Chunked,
}

impl Case {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Curl,
        Self::CurlSed,
        Self::Json,
        Self::JsonFile,
        Self::JsonPipe,
        Self::Text,
        Self::TextColor,
        Self::JsonState,
        Self::AckStdin,
        Self::Chunked,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl -o /dev/null",
            Self::CurlSed => "curl | sed",
            Self::Json => "JSON to /dev/null",
            Self::JsonFile => "JSON to a file",
            Self::JsonPipe => "JSON through a pipe",
            Self::Text => "text",
            Self::TextColor => "text in colour",
            Self::JsonState => "JSON, --state",
            Self::AckStdin => "JSON, --ack stdin",
            Self::Chunked => "JSON, 2 KiB chunks",
        }
    }

    fn can_run(self) -> bool {
        match self {
            Self::Curl => found("curl"),
            Self::CurlSed => found("curl") && found("sed"),
            _ => true,
        }
    }

    /// Takes in `count` operations and checks that it got them all, where that can be seen.
    pub fn run(self, server: &Server, count: usize, folder: &Path) -> anyhow::Result<Cost> {
        let limit = Duration::from_secs(30) + Duration::from_micros(20) * u32::try_from(count)?;
        let url = match self {
            Self::Chunked => server.chunked(count),
            _ => server.rush(count),
        };
        let mut program = tail(&url, count);
        match self {
            Self::Curl => {
                let mut curl = curl(&url);
                Process::start(curl.args(["-o", "/dev/null"]).stdout(Stdio::null()), limit)?
                    .finish()
            }
            Self::CurlSed => curl_and_sed(&url, limit),
            Self::JsonFile => {
                let path = folder.join("lines");
                let cost = Process::start(program.stdout(File::create(&path)?), limit)?.finish()?;
                expect_lines(count_lines(File::open(&path)?)?, count)?;
                Ok(cost)
            }
            Self::JsonPipe => {
                let mut process = Process::start(program.stdout(Stdio::piped()), limit)?;
                let pipe = process.child().stdout.take().context("no pipe")?;
                expect_lines(count_lines(pipe)?, count)?;
                process.finish()
            }
            Self::AckStdin => {
                program.args(["--ack", "stdin"]);
                program.stdin(Stdio::piped()).stdout(Stdio::piped());
                let mut process = Process::start(&mut program, limit)?;
                expect_lines(acknowledge_all(&mut process)?, count)?;
                process.finish()
            }
            Self::Text | Self::TextColor => {
                let color = if self == Self::Text {
                    "never"
                } else {
                    "always"
                };
                program.args(["-o", "text", "--color", color]);
                Process::start(program.stdout(Stdio::null()), limit)?.finish()
            }
            Self::JsonState => {
                let path = folder.join("state");
                let _ = std::fs::remove_file(&path);
                program.arg("--state").arg(&path);
                let cost = Process::start(program.stdout(Stdio::null()), limit)?.finish()?;
                let saved = std::fs::read_to_string(&path)?;
                ensure!(saved.trim().len() == ID.len(), "saved {saved:?}");
                Ok(cost)
            }
            Self::Json | Self::Chunked => {
                Process::start(program.stdout(Stdio::null()), limit)?.finish()
            }
        }
    }
}

/// Curl, and sed that takes the data out of what it prints.
fn curl_and_sed(url: &str, limit: Duration) -> anyhow::Result<Cost> {
    let mut curl = Process::start(curl(url).stdout(Stdio::piped()), limit)?;
    let pipe = curl.child().stdout.take().context("no pipe")?;
    let mut sed = Command::new("sed");
    sed.args(["-n", "s/^data: //p"]).stdin(pipe);
    let process = Process::start(sed.stdout(Stdio::null()), limit)?;
    // It holds the reading end too: were it kept, curl would not notice that sed died.
    drop(sed);
    let started = curl.started();
    let (first, second) = (curl.finish()?, process.finish()?);
    Ok(Cost {
        wall: started.elapsed(),
        cpu: first.cpu + second.cpu,
        peak_rss: first.peak_rss + second.peak_rss,
    })
}

/// The program, to stop after `count` lines; to fail rather than to try again.
pub fn tail(url: &str, count: usize) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["--url", url, "-n", &count.to_string()])
        .args(["--retries", "0"])
        .env_clear()
        .stdin(Stdio::null());
    command
}

fn curl(url: &str) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["-q", "-sN", "--noproxy", "*", url])
        .stdin(Stdio::null());
    command
}

/// The line feeds in all that comes.
pub fn count_lines(mut from: impl Read) -> anyhow::Result<usize> {
    let mut buffer = vec![0; READ];
    let mut lines = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(lines),
            length => lines += memchr::memchr_iter(b'\n', &buffer[..length]).count(),
        }
    }
}

/// Sends back the id of each line, as many at once as have come at once; says how many.
fn acknowledge_all(process: &mut Process) -> anyhow::Result<usize> {
    let mut output = process.child().stdout.take().context("no pipe")?;
    let mut input = process.child().stdin.take().context("no pipe")?;
    let mut lines = Vec::new();
    let mut ids = Vec::new();
    let mut buffer = vec![0; READ];
    let mut count = 0;
    loop {
        let length = output.read(&mut buffer)?;
        if length == 0 {
            return Ok(count);
        }
        lines.extend_from_slice(&buffer[..length]);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &lines) {
            let id = lines[start..end].get(ID).context("a line without id")?;
            ids.extend_from_slice(id);
            ids.push(b'\n');
            start = end + 1;
            count += 1;
        }
        lines.drain(..start);
        input.write_all(&ids)?;
        ids.clear();
    }
}

fn expect_lines(lines: usize, count: usize) -> anyhow::Result<()> {
    ensure!(lines == count, "{lines} lines instead of {count}");
    Ok(())
}

/// What the rounds of one case cost.
pub struct Rounds {
    pub case: Case,
    pub count: usize,
    costs: Vec<Cost>,
}

impl Rounds {
    /// Seconds of each round.
    pub fn walls(&self) -> Vec<f64> {
        self.each(|cost| cost.wall.as_secs_f64())
    }

    /// Microseconds of user and system time for an operation.
    pub fn cpu_us(&self) -> Sample {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let count = self.count as f64;
        Sample::new(self.each(|cost| cost.cpu.as_secs_f64() * 1e6 / count))
    }

    /// Peak memory in MB.
    pub fn rss_mb(&self) -> Sample {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        Sample::new(self.each(|cost| cost.peak_rss as f64 / 1e6))
    }

    fn each(&self, figure: impl Fn(&Cost) -> f64) -> Vec<f64> {
        self.costs.iter().map(figure).collect()
    }

    fn print(&self, name: &str) {
        let wall = Sample::new(self.walls());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let (operations, bytes) = (self.count as f64, (self.count * OPERATION) as f64);
        println!(
            "{name:<22} {wall:<20.3} {:>9.0} {:>7.0} {:<19.2} {:<16.1}",
            operations / wall.median(),
            bytes / wall.median() / 1e6,
            self.cpu_us(),
            self.rss_mb()
        );
    }
}

fn print_head(title: &str) {
    println!(
        "\n{title:<22} {:<20} {:>9} {:>7} {:<19} {:<16}",
        "seconds", "ops/s", "MB/s", "CPU µs/op", "peak RSS MB"
    );
}

/// Runs every case `rounds` times, all of them once before any of them again, so that a machine
/// that gets slower or faster meanwhile does so for all.
pub fn all(
    server: &Server,
    count: usize,
    rounds: usize,
    folder: &Path,
) -> anyhow::Result<Vec<Rounds>> {
    let runs: Vec<_> = Case::ALL.map(|case| (case, count)).into();
    let results = interleaved(server, &runs, rounds, folder)?;
    print_head(&format!("{count} operations"));
    for result in &results {
        result.print(result.case.name());
    }
    for case in Case::ALL.into_iter().filter(|case| !case.can_run()) {
        println!("{:<22} not on this machine", case.name());
    }
    Ok(results)
}

/// JSON to `/dev/null` for each of `counts`.
pub fn sizes(
    server: &Server,
    counts: &[usize],
    rounds: usize,
    folder: &Path,
) -> anyhow::Result<Vec<Rounds>> {
    let runs: Vec<_> = counts.iter().map(|count| (Case::Json, *count)).collect();
    let results = interleaved(server, &runs, rounds, folder)?;
    print_head("JSON to /dev/null");
    for result in &results {
        result.print(&format!("{} operations", result.count));
    }
    Ok(results)
}

fn interleaved(
    server: &Server,
    runs: &[(Case, usize)],
    rounds: usize,
    folder: &Path,
) -> anyhow::Result<Vec<Rounds>> {
    let runs = runs.iter().filter(|(case, _)| case.can_run());
    let mut results: Vec<_> = runs
        .map(|&(case, count)| Rounds {
            case,
            count,
            costs: Vec::new(),
        })
        .collect();
    for _ in 0..rounds {
        for Rounds { case, count, costs } in &mut results {
            let cost = case.run(server, *count, folder);
            costs.push(cost.with_context(|| format!("{}, {count} operations", case.name()))?);
        }
    }
    Ok(results)
}
