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
        assert_eq!(ledger.reference(number).as_deref(), Some(&*reference));
    }
    assert_eq!(ledger.buffer.len(), 1000 * (1 + 1 + 5));
}

/// Each of them as if it had a pattern of its own.
#[test]
fn refs_without_a_pattern_are_kept_too() {
    let mut ledger = Ledger::default();
    let count = 3 * MOST_PATTERNS as usize;
    let name = |number: usize| (format!("x{number}"), format!("http://h/{number}/x{number}"));
    for round in ["", "?"] {
        for number in 0..count {
            let (id, reference) = name(number);
            let reference = reference + round;
            ledger
                .set_server(("video", &id), Server::Live(at(0)), Some(&reference))
                .unwrap();
        }
    }
    for number in 0..count {
        let (id, reference) = name(number);
        assert_eq!(ledger.name(number), ("video", id.as_str()));
        assert_eq!(ledger.reference(number).unwrap(), reference + "?");
    }
}

#[test]
fn an_entry_is_small() {
    assert_eq!(size_of::<Entry>(), 24);
}

#[test]
fn numbers_of_any_size_are_kept() {
    for number in [0, 1, 127, 128, 16383, 16384, 1 << 40] {
        let mut buffer = Vec::new();
        push_number(number, &mut buffer);
        buffer.push(7);
        assert_eq!(take_number(&buffer), (number, &[7][..]));
    }
    assert_eq!(Start::new((1 << 40) - 1).get(), (1 << 40) - 1);
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
        let mut order: Vec<_> = (0..ledger.len()).collect();
        order.sort_by(|one, other| ledger.order(*one, *other));
        prop_assert_eq!(order.len(), map.len());
        for (entry, ((kind, id), (dump, server, reference))) in order.into_iter().zip(map) {
            prop_assert_eq!(ledger.name(entry), (kind.as_str(), id.as_str()));
            prop_assert_eq!(ledger.dump(entry), dump);
            prop_assert_eq!(ledger.server(entry), server);
            let kept = ledger.reference(entry).map(Cow::into_owned);
            prop_assert_eq!(kept, reference);
        }
    }
}
