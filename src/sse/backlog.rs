//! Whether a server may have had to wait for this program to read from the connection.

use std::task::Context;

/// So many bytes fit between a server and a program that does not read, at the least: the receive
/// window of a TCP connection, which every system opens with 64 KiB or more. While no more than
/// that is unread, the server can go on writing.
const ROOM: u64 = 64 << 10;

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
}

impl Backlog {
    /// Whether more has arrived since everything was read than fits between server and program: in
    /// that time the server may have had to wait.
    pub fn is_behind(&self, arrived: u64) -> bool {
        arrived - self.emptied_at > ROOM
    }

    /// Whether it is worth while to say that nothing is ready: not after each operation.
    pub fn is_large(&self, arrived: u64) -> bool {
        arrived - self.emptied_at > ROOM / 2
    }

    /// Nothing is ready to be read, after `arrived` bytes in all. That alone does not say that
    /// nothing is left in the socket, so the runtime gets a few more turns before it counts.
    ///
    /// And it does not count while operations come late (`is_late`): then they wait somewhere on
    /// the way, in a network that is slower than the log, and the server may have to wait too.
    pub fn nothing_ready(&mut self, arrived: u64, is_late: bool, cx: &Context<'_>) {
        if is_late || !self.is_large(arrived) {
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

    #[test]
    fn is_behind_until_everything_is_read() {
        let mut backlog = Backlog::default();
        let cx = Context::from_waker(Waker::noop());
        assert!(!backlog.is_behind(ROOM));
        assert!(backlog.is_behind(ROOM + 1));
        for _ in 0..TURNS {
            backlog.nothing_ready(ROOM + 1, false, &cx);
            assert!(backlog.is_behind(ROOM + 1));
        }
        // Something came after all.
        for _ in 0..TURNS {
            backlog.nothing_ready(ROOM + 2, false, &cx);
        }
        assert!(backlog.is_behind(ROOM + 2));
        backlog.nothing_ready(ROOM + 2, true, &cx);
        assert!(backlog.is_behind(ROOM + 2), "operations come late");
        backlog.nothing_ready(ROOM + 2, false, &cx);
        assert!(!backlog.is_behind(ROOM + 2));
        assert!(!backlog.is_behind(2 * ROOM + 2));
        assert!(backlog.is_behind(2 * ROOM + 3));
    }
}
