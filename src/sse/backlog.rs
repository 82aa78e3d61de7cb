//! Detects that the server may have had to wait because this program reads too slowly.

use std::task::Context;

/// At least this many bytes fit between a server and a program that does not read: every system opens
/// a TCP connection with a receive window of 64 KiB or more. While less is unread, the server can
/// continue to write.
const ROOM: u64 = 64 << 10;

/// After this many bytes the program checks whether everything was read: not after each operation,
/// but often enough over a slow network.
const LARGE: u64 = ROOM / 8;

/// How late operations come. Late operations may have waited on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lateness {
    /// As soon as the soonest.
    None,
    /// Long after they happened, like all of this connection, for example after a resume from an old
    /// position.
    Old,
    /// Later than the soonest of this connection.
    Growing,
}

/// Turns of the runtime until the program has what the system received: one to learn that the socket
/// can be read, one for the task of the connection to read it, and one to spare.
const TURNS: u8 = 3;

/// Follows how much has arrived since everything was read.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Bytes that had arrived when everything was read.
    emptied_at: u64,
    /// Bytes that had arrived at the last check that found nothing to read.
    seen: u64,
    turns: u8,
    /// Operations come later and later.
    is_late: bool,
}

impl Backlog {
    /// True if the server may have had to wait: since everything was read, more has arrived than fits
    /// between server and program; or operations come later and later.
    pub(super) fn is_behind(&self, arrived: u64) -> bool {
        self.is_late || arrived - self.emptied_at > ROOM
    }

    /// Nothing is ready, after `arrived` bytes in all. The socket may still hold something, so this
    /// counts only after a few more turns of the runtime.
    ///
    /// It does not count while operations come late. Then they wait in a network that is slower than
    /// the log, and the server may have to wait too.
    pub(super) fn nothing_ready(
        &mut self,
        arrived: u64,
        lateness: impl FnOnce() -> Lateness,
        cx: &Context<'_>,
    ) {
        if arrived - self.emptied_at <= LARGE {
            return;
        }
        let lateness = lateness();
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
            backlog.nothing_ready(arrived, || lateness, &cx);
        }
    }

    #[test]
    fn is_behind_until_everything_is_read() {
        let mut backlog = Backlog::default();
        let cx = Context::from_waker(Waker::noop());
        assert!(!backlog.is_behind(ROOM));
        assert!(backlog.is_behind(ROOM + 1));
        for _ in 0..TURNS {
            backlog.nothing_ready(ROOM + 1, || Lateness::None, &cx);
            assert!(backlog.is_behind(ROOM + 1));
        }
        // Something came after all.
        for _ in 0..TURNS {
            backlog.nothing_ready(ROOM + 2, || Lateness::None, &cx);
        }
        assert!(backlog.is_behind(ROOM + 2));
        backlog.nothing_ready(ROOM + 2, || Lateness::None, &cx);
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
