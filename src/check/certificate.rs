//! How long a certificate is valid, and what that means.

use der::asn1::{GeneralizedTime, UtcTime};
use der::{AnyRef, Decode, Reader, SliceReader, Tagged};
use jiff::{SignedDuration, Timestamp};

use super::findings::Findings;
use crate::duration::ForPeople;

/// A certificate that ends sooner than this should have been renewed.
const RENEWAL: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Says what it means that a certificate ends then.
pub(super) fn judge(until: Timestamp, now: Timestamp, findings: &mut Findings) {
    let left = until.duration_since(now);
    if left.is_negative() {
        findings.warn(format!("its certificate expired at {until}: renew it"));
    } else if left < RENEWAL {
        let left = ForPeople(left.unsigned_abs());
        findings.warn(format!(
            "its certificate expires in {left}, at {until}: renew it"
        ));
    } else {
        findings.fine(format!("certificate valid until {until}"));
    }
}

/// Until when this certificate (X.509 in DER) is valid.
///
/// It begins with a sequence whose fields are: the version, which may be missing; the serial
/// number; the algorithm; the issuer; the two times between which it is valid (RFC 5280, 4.1).
pub(super) fn valid_until(certificate: &[u8]) -> Option<Timestamp> {
    let certificate = AnyRef::from_der(certificate).ok()?;
    let signed = next(&mut SliceReader::new(certificate.value()).ok()?)?;
    let mut fields = SliceReader::new(signed.value()).ok()?;
    // Of the fields up to the times, only the version has a tag of its own.
    if next(&mut fields)?.tag().is_context_specific() {
        next(&mut fields)?;
    }
    let (_algorithm, _issuer) = (next(&mut fields)?, next(&mut fields)?);
    let validity = next(&mut fields)?;
    let mut times = SliceReader::new(validity.value()).ok()?;
    let _from = next(&mut times)?;
    let end = next(&mut times)?;
    let since_1970 = match end.decode_as::<UtcTime>() {
        Ok(end) => end.to_unix_duration(),
        Err(_) => end.decode_as::<GeneralizedTime>().ok()?.to_unix_duration(),
    };
    // The last moment of the year 9999 means for ever, and is more than jiff can tell.
    let latest = Timestamp::MAX.as_second();
    let second = i64::try_from(since_1970.as_secs()).map_or(latest, |second| second.min(latest));
    Timestamp::from_second(second).ok()
}

/// The next value.
fn next<'a>(reader: &mut SliceReader<'a>) -> Option<AnyRef<'a>> {
    reader.decode().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn for_ever() -> Vec<u8> {
        let (der, _) = until(4096);
        let text = b"40960203000000Z";
        let at = der.windows(text.len()).position(|it| it == text).unwrap();
        let mut der = der;
        der[at..at + text.len()].copy_from_slice(b"99991231235959Z");
        der
    }

    fn until(year: i32) -> (Vec<u8>, Option<String>) {
        let mut params = rcgen::CertificateParams::new(["h".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 2, 3);
        let key = rcgen::KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let until = valid_until(&der).map(|until| until.to_string());
        (der, until)
    }

    #[test]
    fn both_forms_of_time() {
        for year in [2001, 2049, 2050, 4096] {
            let expected = format!("{year}-02-03T00:00:00Z");
            assert_eq!(until(year).1.as_deref(), Some(expected.as_str()));
        }
    }

    #[test]
    fn a_certificate_without_an_end() {
        let until = valid_until(&for_ever()).unwrap();
        assert_eq!(until.to_string(), "9999-12-30T22:00:00Z");
    }

    #[test]
    fn certificates_are_warned_of_before_they_expire() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (until, words) in [
            ("2026-11-23T11:59:59Z", Some("expired at")),
            ("2026-11-25T12:00:00Z", Some("expires in 2 d")),
            ("2026-11-30T12:00:00Z", None),
        ] {
            let mut findings = Findings::default();
            judge(until.parse().unwrap(), now, &mut findings);
            let warnings = findings.warnings;
            assert_eq!(warnings.len(), usize::from(words.is_some()));
            assert!(words.is_none_or(|words| warnings[0].contains(words)));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(place in 0_usize..600, byte: u8, bytes: Vec<u8>) {
            let _ = valid_until(&bytes);
            let mut certificate = for_ever();
            let place = place % certificate.len();
            certificate[place] = byte;
            let _ = valid_until(&certificate);
        }
    }

    #[test]
    fn what_is_cut_off_or_no_certificate_has_no_time() {
        let (der, _) = until(2030);
        for length in 0..der.len() {
            assert_eq!(valid_until(&der[..length]), None, "{length}");
        }
        assert_eq!(valid_until(b"garbage"), None);
    }
}
