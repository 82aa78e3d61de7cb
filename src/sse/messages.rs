//! Every failure of an event stream, for the list of messages.

use std::io;
use std::time::Duration;

use eventsource_client::Error as SseError;

use super::body::BodyError;
use super::connection::{body_failure, failure_of, silent_for};
use super::framing::TooLong;
use crate::http::Failure;

/// Every failure.
pub(crate) fn all() -> Vec<Failure> {
    let streams = [
        SseError::Eof,
        SseError::UnexpectedEof,
        SseError::InvalidLine(String::new()),
        SseError::InvalidEvent,
        SseError::HttpStream(Box::new(io::Error::from_raw_os_error(104))),
        SseError::TimedOut,
    ];
    let bodies = every!(BodyError:
        Request => [],
        TooLong => [TooLong::Line.into(), TooLong::Event.into()],
        CutOff,
    );
    let mut all = vec![silent_for(Duration::from_mins(1))];
    all.extend(streams.iter().map(failure_of));
    all.extend(bodies.iter().map(body_failure));
    all.dedup();
    all
}
