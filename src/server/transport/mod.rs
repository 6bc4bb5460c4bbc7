//! What bounds the bytes that wait in the process for its clients, and for how long they may wait.
//!
//! - [`backlog`]: one budget for all connections. When it is exceeded, the connection that holds most is closed.
//! - [`pace`]: the rate at which a client has to take what waits for it.
//! - [`reads`]: how many answers with stored messages are put together at once.
//! - [`socket`]: both, applied to a TCP connection that hyper serves.

mod backlog;
mod pace;
mod reads;
mod socket;

pub use self::backlog::{Backlog, DEFAULT_BYTES as DEFAULT_BACKLOG_BYTES};
pub(in crate::server) use self::{
    backlog::{Charge, Reader},
    pace::Pace,
    reads::one_of_few,
    socket::{CountedBody, Limited, Portion, Usage},
};
