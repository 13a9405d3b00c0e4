//! A secret in a file, for containers: it is in no command line and no environment. Where there is no
//! file, one is made with a random secret, so that nobody has to think of one.
//!
//! Several processes may come to an empty place at the same time: one makes the file, the others read it.
//! How it fails: a file that cannot be read or made, or has nothing in it, is an error that names it.

use crate::Secret;
use common::entropy::random_u64;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
#[error("the file {file} with the secret is of no use: {why}")]
pub struct SecretFileError {
    /// The file.
    file: PathBuf,
    /// What is wrong with it.
    why: io::Error,
}

/// The secret in this file, which only its owner may read when it is made here.
///
/// # Errors
/// [`NoSecret`].
pub fn load_or_create(file: &Path) -> Result<Secret, SecretFileError> {
    let read = match read_trimmed(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create(file).and_then(|()| self::read_trimmed(file))
        }
        outcome => outcome,
    };
    read.map_err(|why| SecretFileError { file: file.to_owned(), why })
}

/// The secret in this file, for whoever shows it to those who made it.
///
/// # Errors
/// [`NoSecret`], also where there is no file.
pub fn load(file: &Path) -> Result<Secret, SecretFileError> {
    read_trimmed(file).map_err(|why| SecretFileError { file: file.to_owned(), why })
}

fn read_trimmed(file: &Path) -> io::Result<Secret> {
    match fs::read_to_string(file)?.trim() {
        "" => Err(io::Error::new(ErrorKind::InvalidData, "it is empty")),
        secret => Ok(Secret::from(secret)),
    }
}

/// It is written beside its place and then put there whole: nobody ever reads a half of it.
fn create(file: &Path) -> io::Result<()> {
    let draft = file.with_extension(format!("{:x}", random_u64()));
    let secret = format!("{:016x}{:016x}\n", random_u64(), random_u64());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(&draft)?.write_all(secret.as_bytes())?;
    let placed = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match placed {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_secret_that_is_missing_is_made_once_for_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let all: Vec<_> = thread::scope(|scope| {
            let askers: Vec<_> = (0..8).map(|_| scope.spawn(|| load_or_create(&file).unwrap())).collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).collect()
        });
        assert_eq!(all[0].reveal().len(), 32);
        assert!(all.iter().all(|secret| *secret == all[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_that_is_there_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "hunter2\n").unwrap();
        assert!(load_or_create(&file).unwrap().matches("hunter2"));
        fs::write(&file, "\n").unwrap();
        let error = load_or_create(&file).unwrap_err().to_string();
        assert!(error.ends_with("secret with the secret is of no use: it is empty"), "{error}");
    }
}
