use crate::support::Replica;

#[test]
fn follows_the_lines() {
    let line = |event: &str, id: &str| {
        format!(r#"{{"id":"1","event":"{event}","data":{{"type":"v","id":"{id}"}}}}"#)
    };
    let mut replica = Replica::of(&[
        line("insert", "1"),
        line("update", "2"),
        line("delete", "1"),
    ]);
    assert_eq!(replica.names(), ["v/2"]);
    replica.apply_line(r#"{"id":"1","event":"live"}"#);
    replica.apply_line(r#"{"id":"1","event":"reset"}"#);
    assert_eq!(replica, Replica::default());
}
