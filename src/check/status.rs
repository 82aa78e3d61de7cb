//! What an agent says about itself at `/status`.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The most numbers that are kept. An agent has a dozen; what has more is something else.
const MOST: usize = 100;

/// The numbers of a `/status`, as they were written and in their order.
///
/// Only numbers at the top level are kept. So neither `memstats` is, nor `cmdline`, which can hold
/// the agent's password.
#[derive(Clone, Debug)]
pub struct Status(Vec<(String, Box<RawValue>)>);

impl Status {
    /// The numbers in this body. `None` where it is no JSON object that has some.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let status: Self = serde_json::from_slice(body).ok()?;
        (1..=MOST).contains(&status.0.len()).then_some(status)
    }

    /// The number of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        value.get().parse().ok()
    }

    /// The number of this name as it was written.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value.get())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Numbers)
    }
}

/// Takes the numbers out of an object.
struct Numbers;

impl<'de> Visitor<'de> for Numbers {
    type Value = Status;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Status, A::Error> {
        let mut numbers: Vec<(String, Box<RawValue>)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            let is_number = value
                .get()
                .starts_with(|c: char| c == '-' || c.is_ascii_digit());
            // One more than are kept shows that there are too many.
            if !is_number || numbers.len() > MOST {
                continue;
            }
            match numbers.iter_mut().find(|(other, _)| *other == key) {
                Some(same) => same.1 = value.to_owned(),
                None => numbers.push((key, value.to_owned())),
            }
        }
        Ok(Status(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(body: &str) -> Option<String> {
        let status = Status::parse(body.as_bytes())?;
        Some(serde_json::to_string(&status).unwrap())
    }

    #[test]
    fn keeps_the_numbers_as_they_were_written() {
        let body = r#"{"cmdline":["oplogd","--password","hush"],"clients":3,"memstats":{"Alloc":1},
            "status":"OK","events_sent":12345678901234567890123,"load":1.50e3,"x":null,"y":-0.0,"clients":4}"#;
        assert_eq!(
            printed(body).as_deref(),
            Some(r#"{"clients":4,"events_sent":12345678901234567890123,"load":1.50e3,"y":-0.0}"#)
        );
        let status = Status::parse(body.as_bytes()).unwrap();
        assert_eq!(status.get("load"), Some(1500.0));
        assert_eq!(status.text("load"), Some("1.50e3"));
        assert_eq!(status.get("status"), None);
    }

    proptest! {
        /// Whatever comes out is numbers.
        #[test]
        fn any_text_is_read_or_refused(key: String, value in "[-0-9.eE+a-z\"{}\\[\\],: ]{0,12}") {
            let key = serde_json::to_string(&key).unwrap();
            if let Some(printed) = printed(&format!("{{{key}:{value}}}")) {
                let read: serde_json::Map<_, serde_json::Value> =
                    serde_json::from_str(&printed).unwrap();
                prop_assert!(read.values().all(serde_json::Value::is_number));
            }
        }
    }

    #[test]
    fn garbage_is_no_status() {
        let many: Vec<_> = (0..=MOST)
            .map(|number| format!(r#""{number}":1"#))
            .collect();
        for body in [
            "",
            "OK",
            "[]",
            "{}",
            "3",
            r#"{"status":"OK"}"#,
            r#"{"clients":3"#,
            r#"{"clients":3} x"#,
            "{\"clients\":3,\"\u{0}\":1}",
            "<html>",
            &format!("{{{}}}", many.join(",")),
            &"[".repeat(100_000),
        ] {
            assert_eq!(printed(body), None, "{body}");
        }
        assert!(Status::parse(b"{\"\xff\":1}").is_none());
    }
}
