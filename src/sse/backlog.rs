//! Whether a server may have had to wait for this program to read from the connection.

use std::task::Context;

/// So many bytes fit between a server and a program that does not read, at the least: the receive
/// window of a TCP connection, which every system opens with 64 KiB or more. While no more than
/// that is unread, the server can go on writing.
const ROOM: u64 = 64 << 10;

/// So much is worth a look whether everything was read: not after each operation, but often enough
/// that a slow network does not take long for it.
const LARGE: u64 = ROOM / 8;

/// Whether operations come late, so that they may have waited somewhere on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// As soon as ever.
    None,
    /// Long after they happened, as always over this connection: after a resume from an old
    /// position, say.
    Old,
    /// Later than at best over this connection.
    Growing,
}

/// How many turns of the runtime it takes until what the system has received is here: one to learn
/// that the socket can be read, one for the connection's own task to read it, and one to spare.
const TURNS: u8 = 3;

/// Follows how much has arrived since everything was read.
#[derive(Debug, Default)]
pub struct Backlog {
    /// How many bytes had arrived when nothing was left to read.
    emptied_at: u64,
    /// How many had arrived at the last look that found nothing to read.
    seen: u64,
    turns: u8,
    /// Operations come later and later.
    is_late: bool,
}

impl Backlog {
    /// Whether the server may have had to wait: more has arrived since everything was read than fits
    /// between server and program, or operations come later and later.
    pub fn is_behind(&self, arrived: u64) -> bool {
        self.is_late || arrived - self.emptied_at > ROOM
    }

    /// Whether it is worth while to say that nothing is ready: not after each operation.
    pub fn is_large(&self, arrived: u64) -> bool {
        arrived - self.emptied_at > LARGE
    }

    /// Nothing is ready to be read, after `arrived` bytes in all. That alone does not say that
    /// nothing is left in the socket, so the runtime gets a few more turns before it counts.
    ///
    /// And it does not count while operations come late: then they wait somewhere on the way, in a
    /// network that is slower than the log, and the server may have to wait too.
    pub fn nothing_ready(&mut self, arrived: u64, lateness: Lateness, cx: &Context<'_>) {
        if !self.is_large(arrived) {
            return;
        }
        self.is_late = lateness == Lateness::Growing;
        if lateness != Lateness::None {
            return;
        }
        if self.seen != arrived {
            (self.seen, self.turns) = (arrived, 0);
        }
        if self.turns == TURNS {
            self.emptied_at = arrived;
        } else {
            self.turns += 1;
            cx.waker().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Nothing is ready, often enough that it counts.
    fn empty(backlog: &mut Backlog, arrived: u64, lateness: Lateness) {
        let cx = Context::from_waker(Waker::noop());
        for _ in 0..=TURNS {
            backlog.nothing_ready(arrived, lateness, &cx);
        }
    }

    #[test]
    fn is_behind_until_everything_is_read() {
        let mut backlog = Backlog::default();
        let cx = Context::from_waker(Waker::noop());
        assert!(!backlog.is_behind(ROOM));
        assert!(backlog.is_behind(ROOM + 1));
        for _ in 0..TURNS {
            backlog.nothing_ready(ROOM + 1, Lateness::None, &cx);
            assert!(backlog.is_behind(ROOM + 1));
        }
        // Something came after all.
        for _ in 0..TURNS {
            backlog.nothing_ready(ROOM + 2, Lateness::None, &cx);
        }
        assert!(backlog.is_behind(ROOM + 2));
        backlog.nothing_ready(ROOM + 2, Lateness::None, &cx);
        assert!(!backlog.is_behind(ROOM + 2));
        assert!(!backlog.is_behind(2 * ROOM + 2));
        assert!(backlog.is_behind(2 * ROOM + 3));
    }

    #[test]
    fn is_not_read_while_operations_come_late() {
        for lateness in [Lateness::Old, Lateness::Growing] {
            let mut backlog = Backlog::default();
            empty(&mut backlog, ROOM, lateness);
            assert_eq!(backlog.is_behind(ROOM), lateness == Lateness::Growing);
            assert!(backlog.is_behind(ROOM + 1), "{lateness:?}");
            empty(&mut backlog, ROOM + 1, Lateness::None);
            assert!(!backlog.is_behind(ROOM + 1), "{lateness:?}");
        }
    }

    /// A few operations are no reason to ask, however late they come.
    #[test]
    fn a_little_is_no_backlog() {
        let mut backlog = Backlog::default();
        empty(&mut backlog, LARGE, Lateness::Growing);
        assert!(!backlog.is_behind(LARGE));
        empty(&mut backlog, LARGE + 1, Lateness::Growing);
        assert!(backlog.is_behind(LARGE + 1));
    }
}
