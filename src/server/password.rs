use std::{fs, io, path::Path, sync::Arc, time::Duration};

use argon2::{
    Argon2, PasswordHash, PasswordHasher, PasswordVerifier,
    password_hash::{self, SaltString},
};

use super::{
    secrets,
    sign_in_queue::{SignInQueue, Source},
};

/// Checks the password of whoever runs the chat.
#[derive(Clone)]
pub struct Password(Arc<Inner>);

struct Inner {
    /// In the PHC string format, by Argon2id.
    hash: String,
    /// What is another one for another password, and the same one after a restart.
    fingerprint: String,
    queue: SignInQueue,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It is another one.
    Wrong,
    /// Very many wait at this moment; after that time it may be tried again.
    Busy(Duration),
}

impl Password {
    /// The password that is configured.
    ///
    /// # Errors
    /// If there are no random numbers.
    pub fn configured(password: &str) -> io::Result<Self> {
        // The hash has a new salt at each start.
        Ok(Self::new(hash(password)?, password.to_owned()))
    }

    /// The password whose hash is in the file; a new one, given beside it, if there is no file.
    ///
    /// # Errors
    /// The file's, and `InvalidData` if it holds no hash.
    pub fn load_or_make(path: &Path) -> io::Result<(Self, Option<String>)> {
        match fs::read_to_string(path) {
            Ok(text) => match PasswordHash::new(text.trim()) {
                Ok(_) => Ok((Self::of(text.trim().to_owned()), None)),
                Err(_) => {
                    Err(io::Error::new(io::ErrorKind::InvalidData, "it holds no hash; delete it to have a new password made"))
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let password = random_password()?;
                let hash = hash(&password)?;
                secrets::write(path, &hash)?;
                Ok((Self::of(hash), Some(password)))
            }
            Err(error) => Err(error),
        }
    }

    /// The password of this hash, in the PHC string format.
    pub fn of(hash: String) -> Self {
        Self::new(hash.clone(), hash)
    }

    fn new(hash: String, fingerprint: String) -> Self {
        Self(Arc::new(Inner { hash, fingerprint, queue: SignInQueue::new() }))
    }

    /// What is another one for another password, and stays the same over restarts. A secret.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// Checks a password that comes from there, when its turn has come. The check takes some 20 ms, on a thread where it may block.
    ///
    /// # Errors
    /// See [`Denied`].
    pub(crate) async fn check(&self, password: String, from: Source) -> Result<(), Denied> {
        let _turn = self.0.queue.wait(from).await.map_err(Denied::Busy)?;
        let this = Arc::clone(&self.0);
        let right = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(&this.hash).expect("it was read or made as one");
            Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
        });
        if right.await.unwrap_or(false) { Ok(()) } else { Err(Denied::Wrong) }
    }
}

/// The hash of a password, with a salt of its own.
pub(crate) fn hash(password: &str) -> io::Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(io::Error::other)?;
    let failed = |error: password_hash::Error| io::Error::other(error.to_string());
    let salt = SaltString::encode_b64(&salt).map_err(failed)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string())
}

/// 80 random bits, in a form that can be typed.
fn random_password() -> io::Result<String> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let groups = bytes.chunks(2).map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Ok(groups.collect::<Vec<_>>().join("-"))
}
