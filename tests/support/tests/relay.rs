use crate::support::end_of;

#[test]
fn finds_the_end_of_an_event() {
    let bytes = b"HTTP/1.1 200 OK\r\n\r\n5\r\nid: 1\n\n\r\n3\r\nb\n\n";
    assert_eq!(end_of(bytes, 0), Some(19));
    assert_eq!(end_of(bytes, 1), Some(29));
    assert_eq!(end_of(bytes, 2), Some(bytes.len()));
    assert_eq!(end_of(bytes, 3), None);
}
