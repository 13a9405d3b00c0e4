//! Secrets of operators, as options or in files. No log, error or `--help` shows one.

use common::entropy::random_u64;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// Text that `Debug` hides.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Compares with a guess. The time depends only on the lengths.
    pub fn matches(&self, guess: &str) -> bool {
        self.0.as_bytes().ct_eq(guess.as_bytes()).into()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The shortest secret on an address that other machines reach, in bytes.
pub const MIN_SECRET: usize = 8;
/// The fewest different bytes of such a secret.
const MIN_VARIETY: usize = 4;
/// Secrets of examples, of Janus' default configuration, and at the top of every list of guesses.
const WELL_KNOWN: [&str; 10] = [
    "12345678",
    "123456789",
    "1234567890",
    "changeme",
    "janusoverlord",
    "janusrocks",
    "password",
    "password1",
    "qwertyui",
    "switchboard",
];

/// A secret that is guessed soon would protect an address that other machines reach.
#[derive(Debug, thiserror::Error)]
#[error(
    "{flag} is too easy to guess for {address}: set a random one of at least {MIN_SECRET} characters \
     (openssl rand -hex 16), or listen on 127.0.0.1"
)]
pub struct WeakSecret {
    flag: &'static str,
    address: SocketAddr,
}

impl Secret {
    /// Checks that the secret is not guessed soon, if other machines reach the address that it protects. `flag` is the
    /// option that has it.
    ///
    /// # Errors
    /// When it is too short, too uniform or well known.
    pub fn check_strength(&self, flag: &'static str, address: SocketAddr) -> Result<(), WeakSecret> {
        let bytes = self.0.as_bytes();
        let is_varied = bytes.iter().collect::<BTreeSet<_>>().len() >= MIN_VARIETY;
        let is_well_known = WELL_KNOWN.iter().any(|known| self.0.eq_ignore_ascii_case(known));
        let is_strong = bytes.len() >= MIN_SECRET && is_varied && !is_well_known;
        if is_strong || address.ip().to_canonical().is_loopback() {
            Ok(())
        } else {
            Err(WeakSecret { flag, address })
        }
    }
}

/// A secret file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the secret file {file}: {cause}")]
pub struct SecretFileError {
    file: PathBuf,
    cause: io::Error,
}

/// Reads the secret in `file`, or creates the file with a random secret, readable by its owner only.
///
/// Several processes may do so at the same time: one creates the file, the others read it.
///
/// # Errors
/// When the file cannot be read or created, or is empty.
pub fn load_or_create(file: &Path) -> Result<Secret, SecretFileError> {
    let secret = match read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => create(file).and_then(|()| read(file)),
        outcome => outcome,
    };
    secret.map_err(|cause| SecretFileError { file: file.to_owned(), cause })
}

/// Reads the secret in `file`.
///
/// # Errors
/// When the file is missing, empty or cannot be read.
pub fn load(file: &Path) -> Result<Secret, SecretFileError> {
    read(file).map_err(|cause| SecretFileError { file: file.to_owned(), cause })
}

fn read(file: &Path) -> io::Result<Secret> {
    match fs::read_to_string(file)?.trim() {
        "" => Err(io::Error::new(ErrorKind::InvalidData, "it is empty")),
        secret => Ok(Secret::from(secret)),
    }
}

/// Writes a temporary file and links it into place, so that readers see all of it or nothing.
fn create(file: &Path) -> io::Result<()> {
    let temporary = file.with_extension(format!("{:x}", random_u64()));
    let secret = format!("{:016x}{:016x}\n", random_u64(), random_u64());
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(&temporary)?.write_all(secret.as_bytes())?;
    let linked = fs::hard_link(&temporary, file);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_secret_is_compared_and_not_shown() {
        let secret: Secret = "hunter2".parse().unwrap();
        assert!(secret.matches("hunter2"));
        for guess in ["", "hunter", "hunter22", "Hunter2"] {
            assert!(!secret.matches(guess), "{guess}");
        }
        assert_eq!(format!("{secret:?}"), "(secret)");
    }

    #[test]
    fn a_guessable_secret_is_for_loopback_only() {
        let check = |secret: &str, address: &str| {
            Secret::from(secret).check_strength("--api-secret", address.parse().unwrap())
        };
        for weak in
            ["", "x", "hunter2", "aaaaaaaaaaaa", "abababababab", "Password", "janusoverlord", "12345678"]
        {
            for open in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:0.0.0.0]:1"] {
                let error = check(weak, open).unwrap_err().to_string();
                assert!(error.starts_with("--api-secret is too easy to guess for "), "{error}");
                assert!(weak.len() < 6 || !error.contains(weak), "{error}");
            }
            for local in ["127.0.0.1:1", "127.1.1.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
                assert!(check(weak, local).is_ok(), "{weak} on {local}");
            }
        }
        assert!(check("hunter22", "0.0.0.0:1").is_ok() && check("Tr0ub4dor", "[::]:1").is_ok());
    }

    #[test]
    fn a_missing_secret_file_is_created_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let all: Vec<_> = thread::scope(|scope| {
            let loads: Vec<_> = (0..8).map(|_| scope.spawn(|| load_or_create(&file).unwrap())).collect();
            loads.into_iter().map(|load| load.join().unwrap()).collect()
        });
        assert_eq!(all[0].reveal().len(), 32);
        assert!(all.iter().all(|secret| *secret == all[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_secret_file_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, "hunter2\n").unwrap();
        assert!(load_or_create(&file).unwrap().matches("hunter2"));
        fs::write(&file, "\n").unwrap();
        let error = load_or_create(&file).unwrap_err().to_string();
        assert!(error.ends_with("secret: it is empty"), "{error}");
    }
}
