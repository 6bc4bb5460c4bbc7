use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::Fault;

/// Whether the log can be written, as its writer and its checks have found. Clones share what they know.
///
/// A standard lock, because it is held for a look only and never across an await.
#[derive(Clone, Default)]
pub(super) struct Health(Arc<Mutex<Option<Fault>>>);

impl Health {
    /// Why nothing can be written; `None` while all is well.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.lock().clone()
    }

    /// Notes a fault. Damage stays, whatever happens later: the next write may well succeed, and make it worse.
    pub(super) fn fail(&self, fault: Fault) {
        let mut known = self.lock();
        if !matches!(*known, Some(Fault::Damaged(_))) {
            *known = Some(fault);
        }
    }

    /// Notes that something was written.
    pub(super) fn recover(&self) {
        let mut known = self.lock();
        if matches!(*known, Some(Fault::Failing(_))) {
            tracing::info!("the log can be written again");
            *known = None;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
