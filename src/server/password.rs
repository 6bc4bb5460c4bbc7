use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, PasswordHasher, Version,
    password_hash::{self, Output, Salt, SaltString},
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
    queue: Arc<SignInQueue>,
    memory_of_strangers: Memory,
    memory_of_devices: Memory,
}

/// What a check computes in, 19 MiB from the first check on. It is kept: the allocator keeps memory of this size for each thread that
/// has ever asked for it. Checks that may run at the same time have one each, so that none waits for another.
type Memory = Mutex<Vec<Block>>;

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
        Self(Arc::new(Inner {
            hash,
            fingerprint,
            queue: Arc::new(SignInQueue::new()),
            memory_of_strangers: Memory::default(),
            memory_of_devices: Memory::default(),
        }))
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
        let is_device = matches!(from, Source::Device(_));
        let turn = self.0.queue.wait(from).await.map_err(Denied::Busy)?;
        let this = Arc::clone(&self.0);
        let right = tokio::task::spawn_blocking(move || {
            let memory = if is_device { &this.memory_of_devices } else { &this.memory_of_strangers };
            let right = this.is_right(&password, memory).unwrap_or(false);
            drop(turn);
            right
        });
        if right.await.unwrap_or(false) { Ok(()) } else { Err(Denied::Wrong) }
    }
}

impl Inner {
    /// Whether a password has the hash, as [`argon2::PasswordVerifier`] would say, but in memory that is kept.
    fn is_right(&self, password: &str, memory: &Memory) -> password_hash::Result<bool> {
        let hash = PasswordHash::new(&self.hash)?;
        let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else { return Ok(false) };
        let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
        let argon2 = Argon2::new(Algorithm::try_from(hash.algorithm)?, version, Params::try_from(&hash)?);
        let mut salt_bytes = [0; Salt::MAX_LENGTH];
        let salt = salt.decode_b64(&mut salt_bytes)?;
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.resize(argon2.params().block_count(), Block::default());
        let computed = Output::init_with(expected.len(), |output| {
            Ok(argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, memory.as_mut_slice())?)
        })?;
        // The comparison takes the same time wherever the two differ.
        Ok(computed == expected)
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

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_check_that_nobody_waits_for_keeps_its_turn_to_its_end() {
        let address = |n: u8| Source::Address(Some([10, 0, 0, n].into()));
        let password = Password::configured("correct horse").expect("random numbers");
        let (inner, (locked, is_locked), (release, is_released)) =
            (Arc::clone(&password.0), mpsc::channel(), mpsc::channel::<()>());
        let holder = thread::spawn(move || {
            let _memory = inner.memory_of_strangers.lock();
            locked.send(()).expect("a receiver");
            is_released.recv()
        });
        is_locked.recv().expect("a sender");
        for n in 0..50 {
            let check = password.check("wrong".to_owned(), address(n));
            assert!(check.now_or_never().is_none(), "it waits for its turn, or for the memory");
        }
        let another = password.0.queue.wait(address(99)).now_or_never();
        assert!(another.is_none(), "one check runs, although whoever asked for it has gone");
        let device = Source::Device("known".to_owned());
        assert_eq!(password.check("correct horse".to_owned(), device).await, Ok(()), "a known device waits for none of them");
        release.send(()).expect("a receiver");
        holder.join().expect("no panic").expect("a sender");
        assert_eq!(password.check("correct horse".to_owned(), address(99)).await, Ok(()));
    }

    #[test]
    fn checks_on_any_thread_compute_in_the_same_memory() {
        let password = Password::configured("correct horse").expect("random numbers");
        let memory = &password.0.memory_of_strangers;
        let check =
            |said: &str| thread::scope(|scope| scope.spawn(|| password.0.is_right(said, memory)).join().expect("no panic"));
        assert_eq!(check("correct horse"), Ok(true));
        let place = || memory.lock().map(|memory| (memory.as_ptr() as usize, memory.len())).expect("no panic");
        let first = place();
        for (said, is_right) in [("wrong horse", false), ("", false), ("correct horse", true)] {
            assert_eq!(check(said), Ok(is_right), "{said}");
        }
        assert_eq!(place(), first);
        assert_eq!(first.1, Params::DEFAULT.block_count());
    }
}
