//! Watches the disk of the data folder, so that a flood of messages is refused before the database cannot be written.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::hub::Hub;

/// How often the free space is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// The disk of a folder, and how many bytes of it must stay free; 0 for no such rule.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) folder: PathBuf,
    pub(super) least_bytes: u64,
}

impl Disk {
    /// Looks at the free space now, and tells the hub whether it is enough. Space that cannot be measured counts as enough: a disk that
    /// fails is found out by writing.
    pub(super) fn check(&self, hub: &Hub) {
        if self.least_bytes == 0 {
            return;
        }
        match free_bytes(&self.folder) {
            Ok(free_bytes) => {
                let is_low = free_bytes < self.least_bytes;
                if hub.set_disk_low(is_low) == is_low {
                    return;
                }
                let least_bytes = self.least_bytes;
                match is_low {
                    true => tracing::error!(free_bytes, least_bytes, "the disk is nearly full: nothing more can be published"),
                    false => tracing::info!(free_bytes, least_bytes, "the disk has free space again"),
                }
            }
            Err(error) => tracing::warn!(%error, "the free space of the disk cannot be measured"),
        }
    }

    /// Looks at the free space from time to time, for ever.
    pub(super) async fn watch(self, hub: Hub) {
        if self.least_bytes == 0 {
            return;
        }
        loop {
            tokio::time::sleep(EVERY).await;
            let (disk, hub) = (self.clone(), hub.clone());
            // A network disk may take its time.
            let checked = tokio::task::spawn_blocking(move || disk.check(&hub)).await;
            if checked.is_err() {
                return;
            }
        }
    }
}

/// The bytes that this process may still write to the disk of a folder.
fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_measured() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(free_bytes(folder.path()).expect("a disk") > 0);
        assert!(free_bytes(&folder.path().join("none")).is_err());
    }
}
