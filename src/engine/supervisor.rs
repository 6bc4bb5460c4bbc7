use std::{fmt::Display, sync::Arc};

use tokio::sync::watch;

/// Knows whether a thread or a task has ended that the program cannot do without. Clones are cheap.
#[derive(Clone)]
pub struct Supervisor(Arc<watch::Sender<Option<Arc<str>>>>);

/// Reports a panic of the work in whose scope it is.
pub struct Guard {
    supervisor: Supervisor,
    name: &'static str,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Supervisor {
    /// Watches over work of that name: keep the guard where the work is done.
    pub fn watch(&self, name: &'static str) -> Guard {
        Guard { supervisor: self.clone(), name }
    }

    /// Notes that the program cannot go on. The first reason is kept.
    pub fn fail(&self, name: &str, why: impl Display) {
        tracing::error!("{name}: {why}");
        self.0.send_if_modified(|failure| {
            let is_first = failure.is_none();
            failure.get_or_insert_with(|| format!("{name}: {why}").into());
            is_first
        });
    }

    /// Why the program cannot go on; `None` while it can.
    pub fn failure(&self) -> Option<Arc<str>> {
        self.0.borrow().clone()
    }

    /// Returns when the program cannot go on, with the reason. Cancel safe.
    pub async fn failed(&self) -> Arc<str> {
        let mut failures = self.0.subscribe();
        match failures.wait_for(Option::is_some).await.map(|failure| failure.clone()) {
            Ok(Some(failure)) => failure,
            // The sender is `self`, and the condition has held.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.supervisor.fail(self.name, "it panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failure_and_the_first_one_is_kept() {
        let supervisor = Supervisor::default();
        drop(supervisor.watch("one"));
        assert_eq!(supervisor.failure(), None);
        let watched = supervisor.clone();
        let panicked = tokio::spawn(async move {
            let _guard = watched.watch("two");
            panic!("a test");
        });
        assert!(panicked.await.is_err());
        supervisor.fail("three", "no reason");
        assert_eq!(&*supervisor.failed().await, "two: it panicked");
        assert_eq!(supervisor.failure().as_deref(), Some("two: it panicked"));
    }
}
