//! Whether the nodes agree: on what stands, and on what they have read of the log.
//!
//! The node that leads says both in a bucket ([`speaker`]), and every node watches it and compares ([`comparer`]). All of them read the same
//! entries and carry them out in the same way: they differ if the servers' copies of the stream do, if two versions of this
//! program carry something out otherwise, or if an index is damaged. The bucket decides nothing: what holds is what the log says.
//! Other programs may read it, or watch it.

mod comparer;
mod readings;
mod speaker;
mod state;

use std::time::Duration;

use async_nats::jetstream::{Context, kv::Store};
use serde::{Deserialize, Serialize};

pub(super) use self::{comparer::compare, readings::Readings, speaker::speak};
use super::{Nats, NatsError, vault};
use crate::engine::{EngineError, Fault};

/// How often what is new is said, and compared.
const EVERY: Duration = Duration::from_secs(1);

/// To look at what stands costs each of the two at most this part of the time.
const PART: u32 = 10;

/// The key of what is written last each time.
const MARK: &str = "mark";

/// How the keys begin that hold what was read: `read.0` to `read.255`.
const READ: &str = "read.";

/// Says that what stands in the bucket does so as of an entry.
#[derive(Serialize, Deserialize)]
struct Mark {
    epoch: String,
    as_of: u64,
}

/// What was read of some entries in a row.
#[derive(Serialize, Deserialize)]
struct Read {
    epoch: String,
    block: readings::Block,
}

/// Whether it is said elsewhere, or to be expected: the servers do not answer, or the node ends.
fn is_known(error: &EngineError) -> bool {
    matches!(error, EngineError::Fault(Fault::Unreachable(_)) | EngineError::Closed)
}

/// Opens the bucket, made if it is not there.
pub(super) async fn open(context: &Context, nats: &Nats) -> Result<Store, NatsError> {
    let name = format!("{}-state", nats.stream);
    vault::open(context, &name, vault::bucket(&name, nats.replicas)).await
}
