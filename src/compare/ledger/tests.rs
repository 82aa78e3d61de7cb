use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn at(ms: i64) -> Moment {
    Moment(ms)
}

#[test]
fn keeps_what_each_side_says_last() {
    let mut ledger = Ledger::default();
    ledger.set_dump("video", "x", at(1)).unwrap();
    ledger.set_dump("video", "x", at(2)).unwrap();
    ledger
        .set_server(("video", "x"), Server::Live(at(3)), None)
        .unwrap();
    ledger
        .set_server(("user", "x"), Server::Live(at(4)), None)
        .unwrap();
    ledger
        .set_server(("user", "x"), Server::Deleted(at(5)), None)
        .unwrap();
    assert_eq!(ledger.len(), 2);
    assert_eq!(ledger.name(0), ("video", "x"));
    assert_eq!(
        (ledger.dump(0), ledger.server(0)),
        (Some(at(2)), Server::Live(at(3)))
    );
    assert_eq!(
        (ledger.dump(1), ledger.server(1)),
        (None, Server::Deleted(at(5)))
    );
    ledger.forget_server();
    assert_eq!(
        (ledger.dump(0), ledger.server(0)),
        (Some(at(2)), Server::Unknown)
    );
}

#[test]
fn type_and_id_are_told_apart() {
    let mut ledger = Ledger::default();
    for (kind, id) in [
        ("a", "b/c"),
        ("a/b", "c"),
        ("ab", "c"),
        ("a", "bc"),
        ("a", ""),
    ] {
        ledger.set_dump(kind, id, at(0)).unwrap();
    }
    assert_eq!(ledger.len(), 5);
}

#[test]
fn an_ordinary_ref_takes_no_room() {
    let mut ledger = Ledger::default();
    for number in 0..1000 {
        let id = format!("x{number:04}");
        let reference = format!("http://api.example.com/video/{id}?v=1");
        ledger
            .set_server(("video", &id), Server::Live(at(0)), Some(&reference))
            .unwrap();
        assert_eq!(ledger.reference(number), Some(reference));
    }
    assert_eq!(ledger.refs.len(), 1);
}

#[test]
fn an_entry_is_small() {
    assert_eq!(size_of::<Entry>(), 24);
}

/// More types, and longer beginnings of ids, than what is compared first can tell apart.
#[test]
fn any_number_of_types_is_sorted() {
    let mut ledger = Ledger::default();
    for number in 0..70_000_u32 {
        let kind = number.wrapping_mul(2_654_435_761).to_string();
        ledger.set_dump(&kind, "same beginning 2", at(0)).unwrap();
        ledger.set_dump(&kind, "same beginning 1", at(0)).unwrap();
    }
    let mut objects: Vec<u32> = (0..140_000).collect();
    ledger.sort(&mut objects);
    assert!(objects.is_sorted_by_key(|object| ledger.name(*object)));
}

#[derive(Clone, Debug)]
enum Step {
    Dump(i64),
    Live(i64),
    Deleted(i64),
}

fn steps() -> impl Strategy<Value = Vec<(String, String, Step, Option<String>)>> {
    let step = prop_oneof![
        (-5..5_i64).prop_map(Step::Dump),
        (-5..5_i64).prop_map(Step::Live),
        (-5..5_i64).prop_map(Step::Deleted),
    ];
    // Some refs hold the id, some twice, some not.
    let reference = proptest::option::of("(http://h/)?[ab]{0,3}(/é)?");
    proptest::collection::vec(("[tu]{1,2}", "[ab]{0,3}", step, reference), 0..60)
}

proptest! {
    #[test]
    fn is_a_map(steps in steps()) {
        let mut ledger = Ledger::default();
        let mut map = BTreeMap::new();
        for (kind, id, step, reference) in steps {
            let known: &mut (_, _, Option<String>) = map
                .entry((kind.clone(), id.clone()))
                .or_insert((None, Server::Unknown, None));
            match step {
                Step::Dump(ms) => {
                    known.0 = Some(at(ms));
                    ledger.set_dump(&kind, &id, at(ms)).unwrap();
                    continue;
                }
                Step::Live(ms) => known.1 = Server::Live(at(ms)),
                Step::Deleted(ms) => known.1 = Server::Deleted(at(ms)),
            }
            known.2.clone_from(&reference);
            ledger.set_server((&kind, &id), known.1, reference.as_deref()).unwrap();
        }
        let mut order: Vec<_> = (0..).take(ledger.len()).collect();
        ledger.sort(&mut order);
        prop_assert_eq!(order.len(), map.len());
        for (entry, ((kind, id), (dump, server, reference))) in order.into_iter().zip(map) {
            prop_assert_eq!(ledger.name(entry), (kind.as_str(), id.as_str()));
            prop_assert_eq!(ledger.dump(entry), dump);
            prop_assert_eq!(ledger.server(entry), server);
            prop_assert_eq!(ledger.reference(entry), reference);
        }
    }
}
