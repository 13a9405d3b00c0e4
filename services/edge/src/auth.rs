//! Who may use this edge, by the rules of Janus (`janus.c`, `auth.c`): with a secret that all clients share, with a
//! token that the operator's own server signs, or with either.
//!
//! A token is `EXPIRY,REALM,PLUGIN,...:SIGNATURE`. It is valid until `EXPIRY`, in unix seconds, for these plugins; the
//! realm is `janus`. The signature is the base64 of the HMAC-SHA1 of everything before the colon.
//!
//! A session that was created with a token can only be claimed with the same token. The edge compares a keyed digest,
//! which may be stored where the token itself must not be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use protocol::error::{JanusError, UNAUTHORIZED, UNAUTHORIZED_PLUGIN};
use protocol::request::Credentials;
use protocol::videocall::PLUGIN;
use service::Secret;
use sha1::Sha1;

/// The realm of tokens for the core API.
const REALM: &str = "janus";
/// Keeps digests apart from the texts that tokens sign, so that a digest is no signature.
const DIGEST_PREFIX: &[u8] = b"claim:";

/// What a client must show.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// The secret that all clients share.
    pub api_secret: Option<Secret>,
    /// The key that tokens are signed with.
    pub token_secret: Option<Secret>,
}

impl Auth {
    /// Accepts a request with these credentials, at `now` in unix seconds. If both ways are configured, either is
    /// enough.
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(&self, shown: &Credentials<'_>, now: u64) -> Result<(), Unauthorized> {
        if self.is_open() || self.has_api_secret(shown) {
            return Ok(());
        }
        let token = self.token_secret.as_ref().zip(shown.token.as_ref());
        let token = token.map(|(key, token)| Token::verify(token, key, now));
        let is_guess = self.api_secret.is_some() && shown.api_secret.is_some();
        match token {
            Some(Ok(_)) => Ok(()),
            Some(Err(Unauthorized::Expired)) if !is_guess => Err(Unauthorized::Expired),
            Some(Err(_)) => Err(Unauthorized::Wrong),
            None if is_guess => Err(Unauthorized::Wrong),
            None => Err(Unauthorized::Missing),
        }
    }

    /// Whether every client is accepted.
    fn is_open(&self) -> bool {
        self.api_secret.is_none() && self.token_secret.is_none()
    }

    fn has_api_secret(&self, shown: &Credentials<'_>) -> bool {
        let (Some(secret), Some(shown)) = (&self.api_secret, &shown.api_secret) else { return false };
        secret.matches(shown)
    }

    /// Accepts an `attach`: a token, if the client shows one, must be valid for the plugin.
    ///
    /// # Errors
    /// 405.
    pub fn check_plugin(&self, shown: &Credentials<'_>, now: u64) -> Result<(), JanusError> {
        let (Some(key), Some(token)) = (&self.token_secret, &shown.token) else { return Ok(()) };
        if Token::verify(token, key, now).is_ok_and(|token| token.plugins.contains(&PLUGIN)) {
            return Ok(());
        }
        let reason = format!("Provided token can't access plugin '{PLUGIN}'");
        Err(JanusError::new(UNAUTHORIZED_PLUGIN, reason))
    }

    /// The digest of the token that the client shows; none without a token, or if tokens are not configured.
    pub fn token_digest(&self, shown: &Credentials<'_>) -> Option<String> {
        let (key, token) = (self.token_secret.as_ref()?, shown.token.as_deref()?);
        let mut mac = Hmac::<Sha1>::new_from_slice(key.reveal().as_bytes()).ok()?;
        mac.update(DIGEST_PREFIX);
        mac.update(token.as_bytes());
        Some(STANDARD.encode(mac.finalize().into_bytes()))
    }

    /// Whether a session with the digest `own` may be claimed with `shown`; without `own`, any client may. The
    /// comparison takes constant time.
    pub fn same_token(own: Option<&str>, shown: Option<&str>) -> bool {
        own.is_none_or(|own| shown.is_some_and(|shown| Secret::from(own).matches(shown)))
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unauthorized {
    /// The client shows neither secret nor token.
    Missing,
    /// Its token was valid.
    Expired,
    /// Its secret or token is not one of ours.
    Wrong,
    /// It has shown too many wrong ones in the same message.
    Unchecked,
}

impl Unauthorized {
    pub const ALL: [Self; 4] = [Self::Missing, Self::Expired, Self::Wrong, Self::Unchecked];

    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Expired => "expired",
            Self::Wrong => "wrong",
            Self::Unchecked => "unchecked",
        }
    }

    /// What the client gets, whatever the reason: 403.
    pub fn error(self) -> JanusError {
        JanusError::new(UNAUTHORIZED, "Unauthorized request (wrong or missing secret/token)")
    }
}

/// A valid token.
struct Token<'a> {
    plugins: Vec<&'a str>,
}

impl<'a> Token<'a> {
    fn verify(token: &'a str, key: &Secret, now: u64) -> Result<Self, Unauthorized> {
        let (expiry, token) = Self::read(token, key).ok_or(Unauthorized::Wrong)?;
        if now <= expiry { Ok(token) } else { Err(Unauthorized::Expired) }
    }

    /// A token with a valid signature, and until when it is valid.
    fn read(token: &'a str, key: &Secret) -> Option<(u64, Self)> {
        let (claims, signature) = token.split_once(':')?;
        let signature = STANDARD.decode(signature).ok()?;
        let mut mac = Hmac::<Sha1>::new_from_slice(key.reveal().as_bytes()).ok()?;
        mac.update(claims.as_bytes());
        mac.verify_slice(&signature).ok()?;
        let mut claims = claims.split(',');
        let expiry: u64 = claims.next()?.parse().ok()?;
        let realm = claims.next()?;
        (realm == REALM).then(|| (expiry, Self { plugins: claims.collect() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signed by the rule of Janus with the key `hmackey`.
    const SAMPLE: &str = "1795333128,janus,janus.plugin.videocall:H1OmW9xNJkej1FfrpHBftmkb040=";
    const BEFORE: u64 = 1_795_333_128;

    fn sign(claims: &str) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(b"hmackey").unwrap();
        mac.update(claims.as_bytes());
        format!("{claims}:{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    fn shown<'a>(api_secret: Option<&'a str>, token: Option<&'a str>) -> Credentials<'a> {
        Credentials { api_secret: api_secret.map(Into::into), token: token.map(Into::into) }
    }

    fn auth(api_secret: Option<&str>, token_secret: Option<&str>) -> Auth {
        let secret = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        Auth { api_secret: secret(api_secret), token_secret: secret(token_secret) }
    }

    #[test]
    fn without_secrets_every_client_is_accepted() {
        assert_eq!(auth(None, None).check(&shown(None, None), BEFORE), Ok(()));
        assert_eq!(auth(None, None).check_plugin(&shown(None, Some("nonsense")), BEFORE), Ok(()));
    }

    #[test]
    fn secret_or_token_is_enough() {
        let both = auth(Some("open"), Some("hmackey"));
        let is_accepted = |secret, token| both.check(&shown(secret, token), BEFORE).is_ok();
        assert!(is_accepted(Some("open"), None) && is_accepted(None, Some(SAMPLE)));
        assert!(is_accepted(Some("wrong"), Some(SAMPLE)) && is_accepted(Some("open"), Some("wrong")));
        assert!(
            !is_accepted(None, None)
                && !is_accepted(Some("wrong"), Some("wrong"))
                && !is_accepted(Some(""), None)
        );
    }

    #[test]
    fn guesses_differ_from_other_refusals() {
        use Unauthorized::{Expired, Missing, Wrong};
        let both = auth(Some("open"), Some("hmackey"));
        for (secret, token, expected) in [
            (None, None, Missing),
            (Some("wrong"), None, Wrong),
            (None, Some("wrong"), Wrong),
            (None, Some(SAMPLE), Expired),
            // An expired token does not hide the guess of a secret.
            (Some("wrong"), Some(SAMPLE), Wrong),
        ] {
            assert_eq!(both.check(&shown(secret, token), BEFORE + 1), Err(expected), "{secret:?} {token:?}");
        }
        // What the edge does not ask for is no guess.
        assert_eq!(auth(Some("open"), None).check(&shown(None, Some("x")), BEFORE), Err(Missing));
        assert_eq!(auth(None, Some("hmackey")).check(&shown(Some("x"), None), BEFORE), Err(Missing));
    }

    #[test]
    fn token_is_valid_until_it_expires() {
        let tokens = auth(None, Some("hmackey"));
        assert!(tokens.check(&shown(None, Some(SAMPLE)), BEFORE).is_ok());
        let late = tokens.check(&shown(None, Some(SAMPLE)), BEFORE + 1).unwrap_err().error();
        assert_eq!(
            (late.code, late.reason.as_str()),
            (403, "Unauthorized request (wrong or missing secret/token)")
        );
    }

    #[test]
    fn token_is_valid_for_its_realm_and_signature() {
        let tokens = auth(None, Some("hmackey"));
        let is_valid = |token: &str| tokens.check(&shown(None, Some(token)), BEFORE).is_ok();
        assert!(is_valid(&sign("9999999999,janus")));
        for invalid in ["", ":", "9999999999,janus", "9999999999,janus:", "9999999999,janus:%%%"] {
            assert!(!is_valid(invalid), "{invalid}");
        }
        assert!(!is_valid(&sign("9999999999,other,janus.plugin.videocall")));
        assert!(!is_valid(&sign("-1,janus")) && !is_valid(&sign("soon,janus")) && !is_valid(&sign("")));
        assert!(!is_valid(&SAMPLE.replace("videocall", "echotest")));
    }

    #[test]
    fn session_is_claimed_with_the_token_of_its_creation() {
        let tokens = auth(None, Some("hmackey"));
        let digest = |token| tokens.token_digest(&shown(Some("open"), token));
        let own = digest(Some(SAMPLE));
        assert!(Auth::same_token(own.as_deref(), digest(Some(SAMPLE)).as_deref()));
        let other = sign("9999999999,janus,janus.plugin.videocall");
        assert!(!Auth::same_token(own.as_deref(), digest(Some(&other)).as_deref()));
        assert!(!Auth::same_token(own.as_deref(), digest(None).as_deref()));
        assert!(!Auth::same_token(
            own.as_deref(),
            auth(None, Some("")).token_digest(&shown(None, Some(SAMPLE))).as_deref()
        ));
        assert!(
            !own.unwrap().contains(SAMPLE.split_once(':').unwrap().1),
            "the digest reveals the signature"
        );
    }

    #[test]
    fn without_a_token_any_client_may_claim() {
        assert_eq!(auth(None, None).token_digest(&shown(None, Some(SAMPLE))), None);
        assert_eq!(auth(Some("open"), Some("hmackey")).token_digest(&shown(Some("open"), None)), None);
        assert!(Auth::same_token(None, Some("x")) && Auth::same_token(None, None));
    }

    #[test]
    fn token_must_name_the_plugin_even_with_a_valid_secret() {
        let both = auth(Some("open"), Some("hmackey"));
        let other = sign("9999999999,janus,janus.plugin.echotest");
        assert!(both.check_plugin(&shown(Some("open"), Some(SAMPLE)), BEFORE).is_ok());
        assert!(both.check_plugin(&shown(Some("open"), None), BEFORE).is_ok());
        let refused = both.check_plugin(&shown(Some("open"), Some(&other)), BEFORE).unwrap_err();
        assert_eq!(refused.reason, "Provided token can't access plugin 'janus.plugin.videocall'");
    }
}
