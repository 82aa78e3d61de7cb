//! What an agent says about itself at `/status`, and what that means.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::findings::Findings;
use crate::duration::grouped;

/// The most numbers that are kept. An agent has a dozen; what has more is something else.
const MOST: usize = 100;
/// The figures that people are shown, in this order, with their words, and what it means where an
/// operation was lost.
const SHOWN: [(&str, &str, Option<&str>); 6] = [
    ("clients", "clients", None),
    ("events_received", "operations received", None),
    ("events_ingested", "stored", None),
    ("events_sent", "sent", None),
    (
        DISCARDED,
        "discarded",
        Some(
            "because its queue was full: no consumer gets them; oplog-sync with a dump of the \
             source brings the objects back",
        ),
    ),
    (
        "events_error",
        "refused",
        Some("as invalid: no consumer gets them; look at what the producers send"),
    ),
];
const DISCARDED: &str = "events_discarded";
const QUEUE: [&str; 2] = ["queue_size", "queue_max_size"];

/// The numbers of a `/status`, as they were written.
///
/// Only numbers at the top level are kept, and `cmdline`, which can hold the agent's password, never
/// is.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures(BTreeMap<String, Box<RawValue>>);

impl Figures {
    /// The numbers in this body, those that stand in quotes included.
    ///
    /// # Errors
    /// What the body is instead, in words.
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        if body.trim_ascii_start().starts_with(b"<") {
            return Err("it is a page of HTML");
        }
        let all: BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(body).map_err(|_| "it is not a JSON object")?;
        let numbers = all.into_iter().filter(|(name, _)| name != "cmdline");
        let numbers = numbers.filter_map(|(name, value)| Some((name, number(value)?)));
        match Self(numbers.collect()) {
            Self(numbers) if numbers.is_empty() => Err("it has no numbers"),
            Self(numbers) if numbers.len() > MOST => Err("it has too many numbers"),
            figures => Ok(figures),
        }
    }

    /// The number of this name as it was written.
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.get())
    }

    /// The number of this name, if it can be a count.
    pub(super) fn count(&self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        let plain = || text.parse::<f64>().ok()?.to_string().parse().ok();
        text.parse().ok().or_else(plain)
    }

    /// Says what they mean.
    pub(super) fn judge(&self, findings: &mut Findings) {
        let (mut fine, mut wrong) = (Vec::new(), Vec::new());
        for (name, words, loss) in SHOWN {
            match (self.count(name), loss) {
                (Some(count @ 1..), Some(loss)) => {
                    let plural = if count == 1 { "" } else { "s" };
                    findings.warn(format!(
                        "it has {words} {} operation{plural} since it was started, {loss}",
                        grouped(count)
                    ));
                }
                (Some(count), _) => fine.push(format!("{words} {}", grouped(count))),
                (None, _) => wrong.push(name),
            }
        }
        match QUEUE.map(|name| self.count(name)) {
            [Some(size), Some(most)] if size <= most / 2 => {
                fine.push(format!("queue {} of {}", grouped(size), grouped(most)));
            }
            [Some(size), Some(most)] if size <= most => findings.warn(format!(
                "its queue is {} ({} of {}): when it is full, operations are discarded; look after \
                 its store, or have the producers send less",
                if size == most {
                    "full"
                } else {
                    "over half full"
                },
                grouped(size),
                grouped(most)
            )),
            [Some(_), Some(_)] => wrong.extend(QUEUE),
            _ => wrong.extend(QUEUE.into_iter().filter(|name| self.count(name).is_none())),
        }
        let said = |name| Some(format!("{name} {}", self.text(name)?));
        let wrong: Vec<_> = wrong.into_iter().filter_map(said).collect();
        if !wrong.is_empty() {
            findings.warn(format!(
                "its /status says {}, which cannot be right: is it an OpLog agent?",
                wrong.join(", ")
            ));
        }
        if !fine.is_empty() {
            findings.fine(format!("/status: {}", fine.join(", ")));
        }
        if self.text(DISCARDED).is_none() {
            findings.fine("/status does not say how many operations it has discarded");
        }
    }
}

/// The number that this is, in quotes or without.
fn number(value: Box<RawValue>) -> Option<Box<RawValue>> {
    let value = match serde_json::from_str(value.get()) {
        Ok(text) => RawValue::from_string(text).ok()?,
        Err(_) => value,
    };
    // One that is too large for a reader of JSON is none.
    let is_number = value.get().parse().is_ok_and(f64::is_finite);
    is_number.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(body: &str) -> Option<String> {
        let figures = Figures::parse(body.as_bytes()).ok()?;
        Some(serde_json::to_string(&figures).unwrap())
    }

    #[test]
    fn keeps_the_numbers_as_they_were_written() {
        let body = r#"{"cmdline":["oplogd","--password","hush"],"clients":3,"memstats":{"Alloc":1},
            "status":"OK","events_sent":12345678901234567890123,"load":1.50e3,"x":null,"y":-0.0,"clients":4}"#;
        assert_eq!(
            printed(body).as_deref(),
            Some(r#"{"clients":4,"events_sent":12345678901234567890123,"load":1.50e3,"y":-0.0}"#)
        );
    }

    #[test]
    fn numbers_in_quotes_are_numbers() {
        let body = r#"{"cmdline":"7","clients":"3","a":"\u0031","x":"y","z":"\"1\"","n":"1 2"}"#;
        assert_eq!(printed(body).as_deref(), Some(r#"{"a":1,"clients":3}"#));
    }

    #[test]
    fn what_can_be_a_count() {
        for (number, count) in [
            ("3", Some(3)),
            ("1e5", Some(100_000)),
            ("3.0", Some(3)),
            ("18446744073709551615", Some(u64::MAX)),
            ("1.5", None),
            ("-3", None),
            ("1e300", None),
        ] {
            let figures = Figures::parse(format!(r#"{{"x":{number}}}"#).as_bytes());
            assert_eq!(figures.unwrap().count("x"), count, "{number}");
        }
    }

    #[test]
    fn figures_that_are_warned_of() {
        for (figures, words) in [
            (
                r#"{"events_discarded":0,"events_error":0,"queue_size":0,"queue_max_size":10}"#,
                None,
            ),
            (r#"{"queue_size":5,"queue_max_size":10}"#, None),
            (r#"{"queue_size":6}"#, None),
            (
                r#"{"queue_size":6,"queue_max_size":10}"#,
                Some("over half full (6 of 10)"),
            ),
            (
                r#"{"queue_size":10,"queue_max_size":10}"#,
                Some("its queue is full (10 of 10)"),
            ),
            (
                r#"{"queue_size":11,"queue_max_size":10}"#,
                Some("says queue_size 11, queue_max_size 10, which cannot"),
            ),
            (
                r#"{"queue_size":-1,"queue_max_size":10}"#,
                Some("says queue_size -1, which cannot"),
            ),
            (
                r#"{"queue_size":1,"queue_max_size":1e300}"#,
                Some("says queue_max_size 1e300, which cannot"),
            ),
            (
                r#"{"events_discarded":-1}"#,
                Some("says events_discarded -1, which"),
            ),
            (
                r#"{"events_discarded":1}"#,
                Some("discarded 1 operation since"),
            ),
            (
                r#"{"events_error":12345678901234567890}"#,
                Some("refused 12,345,678,901,234,567,890 "),
            ),
        ] {
            let mut findings = Findings::default();
            Figures::parse(figures.as_bytes())
                .unwrap()
                .judge(&mut findings);
            let warnings = findings.warnings;
            assert_eq!(warnings.len(), usize::from(words.is_some()), "{figures}");
            assert!(
                words.is_none_or(|words| warnings[0].contains(words)),
                "{warnings:?}"
            );
        }
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
            r#"{"clients":1e999}"#,
            r#"{"clients":3"#,
            r#"{"clients":3} x"#,
            "{\"clients\":3,\"\u{0}\":1}",
            "<html>",
            &format!("{{{}}}", many.join(",")),
            &"[".repeat(100_000),
        ] {
            assert_eq!(printed(body), None, "{body}");
        }
        assert!(Figures::parse(b"{\"\xff\":1}").is_err());
    }
}
