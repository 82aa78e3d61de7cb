//! The contents of a log: records, operations, objects and positions. No input or output.

mod kept;
mod object;
mod operation;
mod position;
mod record;
mod scan;
mod span;

pub use object::Object;
pub use operation::{Event, InvalidData, InvalidOperation, Operation, on_one_line};
pub use position::{InvalidPosition, ObjectId, Position};
pub use record::Record;
