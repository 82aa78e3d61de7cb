use super::*;
use proptest::prelude::*;

fn operation(event: &str, data: &str) -> Result<Operation, Box<InvalidOperation>> {
    Operation::new(Record::new("545b55c7f095528dd0f3863c", event, data))
}

fn parents(object: Object<'_>) -> Vec<String> {
    let mut visited = Vec::new();
    object.for_each_parent(|parent| visited.push(parent.to_owned()));
    visited
}

#[test]
fn borrows_what_the_object_says() {
    let op = operation("insert", r#"{"timestamp":"2014-11-06T03:04:39.041-08:00","parents":["x3kd2","é"],"type":"video","id":"a\"b","ref":"http://x/"}"#).unwrap();
    let object = op.object().unwrap();
    assert_eq!(object.timestamp, "2014-11-06T03:04:39.041-08:00");
    assert_eq!((object.kind, object.id), ("video", "a\"b"));
    assert_eq!(object.reference, Some("http://x/"));
    assert_eq!(parents(object), ["x3kd2", "é"]);
}

#[test]
fn visits_the_parents_in_order() {
    for (array, expected) in [
        (r#"[ "", "b,c" ,"é" ]"#, ["", "b,c", "é"]),
        (r#"["\"", "\\","x"]"#, ["\"", "\\", "x"]),
    ] {
        let data = format!(r#"{{"timestamp":"t","type":"v","id":"1","parents":{array}}}"#);
        let op = operation("insert", &data).unwrap();
        assert_eq!(parents(op.object().unwrap()), expected, "{array}");
    }
}

#[test]
fn parents_may_be_null_empty_or_missing() {
    for field in [
        "",
        r#","parents":null"#,
        r#","parents":[]"#,
        r#","parents": [ ] "#,
    ] {
        let op = operation(
            "delete",
            &format!(r#"{{"timestamp":"t","type":"v","id":"1"{field}}}"#),
        )
        .unwrap();
        assert!(parents(op.object().unwrap()).is_empty(), "{field}");
    }
}

#[test]
fn refuses_what_is_no_operation() {
    for data in [
        "",
        "{",
        "[]",
        "null",
        r#"{"type":"v","id":"1"}"#,
        r#"{"timestamp":"t","type":"v","id":1}"#,
        r#"{"timestamp":"t","type":"v","id":"1","parents":[1]}"#,
        r#"{"timestamp":"t","type":"v","id":"1"} x"#,
        "{\"timestamp\":\"t\",\"type\":\"v\",\"id\":\"\n\"}x",
    ] {
        assert!(operation("update", data).is_err(), "{data}");
    }
}

#[test]
fn unknown_events_may_carry_any_json() {
    assert!(operation("noted", "[1]").unwrap().object().is_none());
    assert!(operation("noted", "").unwrap().object().is_none());
    assert!(
        operation("noted", r#"{"timestamp":"t","type":"v","id":"1"}"#)
            .unwrap()
            .object()
            .is_some()
    );
    assert!(operation("noted", "nonsense").is_err());
}

#[test]
fn data_over_several_lines_becomes_one() {
    let op = operation(
        "insert",
        "{\"timestamp\":\"t\",\n\"type\":\"v\",\"id\":\"1\"}",
    )
    .unwrap();
    assert_eq!(
        op.data(),
        "{\"timestamp\":\"t\", \"type\":\"v\",\"id\":\"1\"}"
    );
}

#[test]
fn what_an_object_says_stands_where_it_did_when_its_lines_are_joined() {
    let op = operation(
        "insert",
        "\n{\n\"parents\":[\n\"a/1\",\n\"b/2\"\n],\"ref\":\"\\u0041\",\n\"timestamp\":\n\"t\",\"type\":\"v\",\"id\":\"1\"\n}\n",
    )
    .unwrap();
    let object = op.object().unwrap();
    assert_eq!(parents(object), ["a/1", "b/2"]);
    assert_eq!(object.reference, Some("A"));
    assert_eq!((object.timestamp, object.kind, object.id), ("t", "v", "1"));
}

#[test]
fn a_line_feed_inside_a_string_is_no_json() {
    let whole = r#"{"timestamp":"t","parents":["p/1"],"type":"v","id":"1","ref":"r","x":"y"}"#;
    let inside = whole.match_indices('"').step_by(2);
    for (place, _) in inside {
        let data = format!("{}\n{}", &whole[..=place], &whole[place + 1..]);
        for event in ["insert", "update", "delete", "create", "moved"] {
            let invalid = operation(event, &data).unwrap_err();
            assert_eq!(invalid.data, data);
        }
    }
    assert!(operation("moved", "\"a\nb\"").is_err());
    assert!(operation("moved", "[1,\n\"a\"]").is_ok());
}

proptest! {
    #[test]
    fn any_data_is_decoded_or_refused(event in "[a-z]{0,6}", data in any::<String>()) {
        if let Ok(op) = operation(&event, &data) {
            prop_assert!(!op.data().contains('\n'));
        }
    }
}
