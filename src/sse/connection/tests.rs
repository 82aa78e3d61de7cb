use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Waker;

use bytes::Bytes;
use http_body::Frame;
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture};
use proptest::prelude::*;
use sync_wrapper::SyncFuture;

use super::super::body::EventBody;
use super::*;

/// The body of an answer, frame by frame.
struct Frames(VecDeque<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.pop_front().map(|frame| Ok(Frame::data(frame))))
    }
}

/// Answers every request with the same body.
#[derive(Clone)]
struct Canned {
    frames: VecDeque<Bytes>,
    fast_path: Arc<FastPath>,
}

impl HttpTransport for Canned {
    fn request(&self, _: http::Request<Option<Bytes>>) -> ResponseFuture {
        let body = reqwest::Body::wrap(Frames(self.frames.clone()));
        let body: ByteStream = Box::pin(EventBody::new(body, Arc::clone(&self.fast_path)));
        Box::pin(SyncFuture::new(async { Ok(http::Response::new(body)) }))
    }
}

/// What comes of a body in these frames, in words; and how many events went past the parser.
fn outcome(stream: &[u8], frames: impl Iterator<Item = usize>) -> (Vec<String>, usize) {
    let (mut rest, mut cut) = (Bytes::copy_from_slice(stream), VecDeque::new());
    for length in frames {
        if rest.is_empty() {
            break;
        }
        cut.push_back(rest.split_to(length.min(rest.len())));
    }
    let fast_path = Arc::new(FastPath::new());
    let canned = Canned {
        frames: cut,
        fast_path: Arc::clone(&fast_path),
    };
    let once = ReconnectOptions::reconnect(false).retry_initial(false);
    let client = ClientBuilder::for_url("http://127.0.0.1/").unwrap();
    let client = client.reconnect(once.build()).build_with_transport(canned);
    let mut connection = Connection {
        stream: client.stream(),
        fast_path,
        batch: Batch::default(),
        silence: None,
        heard: 0,
        failure: None,
        backlog: Backlog::default(),
    };
    let (mut told, mut passed_by) = (Vec::new(), 0);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        let in_batch = connection.batch.len();
        match connection.poll_event(&mut cx) {
            Poll::Ready(Ok(Received::Event(record))) => {
                passed_by += usize::from(in_batch > 0 || connection.batch.len() > 0);
                let (id, event, data) = (record.id(), record.event(), record.data());
                told.push(format!("{id:?} {event:?} {data:?}"));
            }
            Poll::Ready(Ok(Received::Heartbeat)) => told.push("heartbeat".into()),
            Poll::Ready(Err(failure)) => {
                told.push(failure.reason);
                return (told, passed_by);
            }
            Poll::Pending => panic!("nothing is waited for"),
        }
    }
}

fn operations(count: usize) -> String {
    let operation = |number| format!("id: {number}\nevent: insert\ndata: {{\"é\":{number}}}\n\n");
    (0..count).map(operation).collect::<Vec<_>>().concat()
}

#[test]
fn a_rush_goes_past_the_parser_whatever_the_frames() {
    let stream = operations(2000);
    let (expected, parsed) = outcome(stream.as_bytes(), std::iter::repeat(1));
    assert_eq!((expected.len(), parsed), (2001, 0));
    for size in [700, 2048, 30_000, usize::MAX] {
        let (told, passed_by) = outcome(stream.as_bytes(), std::iter::repeat(size));
        assert_eq!(told, expected, "{size}");
        assert!(passed_by > 1950, "{passed_by} in frames of {size}");
    }
}

#[test]
fn a_rush_that_is_cut_off_is_whole_up_to_there() {
    let stream = operations(10);
    let operation = stream.len() / 10;
    for end in 1..stream.len() {
        let (told, _) = outcome(&stream.as_bytes()[..end], std::iter::repeat(usize::MAX));
        assert_eq!(told.len(), end / operation + 1, "{end}");
        let how = if end % operation == 0 {
            "the server ended the connection"
        } else {
            "the connection ended in the middle of an event"
        };
        assert_eq!(told.last().unwrap(), how, "{end}");
    }
}

#[test]
fn a_byte_order_mark_after_a_rush_is_none() {
    let stream = operations(2) + "\u{feff}\n\nid: 3\nevent: reset\n\n";
    let (told, passed_by) = outcome(stream.as_bytes(), std::iter::repeat(usize::MAX));
    assert_eq!(passed_by, 2);
    assert_eq!(told, outcome(stream.as_bytes(), std::iter::repeat(1)).0);
}

#[test]
fn what_is_not_utf8_ends_the_stream_after_what_came_before() {
    let stream = [operations(3).as_bytes(), b"id: \xff\n\n"].concat();
    let (told, passed_by) = outcome(&stream, std::iter::repeat(usize::MAX));
    assert_eq!((told.len(), passed_by), (4, 3));
    assert_eq!(told[3], "the server sent a line that is not UTF-8");
}

/// A part of a stream: most are operations as servers write them, with everything between them
/// that the protocol or the grammar of event streams knows.
fn part() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "id: 1\nevent: reset\n\n",
        "id: \nevent: live\n\n",
        "event: update\ndata: {}\n\n",
        "id: 7\nevent: insert\ndata: {\ndata: }\n\n",
        "id: 8\r\nevent: insert\r\ndata: {}\r\n\r\n",
        "id: 9\revent: insert\rdata: {}\r\r",
        "id: a\0b\nevent: insert\ndata: {}\n\n",
        "id:10\nevent:insert\ndata:{}\n\n",
        "data\n\n",
        "\u{feff}",
        ":\n",
        ": é\n",
        "\n",
        "\r",
        "retry: 5\n",
        "id: ",
        "id: 11\nevent: insert\n",
        "comment: 1\n",
        "x",
    ];
    prop_oneof![
        6 => ("[0-9a-fé]{1,3}", "insert|[a-z]{1,3}", "[^\r\n]{0,9}")
            .prop_map(|(id, event, data)| format!("id: {id}\nevent: {event}\ndata: {data}\n\n")),
        1 => proptest::sample::select(ODD).prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    /// In frames of one byte no operation is whole, so everything goes through the parser; in any
    /// other frames the same must come out.
    #[test]
    fn what_goes_past_the_parser_is_what_the_parser_would_say(
        parts in proptest::collection::vec(part(), 0..12),
        frames in proptest::collection::vec(1_usize..80, 1..40),
        is_long: bool,
    ) {
        // Longer than the pieces in which a body is looked at.
        let times = if is_long { 16_400 / parts.concat().len().max(40) } else { 1 };
        let stream = parts.concat().repeat(times);
        let (expected, _) = outcome(stream.as_bytes(), std::iter::repeat(1));
        let frames = frames.into_iter().cycle();
        prop_assert_eq!(outcome(stream.as_bytes(), frames).0, &expected[..]);
        prop_assert_eq!(outcome(stream.as_bytes(), std::iter::repeat(usize::MAX)).0, expected);
    }
}
