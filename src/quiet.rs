//! A timer that fires if nothing comes for some time.
//!
//! After a pause of the process (`SIGSTOP`, a laptop that slept, an overloaded machine) the timer is
//! over and bytes wait in the socket. The bytes must win. So after the timer fires, the runtime runs
//! some more turns: one to learn that the socket can be read, one for the task of the connection to
//! read it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// After this many turns of the runtime without anything new, nothing is waiting to be read. Two are
/// needed; the others are spare.
const TURNS: u16 = 4;
/// The maximum number of turns after the timer fired. Without it a server that sends comments without
/// end would keep a run from being idle. Enough to read the largest event.
const MOST_TURNS: u16 = 1 << 14;

/// Measures how long nothing comes. The clock is monotonic, so changes of the time of day do not
/// matter.
#[derive(Debug)]
pub(crate) struct Quiet {
    longest: Duration,
    timer: Pin<Box<Sleep>>,
    is_running: bool,
    /// Present once the timer has fired.
    turns: Option<Turns>,
}

/// The turns of the runtime since the timer fired.
#[derive(Debug)]
struct Turns {
    all: u16,
    /// Those since something arrived.
    still: u16,
    /// What had arrived by the last one.
    arrived: u64,
}

impl Quiet {
    /// A timer of this length, which starts at the first poll. Must be called within a tokio
    /// runtime.
    pub(crate) fn new(longest: Duration) -> Self {
        Self {
            longest,
            timer: Box::pin(tokio::time::sleep(Duration::MAX)),
            is_running: false,
            turns: None,
        }
    }

    /// Something came, or the run was not waiting: the timer starts again at the next poll.
    pub(crate) fn restart(&mut self) {
        self.is_running = false;
    }

    /// The same as [`Self::poll`] if `is_waiting`; otherwise the timer starts again.
    pub(crate) fn poll_while(
        &mut self,
        is_waiting: bool,
        arrived: u64,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if is_waiting {
            return self.poll(arrived, cx);
        }
        self.restart();
        Poll::Pending
    }

    /// Ready once the time has passed without a restart, and everything that had arrived by then
    /// has been read. `arrived` is a number that changes whenever something arrives.
    pub(crate) fn poll(&mut self, arrived: u64, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_running {
            // A time past the end of the clock never comes.
            let Some(deadline) = Instant::now().checked_add(self.longest) else {
                return Poll::Pending;
            };
            self.timer.as_mut().reset(deadline);
            (self.is_running, self.turns) = (true, None);
        }
        if self.turns.is_none() {
            ready!(self.timer.as_mut().poll(cx));
        }
        let turns = self.turns.get_or_insert(Turns {
            all: 0,
            still: 0,
            arrived,
        });
        if turns.arrived != arrived {
            (turns.arrived, turns.still) = (arrived, 0);
        }
        if turns.still >= TURNS || turns.all >= MOST_TURNS {
            return Poll::Ready(());
        }
        turns.all += 1;
        turns.still += 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// What `future` comes to within this time, or `None`. What has arrived by then counts.
    pub(crate) async fn limit<F: Future>(longest: Duration, future: F) -> Option<F::Output> {
        let (mut quiet, mut future) = (Self::new(longest), std::pin::pin!(future));
        std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => quiet.poll(0, cx).map(|()| None),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How many polls it takes from here until it is ready.
    fn polls(quiet: &mut Quiet, mut arrived: impl FnMut(u16) -> u64) -> u16 {
        let mut cx = Context::from_waker(Waker::noop());
        (0..u16::MAX)
            .find(|poll| quiet.poll(arrived(*poll), &mut cx).is_ready())
            .expect("it ends")
    }

    fn is_pending(quiet: &mut Quiet, arrived: u64) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        quiet.poll(arrived, &mut cx).is_pending()
    }

    async fn fired() -> Quiet {
        let mut quiet = Quiet::new(Duration::from_millis(1));
        assert!(is_pending(&mut quiet, 0));
        tokio::time::sleep(Duration::from_millis(20)).await;
        quiet
    }

    #[tokio::test]
    async fn waits_some_turns_for_what_may_have_arrived() {
        assert_eq!(polls(&mut fired().await, |_| 0), TURNS);
        // Something arrives in the third turn.
        assert_eq!(
            polls(&mut fired().await, |poll| u64::from(poll > 2)),
            TURNS + 3
        );
    }

    #[tokio::test]
    async fn what_comes_without_end_does_not_hold_it_up_for_ever() {
        assert_eq!(polls(&mut fired().await, u64::from), MOST_TURNS);
    }

    #[tokio::test]
    async fn a_restart_takes_back_that_the_time_has_passed() {
        let mut quiet = fired().await;
        assert!(is_pending(&mut quiet, 0));
        quiet.longest = 1000 * SECOND;
        quiet.restart();
        for _ in 0..100 {
            assert!(is_pending(&mut quiet, 0));
        }
    }

    #[tokio::test]
    async fn a_time_past_the_end_of_the_clock_never_comes() {
        let mut quiet = Quiet::new(Duration::MAX);
        assert!(is_pending(&mut quiet, 0));
        let never = std::future::pending::<()>();
        assert_eq!(Quiet::limit(Duration::from_millis(1), never).await, None);
        assert_eq!(Quiet::limit(Duration::MAX, async { 1 }).await, Some(1));
    }

    /// As for a process that was stopped: the answer is there, and the time has passed.
    #[tokio::test]
    async fn what_has_arrived_by_the_limit_counts() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (mut stream, peer) = tokio::net::UnixStream::pair().unwrap();
        let (limited, ()) = tokio::join!(
            Quiet::limit(Duration::from_millis(50), receiver),
            async move {
                tokio::task::spawn(async move {
                    tokio::io::AsyncReadExt::read_u8(&mut stream).await.unwrap();
                    sender.send(1).unwrap();
                });
                tokio::task::yield_now().await;
                peer.try_write(b"x").unwrap();
                // Blocks the runtime, as if the process was stopped.
                std::thread::sleep(Duration::from_millis(200));
            }
        );
        assert_eq!(limited, Some(Ok(1)));
    }
}
