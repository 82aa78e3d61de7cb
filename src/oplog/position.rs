//! A place in the operation log: what the state file holds and what a connection resumes from.
//!
//! The server knows two kinds of ids. An *operation id* is a MongoDB `ObjectId` (24 hexadecimal
//! digits, of which the first eight are the UNIX time in seconds) and means "everything after
//! this operation". A *replication id* is a UNIX time in milliseconds and means "every object
//! changed since then".

use std::fmt;

use jiff::Timestamp;

/// The 12 bytes of an operation id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 12]);

impl ObjectId {
    /// The synthetic id of a whole second: the second, then sixteen zeros.
    ///
    /// No server has such an operation, so it answers with a fallback from that second, in which
    /// deletions are included.
    pub fn of_second(unix_seconds: u32) -> Self {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&unix_seconds.to_be_bytes());
        Self(bytes)
    }

    /// The id with these bytes, most significant first.
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    pub fn as_u128(self) -> u128 {
        let mut bytes = [0; 16];
        bytes[4..].copy_from_slice(&self.0);
        u128::from_be_bytes(bytes)
    }

    /// The UNIX time, in seconds, at which the operation was written.
    pub fn second(self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }

    /// Whether this is an id as [`ObjectId::of_second`] makes it, which names no operation.
    pub fn is_synthetic(self) -> bool {
        self.0[4..] == [0; 8]
    }

    /// Reads exactly 24 hexadecimal digits.
    fn parse(text: &[u8]) -> Option<Self> {
        let (pairs, []) = text.as_chunks::<2>() else {
            return None;
        };
        let pairs: &[[u8; 2]; 12] = pairs.try_into().ok()?;
        let digit = |digit: u8| HEX_DIGITS[usize::from(digit)];
        // Every operation comes through here: no branch for each digit.
        let digits = pairs.as_flattened().iter();
        let is_hex = digits.fold(0, |all, byte| all | digit(*byte)) < 16;
        is_hex.then(|| Self(pairs.map(|[high, low]| digit(high) << 4 | digit(low))))
    }
}

/// The value of each byte as a hexadecimal digit; 16 where it is none.
const HEX_DIGITS: [u8; 256] = {
    let mut values = [16; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

/// A place in the log. Its `Display` is the bare id, as the state file holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Position {
    /// A replication id: UNIX time in milliseconds. 0 asks for a full replication, 1 is the id of
    /// the `reset` event that opens one.
    Replication(u64),
    /// An operation id: after this operation.
    Operation(ObjectId),
}

/// The text is no position: neither 24 hexadecimal digits nor one to thirteen decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "neither an operation id (24 hexadecimal digits) nor a time in milliseconds (1 to 13 digits)"
)]
pub struct InvalidPosition;

impl Position {
    pub const FULL_REPLICATION: Self = Self::Replication(0);

    /// The synthetic operation id of a UNIX second; seconds past the year 2106 count as its end.
    pub fn of_second(unix_seconds: u64) -> Self {
        Self::Operation(ObjectId::of_second(
            u32::try_from(unix_seconds).unwrap_or(u32::MAX),
        ))
    }

    pub fn second(self) -> u64 {
        match self {
            Self::Replication(ms) => ms / 1000,
            Self::Operation(id) => u64::from(id.second()),
        }
    }

    /// The UNIX time of this position; a full replication has none.
    pub fn time(self) -> Option<Timestamp> {
        match self {
            Self::Replication(0) => None,
            Self::Replication(ms) => Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok(),
            Self::Operation(id) => Timestamp::from_second(i64::from(id.second())).ok(),
        }
    }

    /// The id to send as `Last-Event-ID` so that nothing after this position is lost.
    ///
    /// After a replication id the server reports insertions only: an object deleted since is
    /// never mentioned. The synthetic operation id of the same second makes it fall back to the
    /// states since that second, deletions included. Second 0 would bring a second `reset`, so
    /// positions before second 1 (such as the `1` of a `reset`) are sent as second 1; 0 itself
    /// asks for a full replication and stays.
    pub fn resumed(self) -> Self {
        match self {
            Self::Replication(0) | Self::Operation(_) => self,
            Self::Replication(ms) => Self::of_second((ms / 1000).max(1)),
        }
    }

    /// Whether the server can fail to resume here: only a real operation can leave its log.
    pub fn names_an_operation(self) -> bool {
        matches!(self, Self::Operation(id) if !id.is_synthetic())
    }
}

impl std::str::FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        if let Some(id) = ObjectId::parse(text.as_bytes()) {
            return Ok(Self::Operation(id));
        }
        if text.len() > 13 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidPosition);
        }
        let ms = text.parse().map_err(|_| InvalidPosition)?;
        Ok(Self::Replication(ms))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replication(ms) => write!(f, "{ms}"),
            Self::Operation(id) => write!(f, "{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Milliseconds of the largest replication id the server takes: thirteen decimal digits.
    const MAX_REPLICATION_MS: u64 = 9_999_999_999_999;

    #[test]
    fn reads_both_kinds_of_ids() {
        let id: Position = "545b55c7f095528dd0f3863c".parse().unwrap();
        assert_eq!(id.second(), 0x545b_55c7);
        assert!(id.names_an_operation());
        assert_eq!("0".parse(), Ok(Position::FULL_REPLICATION));
        assert_eq!(
            "1795456511846".parse(),
            Ok(Position::Replication(1_795_456_511_846))
        );
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "-1",
            "+1",
            "abc",
            "12345678901234",
            "545b55c7f095528dd0f3863",
            "545b55c7f095528dd0f3863cc",
            "545b55c7f095528dd0f3863g",
            " 1",
            "1\n",
            "１",
        ] {
            assert_eq!(text.parse::<Position>(), Err(InvalidPosition), "{text:?}");
        }
    }

    #[test]
    fn resumes_from_a_time_by_the_operation_id_of_its_second() {
        let resumed = Position::Replication(1_795_456_511_846).resumed();
        assert_eq!(
            resumed.to_string(),
            format!("{:08x}0000000000000000", 1_795_456_511)
        );
        assert!(!resumed.names_an_operation());
    }

    #[test]
    fn the_position_of_a_reset_resumes_with_every_state_and_no_second_reset() {
        assert_eq!(
            Position::Replication(1).resumed().to_string(),
            "000000010000000000000000"
        );
        assert_eq!(Position::Replication(0).resumed().to_string(), "0");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(bytes: [u8; 12], ms in 0..=MAX_REPLICATION_MS) {
            for position in [Position::Operation(ObjectId(bytes)), Position::Replication(ms)] {
                prop_assert_eq!(position.to_string().parse(), Ok(position));
            }
        }

        #[test]
        fn a_resumed_position_is_never_later(ms in 1000..=MAX_REPLICATION_MS) {
            let position = Position::Replication(ms);
            prop_assert!(position.resumed().second() <= position.second());
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = text.parse::<Position>();
        }
    }
}
