//! The consumer without the program around it, for faults that need thousands of connections.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use oplog_tail::consumer::{Config, Consumer, Delivery, Error, Notice, Start};
use oplog_tail::http::{self, Endpoint};
use oplog_tail::oplog::Position;

/// A consumer with its settings, and where the deliveries stood when the connection was lost.
pub struct Follower {
    pub consumer: Consumer,
    delivered: Rc<Cell<usize>>,
    lost_at: Rc<Cell<Option<usize>>>,
}

impl Follower {
    /// Follows `url` from `start` on. The URL is given `agents` times, so that as many failures
    /// in a row, less one, are followed by a new try at once.
    pub fn new(url: &str, agents: usize, retries: Option<u32>, start: Position) -> Self {
        let endpoint = Endpoint {
            url: url.parse().unwrap(),
            authorization: None,
        };
        let config = Config {
            retries,
            start: Start::At(start),
            http: http::Config {
                read_timeout: Some(Duration::from_secs(20)),
                ..http::Config::direct()
            },
            ..Config::of(vec![endpoint; agents])
        };
        let delivered = Rc::<Cell<usize>>::default();
        let lost_at = Rc::<Cell<Option<usize>>>::default();
        let (counted, lost) = (Rc::clone(&delivered), Rc::clone(&lost_at));
        let observer = move |notice: Notice<'_>| {
            if let Notice::Lost { .. } = notice {
                lost.set(lost.get().or(Some(counted.get())));
            }
        };
        Self {
            consumer: Consumer::new(config, None, Box::new(observer)),
            delivered,
            lost_at,
        }
    }

    /// The next thing delivered, acknowledged at once.
    pub async fn next(&mut self) -> Result<Delivery, Error> {
        let delivery = std::future::poll_fn(|cx| self.consumer.poll_next(cx)).await?;
        self.consumer.acknowledge_delivered();
        self.delivered.set(self.delivered.get() + 1);
        Ok(delivery)
    }

    /// How much had been delivered when the connection was lost for the first time.
    pub fn lost_at(&self) -> Option<usize> {
        self.lost_at.get()
    }
}
