//! A comparison of as many objects on each side, beside the replication that it takes.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::PROGRAM;
use crate::process::{Cost, Process};
use crate::server::{self, Server};
use crate::summary::Target;

/// The exit status of a comparison that found differences.
const DIFFERENCES: i32 = 8;

/// What comparisons cost.
pub struct Comparisons {
    /// Everything is printed, as `--until-complete` does.
    replication: Cost,
    /// Both sides have the same objects.
    same: Cost,
    /// Neither side has an object of the other.
    apart: Cost,
}

impl Comparisons {
    /// Of this many objects on each side.
    pub fn measure(server: &Server, objects: usize, folder: &Path) -> anyhow::Result<Self> {
        let url = server.objects(objects);
        let limit = Duration::from_mins(1) + Duration::from_micros(60) * u32::try_from(objects)?;
        let run = |args: &[&str], dump: Option<&Path>, status| {
            let mut program = Command::new(PROGRAM);
            program.env_clear().args(["--url", &url]).args(args);
            program
                .args(dump)
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            Process::start(&mut program, limit)?.finish_with(status)
        };
        let [same, apart] = ["x", "y"].map(|letter| {
            let path = folder.join(letter);
            write_dump(&path, letter, objects).map(|()| path)
        });
        let everything = ["--start-id", "000000010000000000000000", "--until-complete"];
        Ok(Self {
            replication: run(&everything, None, 0)?,
            same: run(&["-q", "--compare"], Some(&same?), 0)?,
            apart: run(&["-q", "--compare"], Some(&apart?), DIFFERENCES)?,
        })
    }

    /// A line for each.
    pub fn print(&self, objects: usize) {
        let Self {
            replication,
            same,
            apart,
        } = self;
        println!("comparisons of {objects} objects on each side:");
        for (name, cost) in [
            ("the replication itself", replication),
            ("the same objects", same),
            ("other objects", apart),
        ] {
            let (wall, cpu) = (cost.wall.as_secs_f64(), cost.cpu.as_secs_f64());
            println!(
                "  {name:<24} {wall:.2} s, CPU {cpu:.2} s, {:.0} MB",
                megabytes(cost)
            );
        }
    }

    /// What the contract promises.
    pub fn targets(&self) -> [Target; 2] {
        let beyond = self.same.wall.as_secs_f64() - self.replication.wall.as_secs_f64();
        let target = |name, figure, must, unit| Target {
            name,
            figure: Some(figure),
            more_is_better: false,
            must,
            goal: None,
            unit,
        };
        [
            target("comparison, beyond the replication", beyond, 5.0, "s"),
            target("comparison, peak RSS", megabytes(&self.same), 150.0, "MB"),
        ]
    }
}

fn megabytes(cost: &Cost) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let bytes = cost.peak_rss as f64;
    bytes / 1e6
}

/// A dump of the objects that the server has, or of others.
fn write_dump(path: &Path, letter: &str, objects: usize) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..objects as u64 {
        let data = server::object(letter, number);
        writeln!(file, "{data}")?;
    }
    Ok(file.flush()?)
}
