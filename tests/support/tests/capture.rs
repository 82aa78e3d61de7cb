use crate::support::*;

#[test]
fn a_capture_is_understood() {
    let body = fixture("replication-types-video.sse");
    let json = expected_json(&body);
    assert_eq!(json.len(), 4);
    assert_eq!(json[0], r#"{"id":"1","event":"reset"}"#);
    assert_eq!(
        json[1],
        r#"{"id":"1795456509994","event":"insert","data":{"timestamp":"2026-11-23T17:55:09.993Z","parents":["user/u2","video/v2"],"type":"video","id":"v2","ref":"http://api.example.com/video/v2"}}"#
    );
    let text = expected_text(&body);
    assert_eq!(
        text[2],
        "2026-11-23T17:55:11.846Z: insert #1795456511846 http://api.example.com/video/v1 (user/u1)"
    );
    assert_eq!(text[3], "** live");
    for end in ["\r\n", "\r"] {
        assert_eq!(expected_json(&with_line_ends(&body, end)), json);
    }
    assert_eq!(record_count(&fixture("fallback.sse")), 23);
    assert_eq!(record_count(&fixture("live.sse")), 3);
    assert_eq!(left_by(&fixture("live.sse")), None);
    assert_eq!(left_by(&body), Some(Left::Repair));
    assert_eq!(left_by(&body[..body.len() / 2]), Some(Left::Replication));
    assert_eq!(record_count(b"id: 1\nevent: insert\ndata: {}\n"), 0);
}
