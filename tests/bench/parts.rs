//! The parts of what an operation goes through, one by one: where the time of the whole is spent.

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box, black_box_drop};

use oplog_tail::oplog::{Operation, Record};
use oplog_tail::output::{Format, Printer};
use oplog_tail::sse::fast_path::take_batch;
use oplog_tail::tracker::in_flight::{Id, InFlight};

use crate::server::operation;

/// How many operations each part gets at once: about what a read from a full socket brings.
const OPERATIONS: usize = 1000;

/// Measures each part, or only shows that it works.
pub fn run(measure: bool) {
    println!("the parts, for {OPERATIONS} operations each");
    let divan = divan::Divan::default();
    if measure {
        divan.run_benches();
    } else {
        divan.test_benches();
    }
}

fn stream() -> Bytes {
    (0..OPERATIONS as u64)
        .flat_map(operation)
        .collect::<Vec<u8>>()
        .into()
}

fn records() -> Vec<Record> {
    take_batch(&mut stream()).collect()
}

fn operations() -> Vec<Operation> {
    records()
        .into_iter()
        .map(|record| Operation::new(record).expect("a sound operation"))
        .collect()
}

#[divan::bench]
fn pick_out_of_the_stream(bencher: Bencher<'_, '_>) {
    let stream = stream();
    bencher
        .counter(ItemsCount::new(OPERATIONS))
        .with_inputs(|| stream.clone())
        .bench_refs(|stream| black_box_drop(take_batch(stream)));
}

#[divan::bench]
fn check_usual_form(bencher: Bencher<'_, '_>) {
    check(bencher, &records());
}

#[divan::bench]
fn check_other_form(bencher: Bencher<'_, '_>) {
    // White space and an escape: for the general JSON parser.
    let other = |record: Record| {
        let data = record.data().replace(':', ": ").replace('/', "\\/");
        Record::new(record.id(), record.event(), &data)
    };
    check(
        bencher,
        &records().into_iter().map(other).collect::<Vec<_>>(),
    );
}

fn check(bencher: Bencher<'_, '_>, records: &[Record]) {
    bencher
        .counter(ItemsCount::new(OPERATIONS))
        .with_inputs(|| records.to_vec())
        .bench_values(|records| {
            for record in records {
                black_box_drop(Operation::new(record));
            }
        });
}

#[divan::bench]
fn print_json(bencher: Bencher<'_, '_>) {
    print(bencher, &Printer::new(Format::Json, false, false));
}

#[divan::bench]
fn print_text(bencher: Bencher<'_, '_>) {
    print(bencher, &Printer::new(Format::Text, false, false));
}

#[divan::bench]
fn print_colored_text(bencher: Bencher<'_, '_>) {
    print(bencher, &Printer::new(Format::Text, true, false));
}

fn print(bencher: Bencher<'_, '_>, printer: &Printer) {
    let operations = operations();
    let mut out = Vec::new();
    bencher
        .counter(ItemsCount::new(OPERATIONS))
        .bench_local(|| {
            out.clear();
            for operation in &operations {
                printer.print(black_box(operation), None, &mut out);
            }
        });
}

#[divan::bench]
fn acknowledge_by_id(bencher: Bencher<'_, '_>) {
    let records = records();
    let mut in_flight = InFlight::default();
    bencher
        .counter(ItemsCount::new(OPERATIONS))
        .bench_local(|| {
            for record in &records {
                in_flight.deliver(Id::new(record.id()), 0, None);
            }
            for record in &records {
                let acknowledged = in_flight.acknowledge(&Id::new(record.id()));
                acknowledged.expect("it is in flight");
            }
        });
}
