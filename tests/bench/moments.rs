//! What happens at a moment rather than in a rush: the start, a single operation, a `write` call.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::cases::{count_lines, tail};
use crate::process::Process;
use crate::server::{Server, monotonic_ns};
use crate::summary::Sample;
use crate::{PROGRAM, found};

const LIMIT: Duration = Duration::from_mins(2);

/// Milliseconds from before the server's `send` until the line can be read from the pipe, for
/// `count` single operations.
pub fn latency(server: &Server, count: usize) -> anyhow::Result<Sample> {
    let mut program = tail(&server.single(count), count);
    let mut process = Process::start(program.stdout(Stdio::piped()), LIMIT)?;
    let mut lines = BufReader::new(process.child().stdout.take().context("no pipe")?);
    let mut line = String::new();
    let mut latencies = Vec::with_capacity(count);
    while lines.read_line(&mut line)? > 0 {
        let now = monotonic_ns();
        let (_, sent) = line.split_once("\"sent\":").context("no time in it")?;
        let sent: u64 = sent.trim_end().trim_end_matches('}').parse()?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        latencies.push(now.saturating_sub(sent) as f64 / 1e6);
        line.clear();
    }
    process.finish()?;
    ensure!(latencies.len() == count, "{} lines", latencies.len());
    // The first waits for the program to start; that is measured elsewhere.
    latencies.remove(0);
    Ok(Sample::new(latencies))
}

/// Milliseconds from start to end of `--version`.
pub fn version(times: usize) -> anyhow::Result<Sample> {
    let run = |_| {
        let mut program = Command::new(PROGRAM);
        let program = program.arg("--version").env_clear().stdout(Stdio::null());
        let cost = Process::start(program.stdin(Stdio::null()), LIMIT)?.finish()?;
        Ok(cost.wall.as_secs_f64() * 1e3)
    };
    let values: anyhow::Result<_> = (0..times).map(run).collect();
    Ok(Sample::new(values?))
}

/// Milliseconds from the start until the first line can be read, from a server that answers at
/// once.
pub fn first_line(server: &Server, times: usize) -> anyhow::Result<Sample> {
    let run = |_| {
        let mut program = tail(&server.single(1), 1);
        let mut process = Process::start(program.stdout(Stdio::piped()), LIMIT)?;
        let mut pipe = process.child().stdout.take().context("no pipe")?;
        pipe.read_exact(&mut [0])?;
        let passed = process.started().elapsed();
        process.finish()?;
        Ok(passed.as_secs_f64() * 1e3)
    };
    let values: anyhow::Result<_> = (0..times).map(run).collect();
    Ok(Sample::new(values?))
}

/// How often stdout is written to.
#[derive(Clone, Copy, Debug)]
pub struct Writes {
    /// `write` calls for each of several single operations.
    pub per_single: f64,
    /// KiB for each call in a rush.
    pub rush_kib: f64,
}

/// Counts `write` calls; `None` where there is no strace that works.
pub fn writes(
    server: &Server,
    single: usize,
    rush: usize,
    folder: &Path,
) -> anyhow::Result<Option<Writes>> {
    let mut probe = Command::new("strace");
    probe.args(["-f", "-y", "-o", "/dev/null", PROGRAM, "--version"]);
    let probe = probe.stdout(Stdio::null()).stderr(Stdio::null());
    if !found("strace") || Process::start(probe, LIMIT)?.finish().is_err() {
        return Ok(None);
    }
    let (single_calls, _) = traced(&server.single(single), single, folder)?;
    let (rush_calls, bytes) = traced(&server.rush(rush), rush, folder)?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let figures = Writes {
        per_single: single_calls as f64 / single as f64,
        rush_kib: bytes as f64 / rush_calls as f64 / 1024.0,
    };
    Ok(Some(figures))
}

/// The calls that write to stdout, and the bytes written.
fn traced(url: &str, count: usize, folder: &Path) -> anyhow::Result<(usize, u64)> {
    let [trace, output] = ["trace", "output"].map(|name| folder.join(name));
    let program = tail(url, count);
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-s", "0", "-e"])
        .arg("trace=write,writev,pwrite64,pwritev,pwritev2,sendfile,splice")
        .arg("-o")
        .arg(&trace)
        .arg(program.get_program())
        .args(program.get_args())
        .stdin(Stdio::null())
        .stdout(File::create(&output)?);
    Process::start(&mut strace, LIMIT)?.finish()?;
    let lines = count_lines(File::open(&output)?)?;
    ensure!(lines == count, "{lines} lines instead of {count}");
    let to_stdout = format!("<{}>", output.display());
    let mut calls = 0;
    for line in BufReader::new(File::open(&trace)?).lines() {
        calls += usize::from(line?.contains(&to_stdout));
    }
    Ok((calls, std::fs::metadata(&output)?.len()))
}
