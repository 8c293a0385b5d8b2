//! The secret of an installation: without it, what the state database holds of keys is worth nothing.

use std::fs::OpenOptions;
use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::Path;

use super::AccessError;
use super::key::random;

/// 256 bits that all processes of an installation share.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the secret in `file`: 64 hexadecimal digits. One that is not there is made, readable by its owner alone.
    pub fn open(file: &Path) -> Result<Self, AccessError> {
        let fault = |reason: String| AccessError::Secret { file: file.to_owned(), reason };
        match std::fs::read_to_string(file) {
            Ok(text) => {
                check_is_private(file)?;
                let digest = blake3::Hash::from_hex(text.trim());
                digest
                    .map(|hash| Self(*hash.as_bytes()))
                    .map_err(|_| fault("it does not hold 64 hexadecimal digits".to_owned()))
            }
            Err(error) if error.kind() == IoErrorKind::NotFound => Self::make(file),
            Err(error) => Err(fault(error.to_string())),
        }
    }

    fn make(file: &Path) -> Result<Self, AccessError> {
        let fault = |error: std::io::Error| AccessError::Secret { file: file.to_owned(), reason: error.to_string() };
        let secret = Self(random());
        // Written whole under another name, so that a second process finds all of it or nothing.
        let part = file.with_extension(format!("{:016x}.part", u64::from_le_bytes(random())));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&part).and_then(|mut open| {
            writeln!(open, "{}", blake3::Hash::from_bytes(secret.0).to_hex())?;
            open.sync_all()
        });
        let linked = written.and_then(|()| std::fs::hard_link(&part, file));
        let _ = std::fs::remove_file(&part);
        match linked {
            Ok(()) => Ok(secret),
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => Self::open(file),
            Err(error) => Err(fault(error)),
        }
    }

    /// What is kept of `text`, which nobody can make or check without the secret.
    pub fn hash(&self, text: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.0, text.as_bytes())
    }

    /// A secret of its own for `purpose`.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("rhapsode 2026-11 purposes of the secret of an installation");
        hasher.update(&self.0);
        hasher.update(purpose.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

#[cfg(unix)]
fn check_is_private(file: &Path) -> Result<(), AccessError> {
    use std::os::unix::fs::PermissionsExt;
    let fault = |reason: String| AccessError::Secret { file: file.to_owned(), reason };
    let mode = std::fs::metadata(file).map_err(|error| fault(error.to_string()))?.permissions().mode() & 0o777;
    // A group may read it: that is how orchestrators mount secrets.
    match mode & 0o037 {
        0 => Ok(()),
        _ => Err(fault(format!("others may read or change it (mode {mode:03o}); `chmod 600` mends that"))),
    }
}

#[cfg(not(unix))]
fn check_is_private(_: &Path) -> Result<(), AccessError> {
    Ok(())
}
