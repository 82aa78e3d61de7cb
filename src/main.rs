//! `oplog-tail`: follow the operation log of an OpLog server.
fn main() {}
