//! An OpLog server in memory. `--demo`, the tests and the benches share it, so that the semantics
//! of the real one (`oplogd`) are written down once.

mod accept;
mod asked;
mod connection;
mod figures;
mod handle;
mod http;
pub mod model;
pub mod object;
mod shared;
mod status;
mod thread;

pub use asked::Asked;
pub use figures::Figures;
pub use handle::{Handle, Server, now_ms};
pub use shared::{Admission, ServerConfig};
pub use thread::ServerThread;
