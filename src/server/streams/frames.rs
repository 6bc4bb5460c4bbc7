use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use bytes::Bytes;

use crate::server::transport::{Backlog, Charge};

/// Encoded frames on their way to sockets. They count in the backlog while at least one socket has not taken them, once however many
/// sockets that are.
pub(in crate::server) struct Frames {
    pub(super) bytes: Bytes,
    charge: RefCell<Weak<Charge>>,
    /// Of frames that count from the start: those made for one reader alone.
    _own: Option<Arc<Charge>>,
}

impl Frames {
    /// Frames that count from now on.
    pub(super) fn charged(bytes: Bytes, backlog: &Backlog) -> Self {
        let charge = Arc::new(backlog.charge(bytes.len()));
        Self { bytes, charge: RefCell::new(Arc::downgrade(&charge)), _own: Some(charge) }
    }

    /// Counts them for as long as the result lives.
    pub(super) fn charge(&self, backlog: &Backlog) -> Arc<Charge> {
        let mut known = self.charge.borrow_mut();
        known.upgrade().unwrap_or_else(|| {
            let charge = Arc::new(backlog.charge(self.bytes.len()));
            *known = Arc::downgrade(&charge);
            charge
        })
    }
}

impl From<Bytes> for Frames {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, charge: RefCell::default(), _own: None }
    }
}
