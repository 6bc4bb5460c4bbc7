use std::sync::{Arc, PoisonError, RwLock};

use super::{Hub, Refusal};
use crate::chat::{Appearance, AppearanceChange};

/// How all pages look now.
///
/// A standard lock, because it is held for a moment only and never across an await.
pub(super) struct Shown(RwLock<Arc<Appearance>>);

impl Shown {
    pub(super) fn of(appearance: Appearance) -> Self {
        Self(RwLock::new(Arc::new(appearance)))
    }

    /// Takes over what the store says.
    pub(super) fn note(&self, appearance: Arc<Appearance>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = appearance;
    }
}

impl Hub {
    /// Returns how all pages look, as far as owners have chosen: the same allocation until that changes.
    pub fn appearance(&self) -> Arc<Appearance> {
        Arc::clone(&self.0.appearance.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes how all pages look. Pages that are rendered after this has returned look like that. The log says what was changed, and
    /// by whom.
    ///
    /// # Errors
    /// [`Refusal::OtherLook`] if somebody has changed the version that it is meant for, or the engine's.
    pub async fn change_appearance(&self, change: AppearanceChange, by: &str) -> Result<Appearance, Refusal> {
        let (before, wanted) = (self.appearance(), change.clone().for_version(None));
        let after = self.0.engine.change_appearance(change).await?;
        if after.changed(&wanted) != after {
            return Err(Refusal::OtherLook);
        }
        let changed = before.differences(&after);
        if !changed.is_empty() {
            let value = |key: &&str| format!("{key}: {} -> {}", before.find(key).unwrap_or("-"), after.find(key).unwrap_or("-"));
            let changed: Vec<_> = changed.iter().map(|key| if *key == "logo" { "logo".to_owned() } else { value(key) }).collect();
            tracing::info!(by, changed = ?changed, "the look of the pages was changed");
        }
        Ok(after)
    }
}
