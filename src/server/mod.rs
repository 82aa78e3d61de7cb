//! An OpLog server in memory. `--demo`, the tests and the benches share it, so that the semantics
//! of the real one (`oplogd`) are written down once.

mod accept;
mod agent;
mod asked;
mod figures;
mod http;
pub mod model;
pub mod object;
mod running;
mod status;
mod thread;

pub use agent::{Admission, Agent, Handle, ServerConfig, now_ms};
pub use asked::Asked;
pub use figures::Figures;
pub use running::Server;
pub use thread::ServerThread;
