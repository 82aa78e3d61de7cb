//! Whoever reads the lines, handles them and, where asked to, acknowledges them.

use rustix::process::Signal;

use crate::support::{Finished, Replica, Running};

/// Who acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    Auto,
    Stdin,
}

struct Line {
    text: String,
    id: String,
    is_reset: bool,
    acknowledged: bool,
}

impl Line {
    fn new(text: String) -> Self {
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        Self {
            id: record["id"].as_str().unwrap().to_owned(),
            is_reset: record["event"] == "reset",
            acknowledged: false,
            text,
        }
    }
}

/// A run, and what its worker has made of it.
pub struct Worker {
    run: Running,
    ack: Ack,
    /// What was handled before this run.
    known: Replica,
    lines: Vec<Line>,
}

impl Worker {
    pub fn new(run: Running, ack: Ack, known: Replica) -> Self {
        Self {
            run,
            ack,
            known,
            lines: Vec::new(),
        }
    }

    /// Reads a line. Acknowledges what has to be before there can be one, and now and then
    /// another: never the oldest, so that the position lags behind.
    pub fn read(&mut self) -> &str {
        if self.lines.last().is_some_and(|line| line.is_reset) {
            self.acknowledge_all();
        }
        let waiting: Vec<_> = (0..self.lines.len())
            .filter(|index| !self.lines[*index].acknowledged)
            .collect();
        if waiting.len() > 2 {
            let id = self.lines[waiting[1]].id.clone();
            self.acknowledge(&id);
        }
        let line = Line::new(self.run.read_line());
        if self.ack == Ack::Stdin {
            let same = |other: &&Line| !other.acknowledged && other.text == line.text;
            let twice = self.lines.iter().rev().take_while(|line| !line.is_reset);
            let twice = twice
                .filter(|line| !line.id.is_empty())
                .any(|line| same(&line));
            assert!(!twice, "in flight already: {}", line.text);
        }
        self.lines.push(line);
        &self.lines.last().unwrap().text
    }

    pub fn read_until(&mut self, wanted: &str) {
        while !self.read().contains(wanted) {}
    }

    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| line.text.as_str())
    }

    fn acknowledge(&mut self, id: &str) {
        if self.ack == Ack::Auto || id.is_empty() {
            return;
        }
        self.run.write_stdin(&format!("{id}\n"));
        let mut lines = self.lines.iter_mut();
        let oldest = lines.find(|line| !line.acknowledged && line.id == id);
        oldest.unwrap().acknowledged = true;
    }

    pub fn acknowledge_all(&mut self) {
        let waiting = self.lines.iter().filter(|line| !line.acknowledged);
        let ids: Vec<_> = waiting.map(|line| line.id.clone()).collect();
        ids.iter().rev().for_each(|id| self.acknowledge(id));
    }

    /// What is known once everything that was read has been handled.
    pub fn knows(&self) -> Replica {
        let mut known = self.known.clone();
        self.lines
            .iter()
            .for_each(|line| known.apply_line(&line.text));
        known
    }

    /// The program is killed. What its reader has not acknowledged, if it was to, is lost with it.
    pub fn kill(self) -> Replica {
        let mut known = self.known;
        for line in self.lines {
            if self.ack == Ack::Auto || line.acknowledged {
                known.apply_line(&line.text);
            }
        }
        self.run.signal(Signal::KILL);
        assert_eq!(self.run.wait().shell_status(), 128 + 9);
        known
    }

    /// Stops it.
    pub fn stop(self) -> Finished {
        self.run.signal(Signal::TERM);
        self.run.wait()
    }

    /// Waits for its own end.
    pub fn wait(self) -> Finished {
        self.run.wait()
    }
}
